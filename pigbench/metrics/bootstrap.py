"""How far a mean, or the difference of two arms, can be trusted: bootstrap intervals over patients.

The slices of a patient resemble each other, so patients are drawn with replacement, each with all their cases. Where an
arm was trained with several seeds, the seeds are drawn as well, independently of the patients (Owen, "The pigeonhole
bootstrap", Annals of Applied Statistics, 2007). With one seed the interval knows nothing of the training's luck, and
says so: its level is "patients". With two or three seeds it knows little.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np

from pigbench.errors import PigbenchError
from pigbench.randomness import numpy_generator

AT_ONCE = 256
"""Arms resampled side by side."""


@dataclass(frozen=True)
class Interval:
    """An estimate with its percentile interval.

    delta: the difference of the means, in the units of the scores (for `mean_interval`, the mean).
    low, high: the bounds. resamples: how many were drawn. level: what was resampled.
    """

    delta: float
    low: float
    high: float
    resamples: int
    level: Literal["patients", "patients and seeds"]


class Sums(NamedTuple):
    """What resampling needs of K arms: the sums of the scores of each patient in each repeat, and how many these are.

    Both (R, P, K). A repeat is a training with a seed of its own.
    """

    sums: np.ndarray
    counts: np.ndarray


def paired_differences(
    base: Sums, others: Sums, resamples: int = 2000, seed: int = 0, confidence: float = 0.95
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `paired_difference`, of K arms to one (K = 1) at once: (K,) differences, lower and upper bounds.

    The patients are those with a score in either of the two, at least two of them in each.
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


def paired_difference(
    base: np.ndarray,
    other: np.ndarray,
    patients: Sequence[Hashable] | np.ndarray,
    seeds: Sequence[Hashable] | np.ndarray | None = None,
    resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Interval:
    """The mean of `other` minus the mean of `base`, with its interval.

    base, other: (N,) scores of the same cases in the same order. patients: N ids. seeds: N training seeds, where a case
    has a row for each. Each mean is over the cases that have a score in that arm (are not NaN): on a healthy image
    silence has none and a false alarm 0, which must count against the arm that gave it. Raises PigbenchError where an
    arm has scored cases of fewer than two patients.
    """
    arms = np.asarray([base, other], dtype=np.float64)
    drawn = _Resampling(~np.isnan(arms[0]) | ~np.isnan(arms[1]), patients, seeds, resamples, seed)
    base_mean, other_mean = (drawn.means(arm) for arm in arms)
    delta = np.nanmean(arms[1]) - np.nanmean(arms[0])
    return drawn.interval(delta, other_mean - base_mean, confidence)


def mean_interval(
    scores: np.ndarray,
    patients: Sequence[Hashable] | np.ndarray,
    seeds: Sequence[Hashable] | np.ndarray | None = None,
    resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Interval:
    """The mean of `scores` (N,) over the scored cases, with its interval; all else is as in `paired_difference`."""
    scores = np.asarray(scores, dtype=np.float64)
    drawn = _Resampling(~np.isnan(scores), patients, seeds, resamples, seed)
    means = drawn.means(scores)
    return drawn.interval(np.nanmean(scores), means, confidence)


class _Resampling:
    """Draws of patients and, where there are several, of seeds; the same for all scores of the kept cases."""

    def __init__(
        self,
        keep: np.ndarray,
        patients: Sequence[Hashable] | np.ndarray,
        seeds: Sequence[Hashable] | np.ndarray | None,
        resamples: int,
        seed: int,
    ) -> None:
        self.keep, self.resamples = keep, resamples
        self.patient, self.patients = _numbered(patients, keep)
        self.seed, self.seeds = _numbered(np.zeros(len(keep)) if seeds is None else seeds, keep)
        self._drawn_from = seed

    def means(self, scores: np.ndarray) -> np.ndarray:
        """(resamples,) means of the scores (N,) that are no NaN; NaN where a resample has none of them."""
        kept = scores[self.keep]
        scored = ~np.isnan(kept)
        patient, seed = self.patient[scored], self.seed[scored]
        if (found := len(np.unique(patient))) < 2:
            raise PigbenchError(f"an interval needs scored cases of at least 2 patients, not of {found}")
        sums, cases = np.zeros((2, self.seeds, self.patients, 1))
        np.add.at(sums, (seed, patient, 0), kept[scored])
        np.add.at(cases, (seed, patient, 0), 1)
        return _resampled(Sums(sums, cases), self.resamples, self._drawn_from)[:, 0]

    def interval(self, estimate: float, drawn: np.ndarray, confidence: float) -> Interval:
        """The percentile interval of what was drawn, around the estimate."""
        tail = (1 - confidence) / 2
        low, high = np.nanquantile(drawn, [tail, 1 - tail])
        level: Literal["patients", "patients and seeds"] = "patients and seeds" if self.seeds > 1 else "patients"
        return Interval(float(estimate), float(low), float(high), self.resamples, level)


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


def _numbered(ids: Sequence[Hashable] | np.ndarray, keep: np.ndarray) -> tuple[np.ndarray, int]:
    """The ids that are kept, numbered from 0, and how many distinct ones there are."""
    if len(ids) != len(keep):
        raise ValueError(f"{len(ids)} ids for {len(keep)} scores")
    distinct, number = np.unique(np.asarray(ids)[keep], return_inverse=True)
    return number, len(distinct)


@lru_cache(maxsize=4)  # the rows of a table share their patients
def _draws(units: int, resamples: int, seed: int, role: str) -> np.ndarray:
    """(resamples, units) float64, read-only: how often each unit comes up among as many draws with replacement."""
    chosen = numpy_generator(seed, "bootstrap", role).integers(units, size=(resamples, units))
    chosen += units * np.arange(resamples)[:, None]
    weights = np.bincount(chosen.ravel(), minlength=resamples * units).reshape(resamples, units).astype(np.float64)
    weights.setflags(write=False)
    return weights
