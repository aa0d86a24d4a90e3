from __future__ import annotations

import numpy as np
import pytest


def square(down: int, across: int, side: int = 10, shape: tuple[int, int] = (60, 100)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[down : down + side, across : across + side] = True
    return mask


def test_without_spacing_the_tolerance_is_one_percent_of_the_longer_side(score):
    assert score("nsd", square(20, 20), square(20, 21)) == 1
    assert score("nsd", square(20, 20), square(20, 22)) < 1
    wide = {"shape": (60, 200)}
    assert score("nsd", square(20, 20, **wide), square(20, 22, **wide)) == 1


def test_with_spacing_the_tolerance_is_two_mm(score):
    assert score("nsd", square(20, 20), square(20, 24), (0.5, 0.5)) == 1
    assert score("nsd", square(20, 20), square(20, 25), (0.5, 0.5)) < 1
    assert score("nsd", square(20, 20), square(20, 22), (5.0, 1.0)) == 1
    assert score("nsd", square(20, 20), square(21, 20), (5.0, 1.0)) < 1


def test_a_distance_of_exactly_the_tolerance_is_within_it_wherever_it_lies(score):
    for place in range(60):
        assert score("nsd", square(20, place), square(20, place + 20), (0.1, 0.1)) == 1


def test_by_hand(score, statistics):
    """Two squares side by side, each with 36 surface pixels: a column of each is 1 pixel from the other's."""
    case = square(20, 20), square(20, 30)
    counts = {"truth": 36, "truth_close": 10, "prediction": 36, "prediction_close": 10}
    assert statistics("nsd", *case) == counts
    assert score("nsd", *case) == 20 / 72


def test_truth_and_prediction_swapped_score_the_same(score):
    draw = np.random.default_rng(0)
    one, other = (np.kron(draw.random((6, 10)) < 0.3, np.ones((10, 10))) > 0 for _ in range(2))
    assert score("nsd", one, other) == score("nsd", other, one)


def test_the_table_of_empty_masks(score):
    there, empty = square(20, 20), np.zeros((60, 100), bool)
    assert score("nsd", there, empty) == 0
    assert score("nsd", empty, there) == 0
    assert np.isnan(score("nsd", empty, empty))


def test_it_is_monais(score):
    monai = pytest.importorskip("monai.metrics")
    import torch

    draw = np.random.default_rng(0)
    for _ in range(10):
        truth, prediction = (np.kron(draw.random((8, 9)) < 0.4, np.ones((4, 5))) > 0 for _ in range(2))
        one_hot = [torch.from_numpy(mask)[None, None].float() for mask in (prediction, truth)]
        there = monai.compute_surface_dice(*one_hot, [2.0], include_background=True, spacing=(0.5, 0.8)).item()
        assert score("nsd", truth, prediction, (0.5, 0.8)) == pytest.approx(there)
