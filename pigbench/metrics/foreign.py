"""Real pairs with foreign masks: the scale of a measure that says whether lesions are where masks are.

A measure has a value for each pair. It tells something on a dataset if it tells intact real pairs from those of which
half have another patient's mask.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

SHARES = (0.3, 0.5)
"""Of real pairs that get another patient's mask."""
DRAWS = 2000
CONFIDENCE = 0.95


def others(patients: Sequence[Any], stream: np.random.Generator) -> np.ndarray:
    """(N,) for each case the index of one of another patient, or of its own where one patient has most of the cases."""
    of = np.unique(np.asarray(patients), return_inverse=True)[1]
    order = stream.permutation(len(of))
    order = order[np.argsort(of[order], kind="stable")]  # by patient, in random order within
    step = int(np.bincount(of).max(initial=0))  # as far on as the largest patient has cases
    chosen = np.empty(len(of), int)
    chosen[order] = np.roll(order, -step)
    return chosen


@dataclass(frozen=True)
class Scale:
    """What real pairs score: intact, with foreign masks in 30 and in 50 % of them (`SHARES`), and in all of them.

    tells: whether the 95 % intervals, over patients, of the intact and of the half-foreign ones are apart.
    """

    intact: float
    foreign_30: float
    foreign_50: float
    chance: float
    tells: bool


def scale_of(
    measure: Callable[[np.ndarray], np.ndarray], masks: np.ndarray, patients: Sequence[Any], stream: np.random.Generator
) -> Scale:
    """The scale of a measure of real images, which gives (N,) values for masks (N, 1, H, W)."""
    away = others(patients, stream)
    same = np.array([patients[one] == patients[other] for one, other in enumerate(away)], bool)
    return scale(measure(masks), np.where(same, np.nan, measure(masks[away])), patients, stream)


def scale(intact: np.ndarray, foreign: np.ndarray, patients: Sequence[Any], stream: np.random.Generator) -> Scale:
    """The scale of a measure, from each real pair's value with its own mask and with another patient's.

    intact, foreign: (N,), NaN where there is none. The intervals are of a bootstrap over patients.
    """
    known = np.isfinite(intact) & np.isfinite(foreign)
    own, other = intact[known], foreign[known]
    of = np.unique(np.asarray(patients)[known], return_inverse=True)[1]
    if len(own) < 2:
        return Scale(np.nan, np.nan, np.nan, np.nan, tells=False)
    ranks = stream.permutation(len(own)) / len(own)
    partly = [np.where(ranks < share, other, own) for share in SHARES]
    means = [float(values.mean()) for values in (own, *partly, other)]
    weights = stream.multinomial(of.max() + 1, np.full(of.max() + 1, 1 / (of.max() + 1)), DRAWS)[:, of]
    drawn = [weights @ values / np.maximum(weights.sum(axis=1), 1) for values in (own, partly[-1])]
    if means[-1] > means[0]:  # lesions that are darker than what is around them
        drawn = [-values for values in drawn]
    tail = (1 - CONFIDENCE) / 2
    tells = of.max() > 0 and np.quantile(drawn[0], tail) > np.quantile(drawn[1], 1 - tail)
    return Scale(means[0], means[1], means[2], means[3], tells=bool(tells))
