"""How far the difference of two arms can be trusted: what varies it, how much, and the interval that follows.

An arm's mean over held-out cases would be another with other patients, and with the same patients after another
training. So the variance of a difference has two kinds of parts (`docs/protocol.md` has the formulas):

- *patients*: the cases of a patient resemble each other, so their part is the cluster-robust variance CR2 (Bell,
  McCaffrey, Survey Methodology, 2002) of the paired differences, with patients as clusters;
- *luck*: what all cases of a fold gain or lose together in one training of the segmenter, and of the generator where it
  was trained with several seeds. It is independent for each arm and fold, and known from repeated trainings.

Their sum is compared with Student's t at Satterthwaite's degrees of freedom; where luck is known from few trainings,
with Cochran's wider quantile. K arms are computed side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self, TypeVar

import numpy as np

CONFIDENCE = 0.95
ENOUGH = 8
"""Degrees of freedom from which an arm's luck is taken from its own trainings; below, from those of all arms. If these
have no more either, Satterthwaite's intervals are too narrow."""
DRAWS = 20_000
"""Of the largest of several t-values."""
MANY = 200
"""Rows beyond which the correlation of these is not worth drawing."""


@dataclass(frozen=True)
class Luck:
    """How much the mean of a fold varies from one training to the next.

    squares: (K,) sums of squares of the trainings' means about their fold's. noise: (K,), as much of these as the
    chance of single patients explains. freedom: their degrees of freedom, 0 where every fold was trained once.
    """

    squares: np.ndarray
    noise: np.ndarray
    freedom: float

    def variances(self) -> tuple[np.ndarray, np.ndarray]:
        """(K,) of one training's luck, without noise and with it; 0 where nobody knows."""
        if not self.freedom:
            return np.zeros_like(self.squares), np.zeros_like(self.squares)
        return np.maximum(self.squares - self.noise, 0) / self.freedom, self.squares / self.freedom


def pool(lucks: Sequence[Luck]) -> Luck:
    """One estimate from the trainings of several arms."""
    return Luck(
        np.sum([luck.squares for luck in lucks], axis=0),
        np.sum([luck.noise for luck in lucks], axis=0),
        sum(luck.freedom for luck in lucks),
    )


@dataclass(frozen=True)
class Arms:
    """K arms with the same trainings, as inference sees them.

    mean: (K,). influence: (P, K), what each patient adds to the mean's deviation. share: (P, K), of the cases.
    luck: as their own trainings show it. weight: (K,), how much of one training's variance the mean has beyond
    what the influences show of it. generated: whether each seed has pairs of its own. by_generator: whether the luck
    is also that of training the generator, as there are several seeds.
    """

    mean: np.ndarray
    influence: np.ndarray
    share: np.ndarray
    luck: Luck
    weight: np.ndarray
    generated: bool = False
    by_generator: bool = False

    @classmethod
    def of(cls, sums: np.ndarray, counts: np.ndarray, fold: np.ndarray, generator: Sequence[int] | None = None) -> Self:
        """From the scores of R trainings, summed by patient.

        sums: (R, P, K), of counts (R, P, K) scores. fold: (P,) integers, of each patient. generator: (R,)
        integers, which trained generator each training had its pairs from; None where no generator was trained.
        """
        total = counts.sum(axis=1, keepdims=True) * len(counts)  # every training weighs the same
        sums, weights = _ratio(sums, total), _ratio(counts, total)
        mean, share = sums.sum(axis=(0, 1)), weights.sum(axis=0)
        influence = sums.sum(axis=0) - mean * share
        by_generator = generator is not None and len(set(generator)) > 1
        if generator is not None and by_generator:  # what was trained on one generator's pairs is one training
            units = [np.flatnonzero(np.equal(generator, one)) for one in sorted(set(generator))]
            sums, weights = (np.stack([part[unit].sum(axis=0) for unit in units]) for part in (sums, weights))
        member = (fold == np.unique(fold)[:, None]).astype(float)
        luck = _luck(sums, weights, member)
        return cls(mean, influence, share, luck, _weight(weights, member), generator is not None, by_generator)


