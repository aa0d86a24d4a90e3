from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import f1_score, jaccard_score, precision_score, recall_score

from pigbench import metrics
from pigbench.metrics.measuring import measure_cases
from pigbench.metrics.overlap import METRICS, counts, excluded, scores

side = st.integers(1, 8)
mask_pairs = st.tuples(st.integers(1, 4), side, side).flatmap(
    lambda s: st.tuples(*[arrays(bool, (s[0], 1, s[1], s[2]), elements=st.booleans())] * 2)
)


def single(predicted: list[int], mask: list[int]) -> dict[str, float]:
    as_case = [np.array(pixels).reshape(1, 1, 1, -1) for pixels in (predicted, mask)]
    return {metric: values.item() for metric, values in scores(*counts(*as_case)).items()}


@given(mask_pairs)
def test_scores_equal_scikit_learn_case_by_case(pair):
    predicted, masks = pair
    found = scores(*counts(predicted, masks.astype(np.uint8)))
    peers = {"dice": f1_score, "iou": jaccard_score, "precision": precision_score, "recall": recall_score}
    for case, (guess, truth) in enumerate(zip(predicted, masks, strict=True)):
        if not guess.any() and not truth.any():
            assert all(np.isnan(found[metric][case]) for metric in METRICS)
            continue
        for metric, peer in peers.items():
            assert found[metric][case] == pytest.approx(peer(truth.ravel(), guess.ravel(), zero_division=0.0))


@given(mask_pairs)
def test_counts_cover_every_pixel_once_and_swap_with_the_roles(pair):
    predicted, masks = pair
    there, back = counts(predicted, masks), counts(masks, predicted)
    assert (sum(there) == predicted[0].size).all()
    assert all(each.dtype == np.int64 and each.shape == (len(masks),) and (each >= 0).all() for each in there)
    assert (there.fp == back.fn).all() and (there.tp == back.tp).all() and (there.tn == back.tn).all()


@given(mask_pairs)
def test_scores_stay_in_range_and_dice_follows_from_iou(pair):
    found = scores(*counts(*pair))
    assert tuple(found) == METRICS
    for values in found.values():
        assert values.dtype == np.float64
        assert ((values >= 0) & (values <= 1) | np.isnan(values)).all()
    np.testing.assert_allclose(found["dice"], 2 * found["iou"] / (1 + found["iou"]))


def test_a_missed_lesion_scores_zero_in_all_four():
    assert single([0, 0, 0], [0, 1, 1]) == dict.fromkeys(METRICS, 0.0)


def test_a_prediction_on_an_empty_mask_scores_zero_in_all_four():
    assert single([0, 1, 0], [0, 0, 0]) == dict.fromkeys(METRICS, 0.0)


def test_both_empty_has_no_score_and_is_excluded():
    assert np.isnan(list(single([0, 0, 0], [0, 0, 0]).values())).all()
    assert excluded([0, 0, 3], [0, 1, 0], [0, 0, 0]).tolist() == [True, False, False]


def test_a_lesion_and_a_prediction_that_do_not_meet_score_zero():
    assert single([1, 0, 0], [0, 0, 1]) == dict.fromkeys(METRICS, 0.0)


def test_a_perfect_prediction_scores_one_even_where_it_fills_the_image():
    assert single([0, 1, 1], [0, 1, 1]) == dict.fromkeys(METRICS, 1.0)
    assert single([1, 1, 1], [1, 1, 1]) == dict.fromkeys(METRICS, 1.0)


def test_a_case_by_hand():
    assert single([1, 1, 1, 0], [1, 0, 0, 1]) == {"dice": 2 / 5, "iou": 1 / 4, "precision": 1 / 3, "recall": 1 / 2}


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match=r"\(1, 1, 2, 2\)"):
        counts(np.zeros((1, 1, 2, 2)), np.zeros((2, 1, 2, 2)))


@given(pair=mask_pairs)
def test_the_metrics_give_the_same_counts_and_scores_to_the_last_bit(pair, masks):
    predicted, true = pair
    expected = counts(predicted, true)
    cases = [masks(truth[0], guess[0]) for guess, truth in zip(predicted, true, strict=True)]
    found = measure_cases({name: metrics.find(name) for name in METRICS}, cases)
    assert {name: values.tolist() for name, values in found.statistics["overlap"].items()} == {
        name: values.tolist() for name, values in expected._asdict().items()
    }
    for name, values in scores(*expected).items():
        np.testing.assert_array_equal(found.scores[name], values)


@pytest.mark.parametrize("name", METRICS)
def test_the_table_of_empty_masks(name, score):
    assert score(name, ["..##"], ["...."]) == 0
    assert score(name, ["...."], ["..##"]) == 0
    assert np.isnan(score(name, ["...."], ["...."]))
    assert score(name, ["..##"], ["##.."]) == 0
    assert score(name, ["####"], ["####"]) == 1
