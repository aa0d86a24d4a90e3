from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from scipy import stats

from pigbench.metrics.bootstrap import Sums, paired_differences


class Interval(NamedTuple):
    delta: float
    low: float
    high: float


def paired_difference(base, other, patients, seeds=None, **how) -> Interval:
    """The mean of `other` minus that of `base`, both (N,) of the same cases, NaN where a case has no score."""
    kept = ~(np.isnan(base) & np.isnan(other))
    seeds = np.zeros(len(kept)) if seeds is None else seeds
    patient, repeat = (np.unique(np.asarray(ids)[kept], return_inverse=True)[1] for ids in (patients, seeds))

    def summed(scores) -> Sums:
        sums, counts = np.zeros((2, repeat.max() + 1, patient.max() + 1, 1))
        there = ~np.isnan(scores[kept])
        where = (repeat[there], patient[there], 0)
        np.add.at(sums, where, scores[kept][there])
        np.add.at(counts, where, 1)
        return Sums(sums, counts)

    return Interval(*(bound.item() for bound in paired_differences(summed(base), summed(other), **how)))


def mean_interval(scores, patients, seeds=None, **how) -> Interval:
    """The mean of `scores` (N,)."""
    return paired_difference(np.zeros(len(scores)), scores, patients, seeds, **how)


def clustered(rng: np.random.Generator, patients: int, slices: int, between: float, within: float):
    """Scores of mean 0: a part that a patient's slices share, and one of their own."""
    ids = np.repeat(np.arange(patients), slices)
    return rng.normal(0, between, patients)[ids] + rng.normal(0, within, len(ids)), ids


def test_the_difference_is_that_of_the_means_over_all_cases():
    base, other = np.array([0.1, 0.5, 0.6]), np.array([0.3, 0.4, 0.9])
    found = paired_difference(base, other, ["a", "a", "b"])
    assert found.delta == pytest.approx(other.mean() - base.mean())
    assert found.low <= found.delta <= found.high


def test_an_arm_against_itself_is_zero_with_no_width():
    base = np.random.default_rng(0).random(50)
    found = paired_difference(base, base.copy(), np.arange(50) // 5)
    assert found == (0, 0, 0)


def test_two_arms_without_a_difference_cover_zero():
    rng = np.random.default_rng(1)
    noise, ids = clustered(rng, 60, 6, 0.05, 0.1)
    base = rng.random(len(ids))
    found = paired_difference(base, base + noise - noise.mean(), ids)
    assert found.low < 0 < found.high


def test_the_same_seed_gives_the_same_interval_and_no_global_state_is_read():
    scores, ids = clustered(np.random.default_rng(2), 20, 3, 1, 1)
    np.random.seed(0)
    first = mean_interval(scores, ids)
    before = np.random.get_state()[1].copy()
    assert mean_interval(scores, ids) == first
    assert (np.random.get_state()[1] == before).all()
    assert mean_interval(scores, ids, seed=1) != first


def test_the_order_of_the_cases_and_the_names_of_patients_do_not_matter():
    scores, ids = clustered(np.random.default_rng(3), 20, 3, 1, 1)
    shuffled = np.random.default_rng(4).permutation(len(ids))
    expected = mean_interval(scores, ids)
    found = mean_interval(scores[shuffled], [f"patient {i:03d}" for i in ids[shuffled]])
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_one_case_a_patient_agrees_with_scipy():
    scores = np.random.default_rng(5).exponential(size=150)
    ours = mean_interval(scores, np.arange(150), resamples=20_000)
    theirs = stats.bootstrap((scores,), np.mean, n_resamples=20_000, method="percentile", rng=0).confidence_interval
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs), abs=0.05 * (ours.high - ours.low))


