"""Scores of several classes: which of them a case has, and its mean over these."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def of_known_classes(scores: np.ndarray, there: Sequence[Sequence[bool]]) -> np.ndarray:
    """The scores of N cases' classes, case after case, NaN where a class is in neither truth nor prediction and another
    one is: a case's score is the mean over the classes that it has.

    there: (N, K), whether truth or prediction has it.
    """
    known = np.array(there, bool).reshape(len(there), -1)
    return np.where((~known & known.any(axis=1, keepdims=True)).ravel(), np.nan, scores)


def over_classes(scores: np.ndarray, cases: int) -> np.ndarray:
    """(N,) means over the classes that have a score, NaN where none has, of the scores of N cases' classes, case after
    case."""
    by_case = scores.reshape(cases, -1)
    there = np.isfinite(by_case)
    sums, counts = np.where(there, by_case, 0.0).sum(axis=1), there.sum(axis=1)
    return np.divide(sums, counts, out=np.full(cases, np.nan), where=counts > 0)
