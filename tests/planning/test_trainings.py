"""How often arms are trained, from what a user gives."""

from __future__ import annotations

import pytest

from pigbench.errors import PigbenchError
from pigbench.planning.trainings import Trainings, chosen_trainings


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ([], Trainings(3)),
        ([5], Trainings(5)),
        (["5", "real=7"], Trainings(5, {"real": 7})),
        (["pig(guide=binary)=2"], Trainings(3, {"pig(guide=binary)": 2})),
        (["ldm=2", "pig=4"], Trainings(3, {"ldm(steps=8)": 2, "ldm": 2, "pig": 4})),
        ({"real": 7}, Trainings(3, {"real": 7})),
    ],
)
def test_numbers_for_all_and_for_some(asked, found):
    assert chosen_trainings(asked, 3, {"pig": "pig", "pig(guide=binary)": "pig", "ldm(steps=8)": "ldm"}) == found


def test_each_arm_has_its_own_or_that_of_all():
    trainings = Trainings(3, {"real": 5})
    assert (trainings["real"], trainings["pig"]) == (5, 3)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["0"], "--trainings 0: at least 1"),
        (["real=-1"], "--trainings real=-1: at least 1"),
        (["three"], "--trainings three: give a number"),
        (["rael=3"], "unknown name in --trainings 'rael': did you mean 'real'"),
    ],
)
def test_what_is_no_number_or_no_arm_is_refused(asked, said):
    with pytest.raises(PigbenchError, match=said):
        chosen_trainings(asked, 3, {"pig": "pig"})
