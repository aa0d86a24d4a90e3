"""The pooled out-of-fold cases of an arm: their means, their spread over folds, and what inference takes of them.

All metrics of an arm are computed side by side, and arms of one layout together, so that a thousand records take
seconds. Numbers that do not exist are NaN.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from pigbench.results.group import Tested, Trial
from pigbench.results.progress import Repeat, repeat_of

AT_ONCE = 64
"""Arms computed side by side."""
Arm = TypeVar("Arm", bound=Hashable)


@dataclass(frozen=True)
class Estimate:
    """A mean and its spread over folds; for an arm also its per-patient mean and its difference to another arm."""

    mean: float = np.nan
    sd: float = np.nan
    patient_mean: float = np.nan
    delta: float = np.nan
    low: float = np.nan
    high: float = np.nan


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

    def scored(self, there: np.ndarray) -> np.ndarray:
        """(M,) how many cases, each counted once, have a row that is True in (N, M)."""
        order = np.argsort(self.case, kind="stable")
        begins = np.unique(self.case[order], return_index=True)[1]
        return np.logical_or.reduceat(there[order], begins).sum(axis=0)

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

    @cached_property
    def fold_of_patient(self) -> np.ndarray:
        """(P,); -1 where a patient has no case."""
        found = np.full(self.patients, -1)
        found[self.patient] = np.repeat(self.of_fold, np.diff([*self.starts, len(self.patient)]))
        return found


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
        repeats = tuple(sorted({repeat_of(trial.run) for trial in trials}))
        of_repeat = np.array([repeats.index(repeat_of(trial.run)) for trial in trials])
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
    """The scores of one arm.

    sums, counts: (R, P, M), of the scores of each metric and how many these are. cases: (M,) how many have a score in
    some repeat. A metric that a trial lacks has no scores at all, as a mean over the others would pass for the whole.
    """

    metrics: tuple[str, ...]
    layout: Layout
    sums: np.ndarray
    counts: np.ndarray
    cases: np.ndarray
    estimates: dict[str, Estimate]

    def without(self, metric: str) -> int:
        """How many cases, over all repeats, have no score of a metric."""
        if metric not in self.metrics:
            return 0
        return len(self.layout.case) - int(self.counts[..., self.metrics.index(metric)].sum())

    def patients(self) -> np.ndarray:
        """(M,) how many have a score."""
        return (self.counts > 0).any(axis=0).sum(axis=0)


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
    cases, arms, width = rows.shape
    there = np.isfinite(rows).reshape(cases, -1)
    values, scored = np.where(there, rows.reshape(cases, -1), 0.0), there.astype(float)
    sums, counts, cases_scored = layout.by_patient(values), layout.by_patient(scored), layout.scored(there)
    means = _mean(_ratio(sums.sum(axis=1), counts.sum(axis=1)))
    in_trials, of_trials = (np.add.reduceat(of, layout.starts) for of in (values, scored))
    _, spreads = over_folds(in_trials, of_trials, layout.of_fold, layout.of_repeat)
    columns = (means, spreads, _mean(_mean(_ratio(sums, counts), axis=1)))
    numbers = [column.reshape(arms, width).tolist() for column in columns]
    for arm in range(arms):
        mine = slice(arm * width, (arm + 1) * width)
        estimates = (Estimate(*of_one) for of_one in zip(*(column[arm] for column in numbers), strict=True))
        estimates_by_name = dict(zip(metrics, estimates, strict=True))
        yield Pool(metrics, layout, sums[..., mine], counts[..., mine], cases_scored[mine], estimates_by_name)


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