@dataclass(frozen=True)
class Differences:
    """K differences of means.

    delta, error, freedom: (K,), with standard errors and degrees of freedom. patients: (P, K), whose squares sum to the
    patients' part of the variance. luck, base_luck: (K,), the parts that the luck of either arm has in it. of_parts:
    (3, K), the degrees of freedom of these three parts.
    """

    delta: np.ndarray
    error: np.ndarray
    freedom: np.ndarray
    patients: np.ndarray
    luck: np.ndarray
    base_luck: np.ndarray
    of_parts: np.ndarray

    def critical(self, level: float = CONFIDENCE) -> np.ndarray:
        """(K,): how many standard errors a two-sided interval of that level reaches.

        Where luck has few degrees of freedom at least Cochran's value, the mean of the parts' own quantiles, weighted
        by their variances (Biometrics, 1964).
        """
        from scipy.special import stdtrit

        tail = (1 + level) / 2
        satterthwaite = stdtrit(self.freedom, tail)
        parts = np.stack([(self.patients**2).sum(axis=0), self.luck, self.base_luck])
        cochran = _ratio((parts * stdtrit(self.of_parts, tail)).sum(axis=0), parts.sum(axis=0))
        few = self.of_parts[1:].min(axis=0) < ENOUGH
        return np.where(few, np.maximum(satterthwaite, cochran), satterthwaite)

    def bounds(self, level: float = CONFIDENCE) -> tuple[np.ndarray, np.ndarray]:
        """(K,) lower and upper bounds of the intervals of that level."""
        half = self.critical(level) * self.error
        return self.delta - half, self.delta + half

    def detectable(self, level: float = CONFIDENCE, power: float = 0.8) -> np.ndarray:
        """(K,): the true differences that intervals of that level exclude 0 for, with that probability."""
        return (self.critical(level) + self.critical(2 * power - 1)) * self.error


def differences(base: Arms, others: Arms, pooled: Luck) -> Differences:
    """The means of K arms minus that of another, or of as many others, one by one.

    pooled: the luck of all arms of the segmenter, which stands in where an arm's own trainings are few.
    """
    arms = (others, base)
    few = any(arm.luck.freedom < ENOUGH for arm in arms if not arm.by_generator)
    lucks = [pooled if few and not arm.by_generator else arm.luck for arm in arms]
    patients, freedom = _over_patients(base, others)
    of_patients = (patients**2).sum(axis=0)
    without, noisy = zip(*(luck.variances() for luck in lucks), strict=True)
    own, theirs = (arm.weight * variance for arm, variance in zip(arms, without, strict=True))
    unsure = [arm.weight * variance for arm, variance in zip(arms, noisy, strict=True)]
    if lucks[0] is lucks[1]:
        of_luck = (unsure[0] + unsure[1]) ** 2 / max(pooled.freedom, 1)
    else:
        of_luck = sum(part**2 / max(luck.freedom, 1) for part, luck in zip(unsure, lucks, strict=True))
    variance = of_patients + own + theirs
    with np.errstate(divide="ignore", invalid="ignore"):
        satterthwaite = variance**2 / (of_patients**2 / freedom + of_luck)
    delta = others.mean - base.mean
    of_parts = [np.broadcast_to(freedom, delta.shape), *(np.full(delta.shape, max(of.freedom, 1.0)) for of in lucks)]
    return Differences(
        delta=delta,
        error=np.sqrt(variance),
        freedom=np.where(variance > 0, np.maximum(satterthwaite, 1), 1),
        patients=patients,
        luck=np.broadcast_to(own, delta.shape),
        base_luck=np.broadcast_to(theirs, delta.shape),
        of_parts=np.stack(of_parts),
    )


@dataclass(frozen=True)
class Parts:
    """What varies the means of K arms. patients: (P, K), whose squares sum to a variance, with (K,) degrees of freedom.
    luck: (K,) variances, with (K,) degrees of freedom, 0 where nobody knows."""

    patients: np.ndarray
    patients_freedom: np.ndarray
    luck: np.ndarray
    luck_freedom: np.ndarray


def parts_of_means(arms: Arms, pooled: Luck) -> Parts:
    """The parts of K means. pooled: as for `differences`."""
    luck = pooled if arms.luck.freedom < ENOUGH and not arms.by_generator else arms.luck
    adjustment = _adjustment(arms.share)
    variance = arms.weight * luck.variances()[0]
    freedom = _freedom(arms.share, adjustment)
    return Parts(arms.influence * adjustment, freedom, variance, np.full(len(variance), luck.freedom))


Columns = TypeVar("Columns", Luck, Arms, Differences, Parts)


def picked(several: Columns, columns: Sequence[int]) -> Columns:
    """Some of the K, in that order."""
    return _each(lambda values: values[..., list(columns)], several)


def repeated(several: Columns, times: int) -> Columns:
    """The K one after the other, so many times."""
    return _each(lambda values: np.tile(values, times), several)


def side_by_side(several: Sequence[Columns]) -> Columns:
    """All K of all of them, which agree in everything else."""
    return _each(lambda *values: np.concatenate(values, axis=-1), *several)


def _each(change: Callable[..., np.ndarray], *several: Columns) -> Columns:
    """`change` made to every array, each of which has the K as its last axis."""

    def changed(values: tuple[Any, ...]) -> Any:
        if isinstance(values[0], np.ndarray):
            return change(*values)
        return _each(change, *values) if isinstance(values[0], Luck) else values[0]

    first = several[0]
    return replace(
        first, **{field.name: changed(tuple(getattr(one, field.name) for one in several)) for field in fields(first)}
    )


