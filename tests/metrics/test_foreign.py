"""Real pairs with foreign masks: who gets whose, and what a measure makes of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pigbench.metrics.foreign import others, scale


@given(cases=st.lists(st.integers(1, 6), min_size=2, max_size=12), seed=st.integers(0, 5))
def test_every_mask_is_given_away_once_and_to_another_patient(cases, seed):
    patients = [f"p{number}" for number, count in enumerate(cases) for _ in range(count)]
    away = others(patients, np.random.default_rng(seed))
    assert sorted(away) == list(range(len(patients)))
    if 2 * max(cases) <= sum(cases):
        assert all(patients[one] != patients[other] for one, other in enumerate(away))


@pytest.mark.parametrize("sign", [1, -1])
def test_a_measure_that_foreign_masks_change_tells(sign):
    stream = np.random.default_rng(0)
    patients = np.repeat(np.arange(20), 5)
    own, foreign = sign * (0.8 + 0.1 * stream.standard_normal((1, 100))[0]), 0.1 * stream.standard_normal(100)
    found = scale(own, foreign, patients, stream)
    assert found.tells
    assert found.intact == pytest.approx(own.mean()) and found.chance == pytest.approx(foreign.mean())
    assert found.foreign_30 == pytest.approx(0.7 * found.intact, abs=0.05)
    assert found.foreign_50 == pytest.approx(0.5 * found.intact, abs=0.05)


def test_a_measure_that_they_do_not_change_tells_only_as_often_as_chance():
    stream = np.random.default_rng(1)
    told = []
    for _ in range(200):
        patients = np.repeat(np.arange(15), 3)
        own, foreign = stream.standard_normal((2, 45))
        told.append(scale(own, foreign, patients, stream).tells)
    assert np.mean(told) < 0.05


def test_what_varies_between_patients_alone_does_not_tell():
    """Few patients, each with many cases that are alike: sure by the cases, not by the patients."""
    patients = np.repeat(np.arange(3), 100)
    own, foreign = np.repeat([0.9, 0.1, 0.5], 100), np.repeat([0.1, 0.9, 0.3], 100)
    assert not scale(own, foreign, patients, np.random.default_rng(0)).tells


def test_without_pairs_nothing_is_told():
    nothing = np.full(4, np.nan)
    found = scale(nothing, nothing, list("abcd"), np.random.default_rng(0))
    assert not found.tells and np.isnan(found.intact)
