from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pigbench.metrics.fid import FID

four = st.lists(st.floats(0.1, 5), min_size=4, max_size=4)


def whitened(seed: int, count: int, dimension: int) -> np.ndarray:
    """Features whose sample mean is exactly 0 and whose sample covariance is exactly the identity."""
    raw = np.random.default_rng(seed).normal(size=(count, dimension))
    raw -= raw.mean(axis=0)
    return raw @ np.linalg.inv(np.linalg.cholesky(np.cov(raw, rowvar=False))).T


@given(a=four, b=four, shift=st.floats(-5, 5))
@settings(max_examples=20)
def test_of_diagonal_covariances_it_has_its_closed_form(a, b, shift, make_sets):
    generated, reference = whitened(2, 60, 4) * np.array(a) + shift, whitened(3, 60, 4) * np.array(b)
    sets = make_sets(generated, reference=reference, training=reference, heldout=reference)
    expected = 4 * shift**2 + np.square(np.subtract(a, b)).sum()
    assert FID().measure(sets, {}) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_equal_sets_are_at_zero_even_with_fewer_images_than_features(draws, make_sets):
    same = draws(0, 20, 64)
    sets = make_sets(same, reference=same.copy(), training=same, heldout=same)
    assert 0 <= FID().measure(sets, {}) < 1e-4


def test_what_is_known_of_the_reference_changes_no_digit(draws, make_sets):
    sets = make_sets(draws(0, 25))
    known = FID().known(make_sets(draws(0, 0), m=25))
    assert known["mu"].shape == (8,)
    assert known["sigma"].shape == (8, 8)
    assert FID().measure(sets, known) == FID().measure(sets, {})


def test_it_is_mostly_bias_below_twice_the_number_of_features():
    assert FID().biased(15, 8)
    assert not FID().biased(16, 8)
