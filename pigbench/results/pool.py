"""The pooled out-of-fold cases of an arm: their means, their spread over folds, and what they differ by from another's.

All metrics of an arm are computed side by side, and all arms' differences to one arm together, so that a thousand
records take seconds. A repeat is a seed, or one of several trainings with it. Numbers that do not exist are NaN.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from pigbench.metrics import bootstrap
from pigbench.results.merge import Tested, Trial

RESAMPLES = 2000
CONFIDENCE = 0.95
AT_ONCE = 64
"""Arms computed side by side."""
Arm = TypeVar("Arm", bound=Hashable)
Repeat = tuple[int, int]
"""A seed and the number of a training."""


@dataclass(frozen=True)
class Estimate:
    """A mean and its spread over folds; for an arm also its per-patient mean and its paired difference to another."""

    mean: float = np.nan
    sd: float = np.nan
    patient_mean: float = np.nan
    delta: float = np.nan
    low: float = np.nan
    high: float = np.nan


@dataclass(frozen=True)
class Difference:
    """The differences of an arm to another, over the repeats that both have. by_metric: each with its bounds."""

    repeats: tuple[Repeat, ...]
    by_metric: dict[str, tuple[float, float, float]]


@dataclass(frozen=True, eq=False)
class Layout:
    """Which repeat, case and patient each of the N rows of an arm belongs to; arms of one protocol mostly share it.

    starts: where each of the T trials begins, whose repeat and fold are in of_repeat and of_fold. patients: how many
    there are in the group.
    """

    repeats: tuple[Repeat, ...]
    starts: np.ndarray
    of_repeat: np.ndarray
    of_fold: np.ndarray
    repeat: np.ndarray
    case: np.ndarray
    patient: np.ndarray
    patients: int

    @cached_property
    def patients_tested(self) -> int:
        """How many have a case."""
        return len(np.unique(self.patient))

    @cached_property
    def cases_tested(self) -> int:
        """How many there are, each counted once."""
        return len(np.unique(self.case))

    @cached_property
    def sorting(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The rows by repeat and patient, where each of these units begins among them, and which it is."""
        unit = self.repeat * self.patients + self.patient
        order = np.argsort(unit, kind="stable")
        units, begins = np.unique(unit[order], return_index=True)
        return order, begins, units

    def by_patient(self, values: np.ndarray) -> np.ndarray:
        """(R, P, M) sums of the values (N, M) over the cases of each patient in each repeat."""
        order, begins, units = self.sorting
        sums = np.zeros((len(self.repeats) * self.patients, values.shape[1]))
        if len(units):
            sums[units] = np.add.reduceat(values[order], begins)
        return sums.reshape(len(self.repeats), self.patients, -1)

    def common(self, other: Layout) -> tuple[np.ndarray, np.ndarray, Layout]:
        """The rows of both that are the same case in the same repeat, in one order, and the layout of these."""
        shared = sorted({*self.repeats} & {*other.repeats})
        cells = []
        for layout in (self, other):
            number = np.array([shared.index(one) if one in shared else -1 for one in layout.repeats])[layout.repeat]
            width = max(self.case.max(), other.case.max()) + 1
            cells.append(np.where(number < 0, -1 - np.arange(len(number)), number * width + layout.case))
        both, ours, theirs = np.intersect1d(cells[0], cells[1], assume_unique=True, return_indices=True)
        ours, theirs, both = (rows[both >= 0] for rows in (ours, theirs, both))
        nothing = np.empty(0, int)
        left = Layout(
            *(tuple(shared), nothing, nothing, nothing, both // width, self.case[ours], self.patient[ours]),
            self.patients,
        )
        return ours, theirs, left


class _Layouts:
    """The layouts of a group's arms, each made once."""

    def __init__(self, tested: Tested) -> None:
        self._tested = tested
        self._known: dict[Any, Layout] = {}

    def of(self, trials: Sequence[Trial]) -> Layout:
        """That of the arm of these trials, none of which is without cases."""
        key = tuple((t.run.seed, t.run.training, t.run.fold, t.cases.tobytes()) for t in trials)
        if key not in self._known:
            self._known[key] = self._made(trials)
        return self._known[key]

    def _made(self, trials: Sequence[Trial]) -> Layout:
        repeats = tuple(sorted({(trial.run.seed, trial.run.training) for trial in trials}))
        of_repeat = np.array([repeats.index((trial.run.seed, trial.run.training)) for trial in trials])
        lengths = [len(trial.cases) for trial in trials]
        case = np.concatenate([trial.cases for trial in trials])
        return Layout(
            repeats=repeats,
            starts=np.cumsum([0, *lengths[:-1]]),
            of_repeat=of_repeat,
            of_fold=np.array([trial.run.fold for trial in trials]),
            repeat=np.repeat(of_repeat, lengths),
            case=case,
            patient=self._tested.patient[case],
            patients=len(self._tested.patients),
        )


@dataclass(frozen=True, eq=False)
class Pool:
    """The scores of one arm. rows: (N, M), NaN where a case is excluded. by_patient: (R, P, M).

    A metric that a trial lacks has no scores at all, as a mean over the others would pass for the whole.
    """

    metrics: tuple[str, ...]
    layout: Layout
    rows: np.ndarray
    by_patient: bootstrap.Sums
    estimates: dict[str, Estimate]

    def without(self, metric: str) -> int:
        """How many cases, over all repeats, have no score of a metric."""
        return int(np.isnan(self.rows[:, self.metrics.index(metric)]).sum()) if metric in self.metrics else 0


def pooled(arms: Mapping[Arm, Sequence[Trial]], metrics: Sequence[str], tested: Tested) -> dict[Arm, Pool]:
    """The pool of each arm, from its trials, none of which is without cases."""
    layouts = _Layouts(tested)
    alike: dict[int, list[Arm]] = defaultdict(list)
    for arm, trials in arms.items():
        alike[id(layouts.of(trials))].append(arm)
    found: dict[Arm, Pool] = {}
    for several in alike.values():
        layout = layouts.of(arms[several[0]])
        for start in range(0, len(several), AT_ONCE):
            some = several[start : start + AT_ONCE]
            rows = np.stack([_rows(arms[arm], metrics, len(layout.case)) for arm in some], axis=1)
            found |= dict(zip(some, _pools(rows, tuple(metrics), layout), strict=True))
    return found


def _rows(trials: Sequence[Trial], metrics: Sequence[str], length: int) -> np.ndarray:
    rows = np.full((length, len(metrics)), np.nan)
    for column, metric in enumerate(metrics):
        if all(metric in trial.scores for trial in trials):
            rows[:, column] = np.concatenate([trial.scores[metric] for trial in trials])
    return rows


def _pools(rows: np.ndarray, metrics: tuple[str, ...], layout: Layout) -> Iterator[Pool]:
    """The pools of arms of one layout, from their rows (N, A, M), all computed side by side."""
    cases, arms, _ = rows.shape
    there = np.isfinite(rows).reshape(cases, -1)
    values, scored = np.where(there, rows.reshape(cases, -1), 0.0), there.astype(float)
    by_patient = bootstrap.Sums(layout.by_patient(values), layout.by_patient(scored))
    means, spreads = _over_cases(values, scored, layout)
    columns = (means, spreads, _mean(_mean(_ratio(*by_patient), axis=1)))
    numbers = [column.reshape(arms, len(metrics)).tolist() for column in columns]
    width = len(metrics)
    for arm in range(arms):
        mine = slice(arm * width, (arm + 1) * width)
        estimates = (Estimate(*of_one) for of_one in zip(*(column[arm] for column in numbers), strict=True))
        yield Pool(
            metrics=metrics,
            layout=layout,
            rows=rows[:, arm],
            by_patient=bootstrap.Sums(*(of[..., mine] for of in by_patient)),
            estimates=dict(zip(metrics, estimates, strict=True)),
        )


def _over_cases(values: np.ndarray, scored: np.ndarray, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """(K,) means over all cases, averaged over repeats, and the SD over folds, of the columns of (N, K)."""
    if not len(layout.starts):  # cut down to some cases: only what differs is asked for
        nothing = np.full(values.shape[1], np.nan)
        return nothing, nothing
    sums, counts = (np.add.reduceat(of, layout.starts) for of in (values, scored))
    by_repeat = np.zeros((2, len(layout.repeats), values.shape[1]))
    np.add.at(by_repeat[0], layout.of_repeat, sums)
    np.add.at(by_repeat[1], layout.of_repeat, counts)
    _, spreads = over_folds(sums, counts, layout.of_fold, layout.of_repeat)
    return _mean(_ratio(*by_repeat)), spreads


def over_folds(
    sums: np.ndarray, counts: np.ndarray, fold: np.ndarray, repeat: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(M,) means of the folds' means, each averaged over repeats, and their SD (n - 1).

    sums, counts: (T, M) of the scores of each trial, whose fold and repeat are in (T,).
    """
    of_fold, of_repeat = _numbered(fold), _numbered(repeat)
    grid = np.zeros((2, max(of_fold) + 1, max(of_repeat) + 1, sums.shape[1]))
    np.add.at(grid[0], (of_fold, of_repeat), sums)
    np.add.at(grid[1], (of_fold, of_repeat), counts)
    of_folds = _mean(_ratio(*grid), axis=1)
    means, there = _mean(of_folds), np.isfinite(of_folds).sum(axis=0)
    squares = np.nansum((of_folds - means) ** 2, axis=0)
    return means, np.sqrt(np.divide(squares, there - 1, out=np.full(len(means), np.nan), where=there > 1))


def differences(base: Pool, others: Sequence[Pool], metrics: Collection[str] | None = None) -> list[Difference | None]:
    """What each of `others` differs by from `base` in these metrics, all by default.

    Differences are over the cases and repeats that both have. None where they share none, or no metric has scored cases
    of two patients in both.
    """
    paired = _Paired(base)
    pairs = [paired.of(other) for other in others]
    wanted = [place for place, name in enumerate(base.metrics) if metrics is None or name in metrics]
    found = [Difference(ours.layout.repeats, {}) for _, ours in pairs]
    together = defaultdict(list)
    for index, (theirs, ours) in enumerate(pairs):
        scored = [np.any(pool.by_patient.counts > 0, axis=0) for pool in (theirs, ours)]
        kept = np.logical_or(*scored).T  # (M, P)
        enough = np.minimum(*(of.sum(axis=0) for of in scored)) >= 2
        for metric in (metric for metric in wanted if enough[metric]):
            together[id(theirs), metric, kept[metric].tobytes()].append(index)
    for (_, metric, mask), indexes in together.items():
        patients = np.frombuffer(mask, bool)
        one = pairs[indexes[0]][0].by_patient
        several = zip(*(pairs[index][1].by_patient for index in indexes), strict=True)
        stacked = (np.stack([of[:, patients, metric] for of in part], axis=-1) for part in several)
        bounds = bootstrap.paired_differences(
            bootstrap.Sums(*(of[:, patients, metric, None] for of in one)),
            bootstrap.Sums(*stacked),
            resamples=RESAMPLES,
            confidence=CONFIDENCE,
        )
        for index, delta, low, high in zip(indexes, *(of.tolist() for of in bounds), strict=True):
            found[index].by_metric[base.metrics[metric]] = (delta, low, high)
    return [one if one.by_metric else None for one in found]


class _Paired:
    """A baseline and others, cut down to the cases and repeats that both have."""

    def __init__(self, base: Pool) -> None:
        self._base = base
        self._known: dict[int, tuple[np.ndarray, Layout, Pool]] = {}

    def of(self, other: Pool) -> tuple[Pool, Pool]:
        """The baseline and the other; the same baseline for all others of one layout."""
        base = self._base
        if other.layout is base.layout:
            return base, other
        if id(other.layout) not in self._known:
            theirs, ours, layout = base.layout.common(other.layout)
            (cut,) = _pools(base.rows[theirs, None], base.metrics, layout)
            self._known[id(other.layout)] = ours, layout, cut
        rows, layout, cut = self._known[id(other.layout)]
        (mine,) = _pools(other.rows[rows, None], other.metrics, layout)
        return cut, mine


def _numbered(values: np.ndarray) -> list[int]:
    """Each value's place among the different ones."""
    known = {value: place for place, value in enumerate(sorted(set(values.tolist())))}
    return [known[value] for value in values.tolist()]


def _ratio(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)


def _mean(values: np.ndarray, axis: int = 0) -> np.ndarray:
    """Of the numbers that exist; NaN where there are none."""
    there = np.isfinite(values)
    return _ratio(np.where(there, values, 0.0).sum(axis=axis), there.sum(axis=axis))