def test_unequal_patients_and_several_seeds_agree_with_an_explicit_loop():
    rng = np.random.default_rng(6)
    rows = [(patient, seed) for patient in range(12) for seed in range(3) for _ in range(1 + patient % 4)]
    patients, seeds = np.array(rows).T
    scores = 5 + rng.normal(size=12)[patients] + rng.normal(size=3)[seeds] + rng.normal(size=len(rows))
    cells = {(p, s): scores[(patients == p) & (seeds == s)] for p in range(12) for s in range(3)}
    means = []
    for _ in range(4000):
        drawn_patients, drawn_seeds = rng.integers(12, size=12), rng.integers(3, size=3)
        means.append(np.concatenate([cells[p, s] for p in drawn_patients for s in drawn_seeds]).mean())
    low, high = np.quantile(means, [0.025, 0.975])
    ours = mean_interval(scores, patients, seeds, resamples=4000)
    assert ours.delta == pytest.approx(scores.mean())
    assert (ours.low, ours.high) == pytest.approx((low, high), abs=0.08 * (high - low))


def test_coverage_on_clustered_data_is_close_to_nominal_where_ignoring_patients_is_far_off():
    rng = np.random.default_rng(7)
    clustered_hits = naive_hits = 0
    for trial in range(300):
        scores, ids = clustered(rng, 40, 6, 1.0, 0.7)
        by_patient = mean_interval(scores, ids, resamples=500, seed=trial)
        by_case = mean_interval(scores, np.arange(len(ids)), resamples=500, seed=trial)
        clustered_hits += by_patient.low <= 0 <= by_patient.high
        naive_hits += by_case.low <= 0 <= by_case.high
    assert 0.90 <= clustered_hits / 300 <= 0.98
    assert naive_hits / 300 < 0.75


def test_correlated_slices_widen_the_interval_and_unlike_seeds_widen_it_further():
    scores, ids = clustered(np.random.default_rng(8), 40, 6, 1, 0.5)
    seeds = np.arange(len(ids)) % 2
    shifted = scores + np.where(seeds == 0, -1, 1)

    def width(values, *units):
        interval = mean_interval(values, *units)
        return interval.high - interval.low

    assert width(scores, ids) > 1.5 * width(scores, np.arange(len(ids)))
    assert width(shifted, ids, seeds) > 1.5 * width(shifted, ids)


def test_a_false_alarm_counts_against_the_arm_that_gave_it():
    """100 lesions found alike, 100 healthy images: one arm is silent on all, which has no score, the other on half."""
    healthy = np.r_[np.zeros(50), np.full(50, np.nan)]
    silent, alarmed = np.r_[np.full(100, 0.6), np.full(100, np.nan)], np.r_[np.full(100, 0.6), healthy]
    patients = np.arange(200) // 2 % 50
    found = paired_difference(silent, alarmed, patients)
    assert found.delta == pytest.approx(0.4 - 0.6)
    assert found.high < 0
    assert paired_difference(alarmed, silent, patients).low > 0


def test_scores_that_arms_lack_agree_with_an_explicit_loop():
    rng = np.random.default_rng(11)
    patients = np.repeat(np.arange(15), 4)
    base, other = rng.random((2, 60))
    base[rng.random(60) < 0.3] = other[rng.random(60) < 0.2] = np.nan
    drawn = []
    for _ in range(4000):
        cases = np.concatenate([np.flatnonzero(patients == patient) for patient in rng.integers(15, size=15)])
        drawn.append(np.nanmean(other[cases]) - np.nanmean(base[cases]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    found = paired_difference(base, other, patients, resamples=4000)
    assert found.delta == pytest.approx(np.nanmean(other) - np.nanmean(base))
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.08 * (high - low))


def test_a_case_without_a_score_in_both_arms_plays_no_part():
    base, other = np.array([0.2, np.nan, 0.4]), np.array([0.3, np.nan, 0.6])
    assert paired_difference(base, other, ["a", "b", "c"]) == paired_difference(base[::2], other[::2], ["a", "c"])


def test_a_lower_confidence_gives_a_narrower_interval():
    scores, ids = clustered(np.random.default_rng(10), 30, 2, 1, 1)
    wide, narrow = (mean_interval(scores, ids, confidence=level) for level in (0.95, 0.5))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_a_patient_without_some_seed_does_no_harm():
    found = mean_interval(np.arange(4.0), ["a", "a", "b", "c"], seeds=[0, 1, 0, 1])
    assert np.isfinite([found.low, found.high]).all()
