"""Dice, IoU, precision and recall against scikit-learn, and their table of empty masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import f1_score, jaccard_score, precision_score, recall_score

from pigbench.metrics import case_metrics
from pigbench.metrics.measuring import Measured, measure_cases

PEERS = {"dice": f1_score, "iou": jaccard_score, "precision": precision_score, "recall": recall_score}
side = st.integers(1, 8)
mask_pairs = st.tuples(st.integers(1, 4), side, side).flatmap(
    lambda shape: st.tuples(*[arrays(bool, shape, elements=st.booleans())] * 2)
)


def measured(predicted: np.ndarray, true: np.ndarray, masks) -> Measured:
    cases = [masks(truth, guess) for guess, truth in zip(predicted, true, strict=True)]
    return measure_cases(case_metrics(PEERS), cases)


@settings(max_examples=30)
@given(pair=mask_pairs)
def test_scores_equal_scikit_learn_case_by_case(pair, masks):
    predicted, true = pair
    found = measured(predicted, true, masks).scores
    for case, (guess, truth) in enumerate(zip(predicted, true, strict=True)):
        if not guess.any() and not truth.any():
            assert all(np.isnan(found[metric][case]) for metric in PEERS)
            continue
        for metric, peer in PEERS.items():
            assert found[metric][case] == pytest.approx(peer(truth.ravel(), guess.ravel(), zero_division=0.0))


@given(pair=mask_pairs)
def test_counts_cover_every_pixel_once_and_swap_with_the_roles(pair, masks):
    there, back = (measured(*each, masks).statistics["overlap"] for each in (pair, pair[::-1]))
    assert (sum(there.values()) == pair[0][0].size).all()
    assert (there["fp"] == back["fn"]).all() and (there["tp"] == back["tp"]).all() and (there["tn"] == back["tn"]).all()


@given(pair=mask_pairs)
def test_dice_follows_from_iou(pair, masks):
    found = measured(*pair, masks).scores
    np.testing.assert_allclose(found["dice"], 2 * found["iou"] / (1 + found["iou"]))


def test_a_case_by_hand(score):
    truth, guess = ["#..#"], ["###."]
    assert {name: score(name, truth, guess) for name in PEERS} == {
        "dice": 2 / 5, "iou": 1 / 4, "precision": 1 / 3, "recall": 1 / 2
    }  # fmt: skip


@pytest.mark.parametrize("name", PEERS)
def test_the_table_of_empty_masks(name, score):
    assert score(name, ["..##"], ["...."]) == 0
    assert score(name, ["...."], ["..##"]) == 0
    assert np.isnan(score(name, ["...."], ["...."]))
    assert score(name, ["..##"], ["##.."]) == 0
    assert score(name, ["####"], ["####"]) == 1
