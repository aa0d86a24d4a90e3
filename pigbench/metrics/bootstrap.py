"""How far the difference of two arms can be trusted: bootstrap intervals over patients.

The slices of a patient resemble each other, so patients are drawn with replacement, each with all their cases. Where an
arm was trained with several seeds, the seeds are drawn as well, independently of the patients (Owen, "The pigeonhole
bootstrap", Annals of Applied Statistics, 2007). With one seed the interval knows nothing of the training's luck; with
two or three it knows little.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from pigbench.randomness import numpy_generator

AT_ONCE = 256
"""Arms resampled side by side."""


class Sums(NamedTuple):
    """What resampling needs of K arms: the sums of the scores of each patient in each repeat, and how many these are.

    Both (R, P, K). A repeat is a training with a seed of its own.
    """

    sums: np.ndarray
    counts: np.ndarray


def paired_differences(
    base: Sums, others: Sums, resamples: int = 2000, seed: int = 0, confidence: float = 0.95
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The means of K arms minus that of one (K = 1), with percentile intervals: (K,) differences, lower, upper bounds.

    Each mean is over the cases that have a score in that arm: on a healthy image silence has none and a false alarm 0,
    which must count against the arm that gave it. The patients are those with a score in either of the two, at least
    two of them in each.
    """
    delta = _means(others) - _means(base)
    tail = (1 - confidence) / 2
    of_base = _resampled(base, resamples, seed)
    bounds = [np.empty((2, 0))]
    for start in range(0, len(delta), AT_ONCE):
        drawn = _resampled(Sums(*(part[..., start : start + AT_ONCE] for part in others)), resamples, seed) - of_base
        quantile = np.nanquantile if np.isnan(drawn).any() else np.quantile  # the former is slow
        bounds.append(quantile(drawn, [tail, 1 - tail], axis=0))
    low, high = np.concatenate(bounds, axis=1)
    return delta, low, high


def _means(arms: Sums) -> np.ndarray:
    """(K,) means over all scores of each arm."""
    return arms.sums.sum(axis=(0, 1)) / arms.counts.sum(axis=(0, 1))


def _resampled(arms: Sums, resamples: int, seed: int) -> np.ndarray:
    """(resamples, K) means; NaN where a resample has no score. It needs no more of a patient than `Sums`."""
    repeats, patients, _ = arms.sums.shape
    of_patients, of_repeats = _draws(patients, resamples, seed, "patients"), _draws(repeats, resamples, seed, "seeds")
    total, count = (
        sum((of_patients @ one[repeat]) * of_repeats[:, repeat, None] for repeat in range(repeats)) for one in arms
    )
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


@lru_cache(maxsize=4)  # the rows of a table share their patients
def _draws(units: int, resamples: int, seed: int, role: str) -> np.ndarray:
    """(resamples, units) float64, read-only: how often each unit comes up among as many draws with replacement."""
    chosen = numpy_generator(seed, "bootstrap", role).integers(units, size=(resamples, units))
    chosen += units * np.arange(resamples)[:, None]
    weights = np.bincount(chosen.ravel(), minlength=resamples * units).reshape(resamples, units).astype(np.float64)
    weights.setflags(write=False)
    return weights