def simultaneous_level(family: Differences, base: Sequence[int] | None = None, seed: int = 0) -> float:
    """The level at which the intervals of all K differences cover together as often as `CONFIDENCE` says.

    From the largest of K normal values that are correlated as the differences are: by the same patients, and by the
    luck of the arm that they differ from; of many rows as if they were independent, which is a little wider. base: (K,)
    numbers from 0 on, which arm each differs from; None where all differ from one.
    """
    from scipy.special import ndtr

    patients, rows = family.patients.shape
    if rows < 2 or rows > MANY:
        return float(CONFIDENCE ** (1 / max(rows, 1)))
    draw = np.random.default_rng(seed)
    values = draw.standard_normal((DRAWS, patients)) @ family.patients
    values += draw.standard_normal((DRAWS, rows)) * np.sqrt(family.luck)
    of_base = np.zeros(rows, int) if base is None else np.asarray(base)
    values += draw.standard_normal((DRAWS, of_base.max() + 1))[:, of_base] * np.sqrt(family.base_luck)
    largest = np.quantile(np.abs(values / np.maximum(family.error, 1e-300)).max(axis=1), CONFIDENCE)
    return max(CONFIDENCE, float(2 * ndtr(largest) - 1))


def _over_patients(base: Arms, others: Arms) -> tuple[np.ndarray, np.ndarray]:
    """CR2's parts of the patients (P, K), whose squares sum to the variance, and its degrees of freedom (K,).

    These are of a working model in which the sum over a patient's cases varies half as it would if these were
    independent, and half as if they were one.
    """
    share = (base.share + others.share) / 2
    adjustment = _adjustment(share)
    return (others.influence - base.influence) * adjustment, _freedom(share, adjustment)


def _adjustment(share: np.ndarray) -> np.ndarray:
    """CR2's factor for patients with these shares of the cases."""
    with np.errstate(divide="ignore"):
        return np.where(share < 1, 1 / np.sqrt(1 - share), 0.0)


def _freedom(share: np.ndarray, adjustment: np.ndarray) -> np.ndarray:
    """(K,) degrees of freedom of sums of squares of correlated values: (tr Ω)² / tr Ω², Ω being their covariance.

    Ω = D (I - a 1ᵀ) V (I - 1 aᵀ) D of the shares a, the adjustments D and the working model's variances V, a diagonal.
    Both traces are written out, as Ω itself has a row for each patient.
    """
    own, scale = share * (share.mean(axis=0) + share), adjustment**2
    whole = own.sum(axis=0)
    diagonal = own - 2 * share * own + whole * share**2
    shares, variances, both = ((scale * of).sum(axis=0) for of in (share**2, own**2, share * own))
    squares = 2 * shares * variances + whole**2 * shares**2 + 2 * both**2 - 4 * whole * shares * both
    squares = squares + (scale**2 * (diagonal**2 - (diagonal - own) ** 2)).sum(axis=0)
    return _ratio((scale * diagonal).sum(axis=0) ** 2, squares)


def _luck(sums: np.ndarray, weights: np.ndarray, member: np.ndarray) -> Luck:
    """What trainings tell of luck. weights: as for `_weight`. member: (F, P), 1 where a patient is in a fold."""
    in_fold, cases = _by_fold(sums, member), _by_fold(weights, member)
    means = _ratio(in_fold, cases)
    about = np.where(cases > 0, means - _ratio(in_fold.sum(axis=0), cases.sum(axis=0)), 0.0)
    freedom = np.maximum((cases > 0).any(axis=-1).sum(axis=0) - 1, 0).sum()
    rest = sums - weights * _of_patients(means, member)
    rest -= rest.mean(axis=0)
    everyone = _of_patients(cases, member)
    noise = _ratio(rest**2, everyone * (everyone - weights))  # one patient's, in the fold's mean, adjusted as by CR2
    return Luck((about**2).sum(axis=(0, 1)), noise.sum(axis=(0, 1)), float(freedom))


def _weight(weights: np.ndarray, member: np.ndarray) -> np.ndarray:
    """(K,): the variance of a mean that luck of variance 1 makes, less what CR2 over patients shows of it.

    weights: (R, P, K), of each patient's cases in each training, which sum to 1. member: as for `_luck`.
    """
    in_fold, share = _by_fold(weights, member), weights.sum(axis=0)
    whole = (in_fold**2).sum(axis=(0, 1))
    both = (weights * _of_patients(in_fold, member)).sum(axis=0)
    shown = _ratio((weights**2).sum(axis=0) - 2 * share * both + share**2 * whole, 1 - share).sum(axis=0)
    return np.maximum(whole - shown, 0)


def _by_fold(values: np.ndarray, member: np.ndarray) -> np.ndarray:
    """(R, P, K) summed to (R, F, K)."""
    return np.matmul(member, values)


def _of_patients(values: np.ndarray, member: np.ndarray) -> np.ndarray:
    """(R, F, K): to every patient what their fold has, (R, P, K)."""
    return values[:, member.argmax(axis=0)]


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """0 where nothing is below."""
    above, below = np.broadcast_arrays(above, below)
    return np.divide(above, below, out=np.zeros(above.shape), where=below > 0)
