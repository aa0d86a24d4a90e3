"""Numbers of training patients, from what a user gives."""

from __future__ import annotations

import pytest

from pigbench.errors import PigbenchError
from pigbench.planning.subsets import chosen_subsets


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ([], (None,)),
        (["all"], (None,)),
        ([16], (16,)),
        (["all,16, 8", "16"], (8, 16, None)),
    ],
)
def test_each_number_once_ascending_and_all_last(asked, found):
    assert chosen_subsets(asked) == found


@pytest.mark.parametrize("asked", ["0", "-3", "some", "8,,16", "1.5"])
def test_what_is_no_number_of_patients_is_refused(asked):
    with pytest.raises(PigbenchError, match="give numbers of at least 1, such as 8,16,32,all"):
        chosen_subsets([asked])
