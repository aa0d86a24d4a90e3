"""Worth in patients: read off a monotone curve, never beyond it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from pigbench.metrics.inference import Parts
from pigbench.metrics.worth import isotonic, read_off, worth

SIZES = [8, 16, 32, 64]


@given(st.lists(st.lists(st.floats(0, 1), min_size=4, max_size=4), min_size=1, max_size=5))
def test_a_curve_is_made_monotone_as_scikit_learn_does(curves):
    expected = [IsotonicRegression().fit_transform(np.arange(4), curve) for curve in curves]
    np.testing.assert_allclose(isotonic(np.array(curves)), expected, atol=1e-9)


@pytest.mark.parametrize(
    ("value", "patients"),
    [(0.4, 8), (0.45, 8 * 2**0.5), (0.5, 16), (0.6, 32), (0.65, 32 * 2**0.5), (0.7, 64), (0.39, 0), (0.71, np.inf)],
)
def test_between_two_points_it_is_their_logarithm_and_beyond_nothing_is_said(value, patients):
    (found,) = read_off(SIZES, np.array([[0.4, 0.5, 0.6, 0.7]]), np.array([value]))
    assert found == pytest.approx(patients)


def parts(patients: np.ndarray, luck: np.ndarray | float = 0.0, freedom: float = 1e9) -> Parts:
    """Of five means."""
    return Parts(patients, np.full(5, freedom), np.broadcast_to(luck, 5), np.full(5, freedom))


def test_on_a_flat_part_it_is_the_least_number():
    (found,) = read_off(SIZES, np.array([[0.4, 0.5, 0.5, 0.7]]), np.array([0.5]))
    assert found == pytest.approx(16)


def test_without_chance_the_interval_is_the_number():
    means = np.array([0.4, 0.5, 0.6, 0.7, 0.55])
    found = worth(SIZES, means, parts(np.zeros((10, 5))))
    assert (found.low, found.patients, found.high) == pytest.approx([16 * 2**0.5] * 3)


def test_what_patients_do_to_all_arms_alike_does_not_widen_it():
    means, stream = np.array([0.4, 0.5, 0.6, 0.7, 0.55]), np.random.default_rng(0)
    together = np.repeat(0.01 * stream.standard_normal((40, 1)), 5, axis=1)
    found = worth(SIZES, means, parts(together))
    assert (found.low, found.high) == pytest.approx((found.patients, found.patients))
    apart = 0.01 * stream.standard_normal((40, 5))
    found = worth(SIZES, means, parts(apart))
    assert found.low < 16 and found.high > 32


@pytest.mark.parametrize("freedom", [4, 1000])
def test_its_interval_covers_the_true_number(freedom):
    """Of 300 studies with independent errors, whose variance is an estimate of that many degrees of freedom."""
    stream, true, covered = np.random.default_rng(2), np.array([0.4, 0.5, 0.58, 0.64, 0.54]), 0
    exact = read_off(SIZES, true[None, :-1], true[None, -1])[0]
    for _ in range(300):
        luck = 0.02**2 * stream.chisquare(freedom) / freedom
        seen = true + 0.02 * stream.standard_normal(5)
        found = worth(SIZES, seen, parts(np.zeros((1, 5)), np.full(5, luck), freedom))
        covered += found.low <= exact <= found.high
    assert covered >= 274  # 95 %, less three standard errors
