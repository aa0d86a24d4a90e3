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
from typing import Literal

import numpy as np

from pigbench.errors import PigbenchError
from pigbench.randomness import numpy_generator


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


def paired_difference(
    base: np.ndarray,
    other: np.ndarray,
    patients: Sequence[Hashable] | np.ndarray,
    seeds: Sequence[Hashable] | np.ndarray | None = None,
    resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Interval:
    """The mean of `other` minus the mean of `base` over all cases, with its interval.

    base, other: (N,) scores of the same cases in the same order. patients: N ids. seeds: N training seeds, where a case
    has a row for each. A case without a score (NaN) in either arm is left out of both. Two patients are the least.
    """
    differences = np.asarray(other, dtype=np.float64) - np.asarray(base, dtype=np.float64)
    return mean_interval(differences, patients, seeds, resamples, seed, confidence)


def mean_interval(
    scores: np.ndarray,
    patients: Sequence[Hashable] | np.ndarray,
    seeds: Sequence[Hashable] | np.ndarray | None = None,
    resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Interval:
    """The mean of `scores` (N,) over all cases, with its interval; the arguments are those of `paired_difference`."""
    scores = np.asarray(scores, dtype=np.float64)
    scored = ~np.isnan(scores)
    patient, patient_count = _numbered(patients, scored)
    drawn_seed, seed_count = _numbered(np.zeros(len(scores)) if seeds is None else seeds, scored)
    if patient_count < 2:
        raise PigbenchError(f"an interval needs scored cases of at least 2 patients, not of {patient_count}")

    # A resample's mean needs no more of a patient than the sum and the number of their scores under each seed.
    sums, cases = np.zeros((2, patient_count, seed_count))
    np.add.at(sums, (patient, drawn_seed), scores[scored])
    np.add.at(cases, (patient, drawn_seed), 1)

    patient_weights = _draws(patient_count, resamples, seed, "patients")
    seed_weights = _draws(seed_count, resamples, seed, "seeds")
    drawn_sums = np.sum((patient_weights @ sums) * seed_weights, axis=1)
    drawn_cases = np.sum((patient_weights @ cases) * seed_weights, axis=1)
    some = drawn_cases > 0  # a resample can be empty only where patients lack seeds
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn_sums[some] / drawn_cases[some], [tail, 1 - tail])
    return Interval(
        delta=float(np.mean(scores[scored])),
        low=float(low),
        high=float(high),
        resamples=resamples,
        level="patients and seeds" if seed_count > 1 else "patients",
    )


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
