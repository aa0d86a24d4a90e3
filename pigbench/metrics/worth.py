"""What pairs are worth in patients: how many real ones a segmenter would need to do as well without the pairs.

Read off the learning curve of real cases alone, made monotone, over the logarithm of the number of patients. Nothing is
extrapolated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pigbench.metrics.inference import CONFIDENCE, Parts

LEAST_SIZES = 3
"""Of a curve, or nothing is read off it."""
DRAWS = 4000


@dataclass(frozen=True)
class Worth:
    """A number of patients with its 95 % interval.

    0: less than the fewest patients of the curve. Infinite: more than all there are.
    """

    patients: float
    low: float
    high: float


def isotonic(curves: np.ndarray) -> np.ndarray:
    """Curves (D, m) made non-decreasing, each by least squares with equal weights (pool adjacent violators)."""
    means = np.full((*curves.shape, curves.shape[1]), np.nan)  # of the points from a to b
    sums = np.cumsum(np.pad(curves, ((0, 0), (1, 0))), axis=1)
    for a in range(curves.shape[1]):
        for b in range(a, curves.shape[1]):
            means[:, a, b] = (sums[:, b + 1] - sums[:, a]) / (b + 1 - a)
    fitted = [np.max([np.min(means[:, a, i:], axis=1) for a in range(i + 1)], axis=0) for i in range(curves.shape[1])]
    return np.stack(fitted, axis=1)


def read_off(sizes: Sequence[float], curves: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(D,): the least number of patients at which each non-decreasing curve (D, m) reaches its value.

    sizes: (m,) ascending. 0 below the first point, infinite where the last one does not reach the value.
    """
    logs, found = np.log2(np.asarray(sizes, float)), np.full(len(values), np.inf)
    for place in reversed(range(1, len(logs))):
        below, above = curves[:, place - 1], curves[:, place]
        part = np.divide(values - below, above - below, out=np.zeros(len(values)), where=above > below).clip(0, 1)
        found = np.where(values <= above, 2 ** (logs[place - 1] + part * (logs[place] - logs[place - 1])), found)
    return np.where(values < curves[:, 0], 0.0, np.where(values == curves[:, 0], sizes[0], found))


def worth(sizes: Sequence[float], means: np.ndarray, parts: Parts, *, seed: int = 0) -> Worth:
    """What an arm is worth, with an interval from draws of all means together.

    sizes: (m,) ascending, of the real-only arms. means: (m + 1,), theirs and last the arm's. parts: what varies these
    m + 1 means; a patient is in all of them, luck is independent. Both are drawn from Student's t, as their variances
    are estimates. The order in which patients were added is taken as it is.
    """
    draw = np.random.default_rng(seed)
    of_patients = draw.standard_normal((DRAWS, len(parts.patients))) @ parts.patients
    of_luck = draw.standard_normal((DRAWS, len(means))) * np.sqrt(parts.luck)
    drawn = (
        means + of_patients * _tails(draw, parts.patients_freedom.min()) + of_luck * _tails(draw, parts.luck_freedom)
    )
    found = read_off(sizes, isotonic(drawn[:, :-1]), drawn[:, -1])
    (point,) = read_off(sizes, isotonic(means[None, :-1]), means[None, -1])
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(found, [tail, 1 - tail], method="inverted_cdf")
    return Worth(float(point), float(low), float(high))


def _tails(draw: np.random.Generator, freedom: np.ndarray) -> np.ndarray:
    """(DRAWS, K) factors that make normal values those of Student's t, one for each of K degrees of freedom."""
    freedom = np.maximum(np.atleast_1d(freedom), 1)
    return np.sqrt(freedom / draw.chisquare(freedom, (DRAWS, len(freedom))))
