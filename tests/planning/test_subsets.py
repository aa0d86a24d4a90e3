"""Numbers of training patients, from what a user gives."""

from __future__ import annotations

import pytest

from pigbench.errors import PigbenchError
from pigbench.planning.subsets import chosen_subsets, only_subset


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


def test_where_pairs_are_of_one_number_several_are_refused():
    assert [only_subset(chosen_subsets(asked)) for asked in ([], ["all"], [8], ["8"])] == [None, None, 8, 8]
    with pytest.raises(PigbenchError, match="--train-patients 4,8: give one number"):
        only_subset(chosen_subsets(["4,8"]))
