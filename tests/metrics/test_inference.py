"""Inference against direct computations, and against what it is for: covering the truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.linalg import sqrtm

from pigbench.metrics.inference import (
    CONFIDENCE,
    MANY,
    Arms,
    Differences,
    Luck,
    differences,
    picked,
    pool,
    repeated,
    side_by_side,
    simultaneous_level,
)

NOBODY_KNOWS = Luck(np.zeros(1), np.zeros(1), 0.0)


def arm(scores: np.ndarray, patient: np.ndarray, fold: np.ndarray, generator=None) -> Arms:
    """From the scores (R, N) of cases. fold: of each patient."""
    member = patient == np.arange(len(fold))[:, None]
    sums = (member.astype(float) @ scores.T).T[..., None]
    counts = np.broadcast_to(member.sum(axis=1)[None, :, None].astype(float), sums.shape)
    return Arms.of(sums, counts, fold, generator)


def cr2(values: np.ndarray, patient: np.ndarray) -> float:
    """The textbook's: residuals of an intercept, multiplied by (I - H_gg)^(-1/2), cluster by cluster."""
    cases = len(values)
    residual = values - values.mean()
    total = 0.0
    for one in np.unique(patient):
        mine = patient == one
        hat = np.full((mine.sum(), mine.sum()), 1 / cases)
        adjusted = np.real(np.linalg.inv(sqrtm(np.eye(mine.sum()) - hat))) @ residual[mine]
        total += adjusted.sum() ** 2
    return total / cases**2


@given(st.integers(0, 10_000), st.integers(2, 12))
@settings(max_examples=40, deadline=None)
def test_with_one_training_the_variance_is_cr2_of_the_paired_differences(seed, patients):
    draw = np.random.default_rng(seed)
    patient = np.repeat(np.arange(patients), draw.integers(1, 7, patients))
    base, other = draw.normal(size=(2, 1, len(patient)))
    fold = np.arange(patients) % 2
    found = differences(arm(base, patient, fold), arm(other, patient, fold), NOBODY_KNOWS)
    assert found.delta[0] == pytest.approx(other.mean() - base.mean())
    assert found.error[0] ** 2 == pytest.approx(cr2((other - base)[0], patient))


@given(st.integers(0, 10_000), st.integers(3, 12))
@settings(max_examples=40, deadline=None)
def test_degrees_of_freedom_over_patients_are_those_of_the_covariance_written_out(seed, patients):
    draw = np.random.default_rng(seed)
    patient = np.repeat(np.arange(patients), draw.integers(1, 7, patients))
    base, other = draw.normal(size=(2, 1, len(patient)))
    found = differences(arm(base, patient, np.zeros(patients)), arm(other, patient, np.zeros(patients)), NOBODY_KNOWS)
    share = np.bincount(patient) / len(patient)
    model = np.diag(share * (share + share.mean()))
    centring = np.eye(patients) - np.outer(share, np.ones(patients))
    scale = np.diag(1 / np.sqrt(1 - share))
    omega = scale @ centring @ model @ centring.T @ scale
    assert found.freedom[0] == pytest.approx(max(1, np.trace(omega) ** 2 / np.trace(omega @ omega)))


def test_equal_patients_have_one_degree_of_freedom_less_than_there_are():
    values = np.random.default_rng(0).normal(size=(2, 1, 30))
    patient, fold = np.repeat(np.arange(10), 3), np.zeros(10)
    found = differences(arm(values[0], patient, fold), arm(values[1], patient, fold), NOBODY_KNOWS)
    assert found.freedom[0] == pytest.approx(9)
    means = (values[1] - values[0]).reshape(10, 3).mean(axis=1)
    low, high = stats.ttest_1samp(means, 0).confidence_interval()
    assert [bound[0] for bound in found.bounds()] == pytest.approx([low, high])


