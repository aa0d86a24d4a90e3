from __future__ import annotations

import numpy as np
import pytest

THREE = ["##....#", "##.....", ".......", "....###"]


@pytest.mark.parametrize(
    ("truth", "prediction", "found"),
    [
        (THREE, THREE, 1),
        (THREE, ["##.....", "##.....", ".......", "......."], 1 / 3),
        (THREE, ["##....#", "##.....", ".......", "......."], 2 / 3),
        (THREE, ["..#....", "..#....", ".....#.", "...#..."], 0),  # beside all three, on none
        (["####......"], ["#..#......"], 1),  # in two pieces
        (["#........."], ["##########"], 1),  # IoU 1 in 10
        (["#.........."], ["###########"], 0),  # IoU 1 in 11
        (["##........#"], ["###########"], 1 / 2),  # one component over two lesions: IoU 2 in 11, 1 in 11
        (["#.", ".#"], ["#.", ".."], 1),  # one lesion, over a corner
    ],
)
def test_by_hand(truth, prediction, found, score):
    assert score("found", truth, prediction) == pytest.approx(found)


def test_the_table_of_empty_masks(score):
    assert score("found", ["..#"], ["..."]) == 0
    assert np.isnan(score("found", ["..."], ["..#"]))
    assert np.isnan(score("found", ["..."], ["..."]))
