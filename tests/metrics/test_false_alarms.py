from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("truth", "prediction", "alarms"),
    [
        (["##....#"], ["##....#"], 0),
        (["##....#"], ["##.#..#"], 1),
        (["##....#"], ["..#.#.."], 2),  # beside a lesion is not on it
        (["##....#"], ["#######"], 0),
        (["##.", "...", "..."], ["..#", ".#.", "..."], 1),  # one component, over a corner
    ],
)
def test_by_hand(truth, prediction, alarms, score):
    assert score("false_alarms", truth, prediction) == alarms


def test_the_table_of_empty_masks(score):
    assert score("false_alarms", ["..#"], ["..."]) == 0
    assert score("false_alarms", ["....."], ["#.#.#"]) == 3
    assert score("false_alarms", ["..."], ["..."]) == 0