def test_luck_is_the_variance_of_the_folds_means_without_the_chance_of_patients():
    draw = np.random.default_rng(1)
    patient, fold = np.repeat(np.arange(60), 4), np.arange(60) % 5
    luck = draw.normal(size=(40, 5)) * 2
    of_fold = fold[patient]
    lucky = arm(luck[:, of_fold], patient, fold).luck
    assert lucky.freedom == 39 * 5
    assert lucky.noise[0] == pytest.approx(0, abs=1e-20)
    assert lucky.variances()[0][0] == pytest.approx(luck.var(axis=0, ddof=1).mean())
    noise = draw.normal(size=(40, 60))[:, patient] * 3  # of a patient in a training
    noisy = arm(noise, patient, fold).luck
    assert noisy.squares[0] / noisy.freedom == pytest.approx(9 / 12, rel=0.2)
    assert noisy.variances()[0][0] < 0.15


def test_what_patients_show_of_luck_already_is_not_counted_twice():
    """With luck alone, the expected variance is that of the mean."""
    draw = np.random.default_rng(2)
    cases = draw.integers(1, 9, 12)
    patient, fold = np.repeat(np.arange(12), cases), np.arange(12) % 3
    of_fold = fold[patient]
    shares = np.bincount(of_fold) / len(patient)
    found, means = [], []
    for _ in range(1500):
        one, two = (arm(draw.normal(size=(2, 3))[:, of_fold], patient, fold) for _ in range(2))
        of_one = differences(one, two, pool([one.luck, two.luck]))
        found.append(of_one.error[0] ** 2)
        means.append(of_one.delta[0])
    assert np.mean(found) == pytest.approx((shares**2).sum(), rel=0.05)  # two arms, two trainings each
    assert np.var(means) == pytest.approx((shares**2).sum(), rel=0.12)


def test_trainings_on_one_generators_pairs_are_one():
    draw = np.random.default_rng(3)
    patient, fold = np.repeat(np.arange(8), 2), np.arange(8) % 2
    scores = draw.normal(size=(6, 16))
    by_generator = arm(scores, patient, fold, generator=[0, 0, 1, 1, 2, 2])
    averaged = arm(scores.reshape(3, 2, 16).mean(axis=1), patient, fold)
    assert by_generator.by_generator and not averaged.by_generator
    assert by_generator.luck.freedom == averaged.luck.freedom == 4
    assert by_generator.luck.squares == pytest.approx(averaged.luck.squares)
    assert by_generator.weight == pytest.approx(averaged.weight)
    assert by_generator.mean == pytest.approx(averaged.mean)


def test_an_arm_with_few_trainings_takes_the_luck_of_all():
    draw = np.random.default_rng(4)
    patient, fold = np.repeat(np.arange(20), 3), np.arange(20) % 5

    def trained(times: int, luck: float) -> Arms:
        return arm(draw.normal(size=(times, 5))[:, fold[patient]] * luck + draw.normal(size=60), patient, fold)

    once, often, wild = trained(1, 2), trained(5, 2), trained(5, 30)
    pooled = pool([once.luck, often.luck])
    assert pooled.freedom == often.luck.freedom == 20
    alone = differences(often, once, NOBODY_KNOWS)
    assert alone.luck[0] == 0 < differences(often, once, pooled).luck[0]
    all_of = pool([once.luck, often.luck, wild.luck])
    known = differences(often, trained(3, 2), all_of)  # 10 degrees of freedom are enough
    assert known.base_luck[0] < differences(often, once, all_of).base_luck[0] / 20


@pytest.mark.parametrize(("luck", "trainings"), [(0.0, 2), (3.0, 2), (3.0, 1)])
def test_it_covers_the_truth(luck, trainings):
    """As `benchmarks/coverage.py` simulates it at length; over patients alone these cover 60 to 80 %."""
    draw = np.random.default_rng(5)
    patients, folds, studies = 30, 5, 1500
    fold, cases = np.arange(patients) % folds, draw.integers(1, 9, patients)[:, None]

    def trained(times: int) -> Arms:
        sums = draw.normal(size=(patients, studies)) * 6 * cases
        shared = draw.normal(size=(times, folds, studies))[:, fold] * luck * cases
        noise = draw.normal(size=(times, patients, studies)) * 8 * np.sqrt(cases)
        return Arms.of(sums + shared + noise, np.broadcast_to(cases[None], noise.shape), fold)

    base, other = trained(3), trained(trainings)
    low, high = differences(base, other, pool([base.luck, other.luck])).bounds()
    assert 0.93 < ((low <= 0) & (high >= 0)).mean() < 0.975


