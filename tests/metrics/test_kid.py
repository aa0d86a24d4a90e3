from __future__ import annotations

import numpy as np
import pytest

from pigbench.metrics import kid as module
from pigbench.metrics.kid import KID


def unbiased_mmd2(x: np.ndarray, y: np.ndarray) -> float:
    """Eq. 4 of Bińkowski et al. with k(a, b) = (a·b / D + 1)^3, term by term."""

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return (float(a @ b) / len(a) + 1) ** 3

    m, n = len(x), len(y)
    within_x = sum(kernel(x[i], x[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    within_y = sum(kernel(y[i], y[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    return within_x + within_y - 2 * sum(kernel(a, b) for a in x for b in y) / (m * n)


def test_it_is_the_estimator_written_out(draws, make_sets):
    generated, reference = draws(0, 30, 5, 0.3), draws(1, 30, 5)
    sets = make_sets(generated, reference=reference, training=draws(2, 30, 5), heldout=draws(3, 30, 5))
    expected = unbiased_mmd2(generated.astype(np.float64), reference.astype(np.float64))
    assert KID().measure(sets, {}) == pytest.approx(expected, rel=1e-9)


def test_it_is_unbiased_around_zero(draws, make_sets):
    pairs = (make_sets(draws(1000 + i, 20), reference=draws(2000 + i, 20)) for i in range(200))
    found = np.array([KID().measure(sets, {}) for sets in pairs])
    assert abs(found.mean()) < 3 * found.std() / np.sqrt(len(found))
    assert (found < 0).any()


def test_of_many_images_it_is_the_mean_over_seeded_subsets(draws, make_sets, monkeypatch):
    generated, reference = draws(0, 60, shift=0.3), draws(1, 60)
    whole = KID().measure(make_sets(generated, reference=reference), {})
    monkeypatch.setattr(module, "SUBSET_SIZE", 40)
    parts = [KID().measure(make_sets(generated, reference=reference, seed=seed), {}) for seed in (0, 0, 1)]
    assert parts[0] == parts[1] != parts[2]
    assert parts[0] == pytest.approx(whole, rel=0.1)
    assert parts[0] != whole
