from __future__ import annotations

import numpy as np
import pytest

EMPTY = np.zeros((30, 40), bool)


def pixels(*places: tuple[int, int]) -> np.ndarray:
    mask = EMPTY.copy()
    mask[tuple(zip(*places, strict=True))] = True
    return mask


def test_by_hand(score, statistics):
    case = pixels((5, 5)), pixels((8, 9))
    assert statistics("hd95", *case) == {"distance": 5, "diagonal": 50, "in_mm": 0}
    assert score("hd95", *case) == 0.1


def test_the_record_tells_mm_where_they_are_known(score, statistics):
    case = pixels((5, 5)), pixels((8, 9)), (2.0, 2.0)
    assert statistics("hd95", *case) == {"distance": 10, "diagonal": 100, "in_mm": 1}
    assert score("hd95", *case) == 0.1
    assert statistics("hd95", pixels((5, 5)), pixels((5, 9)), (2.0, 0.5))["distance"] == 2


def test_it_is_the_larger_of_the_two_directions_not_both_pooled(statistics):
    """From the prediction's stray pixel it is far to the truth; from the truth it is nowhere far."""
    line = [(10, column) for column in range(15)]
    stray = pixels(*line, (29, 7))
    directed = np.percentile([0.0] * 15 + [19.0], 95)
    pooled = np.percentile([0.0] * 30 + [19.0], 95)
    for truth, prediction in ((pixels(*line), stray), (stray, pixels(*line))):
        assert statistics("hd95", truth, prediction)["distance"] == pytest.approx(directed)
    assert pooled < directed


def test_five_percent_of_the_outline_may_lie_anywhere(statistics):
    line = [(10, column) for column in range(40)]
    assert statistics("hd95", pixels(*line), pixels(*line, (29, 7)))["distance"] == 0


def test_the_table_of_empty_masks(score):
    """A miss is worse than any prediction that is there, so it cannot pay to predict nothing."""
    assert score("hd95", pixels((0, 0)), EMPTY) == 1
    assert score("hd95", EMPTY, pixels((0, 0))) == 1
    assert np.isnan(score("hd95", EMPTY, EMPTY))
    assert 0.9 < score("hd95", pixels((0, 0)), pixels((29, 39))) < 1


def test_it_is_monais(statistics):
    monai = pytest.importorskip("monai.metrics")
    import torch

    draw = np.random.default_rng(0)
    for _ in range(10):
        truth, prediction = (np.kron(draw.random((8, 9)) < 0.4, np.ones((4, 5))) > 0 for _ in range(2))
        one_hot = [torch.from_numpy(mask)[None, None].float() for mask in (prediction, truth)]
        there = monai.compute_hausdorff_distance(
            *one_hot, include_background=True, percentile=95, spacing=(0.5, 0.8)
        ).item()
        assert statistics("hd95", truth, prediction, (0.5, 0.8))["distance"] == pytest.approx(there, rel=1e-5)