def test_luck_that_few_trainings_show_widens_the_interval_enough():
    """Of one arm trained twice and another once, in two folds; by Satterthwaite's formula alone 92 to 93 %."""
    draw = np.random.default_rng(7)
    patients, studies = 80, 3000
    fold, cases = np.arange(patients) % 2, draw.integers(1, 13, patients)[:, None]

    def trained(times: int) -> Arms:
        sums = draw.normal(size=(patients, studies)) * (6 * cases + 10 * np.sqrt(cases))
        shared = draw.normal(size=(times, 2, studies))[:, fold] * 3 * cases
        noise = draw.normal(size=(times, patients, studies)) * 10 * np.sqrt(cases)
        return Arms.of(sums + shared + noise, np.broadcast_to(cases[None], noise.shape), fold)

    base, other = trained(2), trained(1)
    low, high = differences(base, other, pool([base.luck, other.luck])).bounds()
    assert 0.94 < ((low <= 0) & (high >= 0)).mean() < 0.975


def made(patients: np.ndarray, luck: float = 0.0, base_luck: float = 0.0, freedom: float = 1e9) -> Differences:
    rows = patients.shape[1]
    parts = np.full(rows, luck), np.full(rows, base_luck)
    error = np.sqrt((patients**2).sum(axis=0) + sum(parts))
    return Differences(np.zeros(rows), error, np.full(rows, freedom), patients, *parts, np.full((3, rows), freedom))


def test_simultaneous_intervals_are_those_of_the_largest_t():
    draw = np.random.default_rng(6)
    assert simultaneous_level(made(draw.normal(size=(30, 1)))) == CONFIDENCE
    one = draw.normal(size=(30, 1))
    assert simultaneous_level(made(np.tile(one, 6))) == pytest.approx(CONFIDENCE, abs=0.004)
    assert simultaneous_level(made(np.zeros((30, 6)), base_luck=1.0)) == pytest.approx(CONFIDENCE, abs=0.004)
    apart = CONFIDENCE ** (1 / 6)
    assert simultaneous_level(made(np.zeros((30, 6)), luck=1.0)) == pytest.approx(apart, abs=0.002)
    assert simultaneous_level(made(np.eye(6))) == pytest.approx(apart, abs=0.002)
    shared = simultaneous_level(made(np.zeros((1, 6)), luck=1.0, base_luck=1.0))  # correlation 0.5, as Dunnett has it
    dunnett = stats.multivariate_normal(cov=np.full((6, 6), 0.5) + 0.5 * np.eye(6))
    quantile = stats.norm.ppf((1 + shared) / 2)
    assert dunnett.cdf([quantile] * 6, lower_limit=[-quantile] * 6) == pytest.approx(CONFIDENCE, abs=0.004)
    many = made(np.ones((2, MANY + 1)))
    assert simultaneous_level(many) == pytest.approx(CONFIDENCE ** (1 / (MANY + 1)))


def test_what_would_be_shown_has_that_power():
    found = made(np.ones((4, 1)), freedom=12.0)
    shown = found.detectable(0.95, power=0.8)[0]
    draws = stats.t.rvs(12, loc=0, size=200_000, random_state=0) + shown / found.error[0]
    assert (draws > found.critical(0.95)[0]).mean() == pytest.approx(0.8, abs=0.01)


def test_columns_are_picked_repeated_and_joined():
    draw = np.random.default_rng(7)
    patient, fold = np.repeat(np.arange(6), 2), np.arange(6) % 2
    one, two = (arm(draw.normal(size=(2, 12)), patient, fold) for _ in range(2))
    both = side_by_side([one, two])
    assert both.mean.shape == (2,) and both.luck.squares.shape == (2,) and both.luck.freedom == 2
    assert picked(both, [1]).influence == pytest.approx(two.influence)
    assert repeated(one, 3).share.shape == (6, 3)


def test_a_constant_difference_has_no_width():
    values = np.random.default_rng(8).normal(size=(1, 12))
    patient, fold = np.repeat(np.arange(6), 2), np.arange(6) % 2
    found = differences(arm(values, patient, fold), arm(values + 1, patient, fold), NOBODY_KNOWS)
    assert [found.delta[0], *(bound[0] for bound in found.bounds())] == pytest.approx([1, 1, 1])
