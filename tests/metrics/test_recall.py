from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from sklearn.metrics import recall_score

from pigbench.metrics.recall import Recall


def test_it_is_the_fraction_to_the_last_bit():
    draw = np.random.default_rng(0).integers(1, 10**6, (3, 500))
    found = Recall().score(dict(zip(("tp", "fp", "fn"), draw.astype(float), strict=True)))
    expected = [float(Fraction(tp, tp + fn)) for tp, _, fn in draw.T.tolist()]
    assert found.tolist() == expected


def test_it_equals_scikit_learns(score):
    draw = np.random.default_rng(1)
    for lesion in (0.1, 0.5, 0.9):
        truth, prediction = draw.random((2, 6, 7)) < lesion
        expected = recall_score(truth.ravel(), prediction.ravel(), zero_division=0.0)
        assert score("recall", truth, prediction) == pytest.approx(expected)


def test_a_case_by_hand(score):
    assert score("recall", ["#..#"], ["###."]) == 1 / 2
