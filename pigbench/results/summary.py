"""What a group of records says, in numbers: the rows of Table 1 and Table 2 before anyone formats them.

An arm's score is the mean over all cases of its pooled out-of-fold predictions, averaged over seeds. SD is the spread
of the folds' means, never evidence. Numbers that do not exist are NaN.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from pigbench.metrics import bootstrap, overlap
from pigbench.metrics.contrast import LEAST
from pigbench.results.merge import Group, Trial
from pigbench.results.record import ArmRun, FidelityRun, GateRun

DISTANCES = ("kid", "kid_floor", "fid", "fid_floor", "copying", "clipped_fraction")
REAL = "real"
RESAMPLES = 2000
CONFIDENCE = 0.95


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
class Progress:
    """How much of a row is there: `folds` of `of` done with every one of `seeds`; failures: (fold, seed, reason)."""

    folds: int
    of: int
    seeds: tuple[int, ...]
    failures: tuple[tuple[int, int, str], ...] = ()

    @property
    def state(self) -> Literal["complete", "partial", "failed"]:
        """`failed` if any fold failed, `partial` if some are merely not there. Only complete rows are ranked."""
        if self.failures:
            return "failed"
        return "complete" if self.folds == self.of else "partial"


@dataclass(frozen=True)
class GeneratorRow:
    """One generator at one n. `metrics`: the mean over folds of the folds' distances, empty if it failed."""

    generator: str
    n: int
    extractor: str
    progress: Progress
    runs: tuple[FidelityRun, ...]
    sealed: bool = True
    control: bool = False
    metrics: dict[str, Estimate] = field(default_factory=dict)

    @property
    def ranked(self) -> bool:
        """Whether it may be the best: a generator, all of it there, made from training patients."""
        return self.progress.state == "complete" and self.sealed and not self.control

    @property
    def biased(self) -> bool:
        """Whether in any fold m is too small for FID to be more than bias."""
        return any(run.fid_biased for run in self.runs)


@dataclass(frozen=True)
class Contrast:
    """Whether lesions are where the masks are, over folds and seeds: contrast over chance, generated beside real."""

    generated: float
    real: float
    conditioned: bool | None  # None where it cannot be told


@dataclass(frozen=True)
class ArmRow:
    """One arm with one segmenter. `metrics`: its four scores (0 to 1), empty if it failed.

    contrast: the gate of its generator's pairs, None where it was not measured. sealed: whether anyone vouches that its
    pairs were made from training patients. excluded: cases empty in truth and prediction, over all seeds. against: the
    arm that its differences are to. paired_seeds: those that it shares with that one, over which they are taken; empty
    without a difference.
    """

    arm: str
    generator: str | None
    n: int
    segmenter: str
    progress: Progress
    runs: tuple[ArmRun, ...]
    patients: int = 0
    cases: int = 0
    excluded: int = 0
    against: str = REAL
    paired_seeds: tuple[int, ...] = ()
    contrast: Contrast | None = None
    sealed: bool = True
    control: bool = False
    metrics: dict[str, Estimate] = field(default_factory=dict)

    @property
    def ranked(self) -> bool:
        """Whether it may be the best: real only or a generator's, all there, sealed, its masks meaning something."""
        unconditioned = self.contrast is not None and self.contrast.conditioned is False
        return self.progress.state == "complete" and self.sealed and not self.control and not unconditioned


@dataclass(frozen=True)
class Summary:
    """A group and its rows: generators by extractor, name and n; arms by segmenter, `real` first; controls last."""

    group: Group
    generators: tuple[GeneratorRow, ...]
    arms: tuple[ArmRow, ...]


def summarise(group: Group, against: str = REAL) -> Summary:
    """Both tables' numbers; the arms' differences are to the arm `against`, where it is there."""
    return Summary(group, tuple(_generator_rows(group)), tuple(_arm_rows(group, against)))


def _generator_rows(group: Group) -> list[GeneratorRow]:
    together = defaultdict(list)
    for run in group.fidelity:
        together[run.extractor, run.generator, run.n].append(run)
    rows = [_generator_row(runs, group.folds) for _, runs in sorted(together.items())]
    about = group.generators
    rows = [replace(row, sealed=about[row.generator].sealed, control=about[row.generator].control) for row in rows]
    return sorted(rows, key=lambda row: (row.extractor, row.control))


def _arm_rows(group: Group, against: str) -> list[ArmRow]:
    together = defaultdict(list)
    for trial in group.trials:
        together[trial.run.segmenter, trial.run.arm].append(trial)
    rows = {key: _arm_row(trials, group.folds) for key, trials in together.items()}
    pools = {key: _pool(trials) for key, trials in together.items() if rows[key].progress.state != "failed"}
    for key, pool in pools.items():
        rows[key] = _measured(rows[key], pool)
    for (segmenter, arm), row in rows.items():
        base = rows.get((segmenter, against))
        if arm != against and base and row.progress.state == base.progress.state == "complete":
            compared = _compared(row, pools[segmenter, arm], pools[segmenter, against])
            rows[segmenter, arm] = replace(compared, against=against)
    gates = _contrasts(group)
    told = [_about(row, group, gates) for row in rows.values()]
    return sorted(told, key=lambda row: (row.segmenter, row.arm != REAL, row.control, *_place(row)))


def _about(row: ArmRow, group: Group, gates: dict[tuple[str, int], Contrast]) -> ArmRow:
    """`row` with what is known of its generator."""
    if row.generator is None:
        return replace(row, control=row.arm != REAL)
    info = group.generators[row.generator]
    return replace(row, contrast=gates.get((row.generator, row.n)), sealed=info.sealed, control=info.control)


def _place(row: ArmRow) -> tuple[Any, ...]:
    return row.generator or "", row.runs[0].alone, row.n, row.arm


def _contrasts(group: Group) -> dict[tuple[str, int], Contrast]:
    """The gate of every generator and n, over its folds and seeds."""
    together = defaultdict(list)
    for run in group.gates:
        if run.status == "ok":
            together[run.generator, run.n].append(run)
    return {key: _contrast(runs) for key, runs in together.items()}


def _contrast(runs: list[GateRun]) -> Contrast:
    """Over runs of one generator and n; that nothing can be told also where the contrasts of real pairs cancel."""
    told = [run for run in runs if run.ratio is not None] or runs
    generated, real = (
        _mean([getattr(run, name) for run in told if getattr(run, name) is not None]) for name in ("contrast", "real")
    )
    if all(run.ratio is None for run in runs) or real == 0:
        return Contrast(generated, real, None)
    return Contrast(generated, real, generated / real >= LEAST)


def _generator_row(runs: list[FidelityRun], folds: int) -> GeneratorRow:
    row = GeneratorRow(runs[0].generator, runs[0].n, runs[0].extractor, _progress(runs, folds), tuple(runs))
    if row.progress.state == "failed":
        return row
    of_fold, of_seed = np.array([(run.fold, run.seed) for run in runs]).T
    values = {name: np.array([getattr(run, name) for run in runs], dtype=float) for name in DISTANCES}  # None is NaN
    return replace(row, metrics={name: Estimate(*_over_folds(values[name], of_fold, of_seed)) for name in DISTANCES})


def _arm_row(trials: list[Trial], folds: int) -> ArmRow:
    runs = tuple(trial.run for trial in trials)
    return ArmRow(runs[0].arm, runs[0].generator, runs[0].n, runs[0].segmenter, _progress(runs, folds), runs)


def _progress(runs: Sequence[FidelityRun] | Sequence[ArmRun], folds: int) -> Progress:
    seeds = tuple(sorted({run.seed for run in runs}))
    done = {(run.fold, run.seed) for run in runs if run.status == "ok"}
    failures = sorted((run.fold, run.seed, run.reason) for run in runs if run.status == "failed")
    whole = sum(all((fold, seed) in done for seed in seeds) for fold in {fold for fold, _ in done})
    return Progress(whole, folds, seeds, tuple(failures))


@dataclass(frozen=True)
class _Pool:
    """The pooled out-of-fold cases of one arm, in columns. ids: (seed, case); metrics: NaN where excluded."""

    ids: list[tuple[int, str]]
    seeds: np.ndarray
    folds: np.ndarray
    patients: np.ndarray
    metrics: dict[str, np.ndarray]


def _pool(trials: list[Trial]) -> _Pool:
    rows = [(trial.run.seed, trial.run.fold, *case) for trial in trials for case in trial.cases]
    seeds, folds, patients, cases, *counts = zip(*rows, strict=True)
    return _Pool(
        ids=list(zip(seeds, cases, strict=True)),
        seeds=np.array(seeds),
        folds=np.array(folds),
        patients=np.array(patients),
        metrics=overlap.scores(*(np.array(count) for count in counts)),
    )


def _measured(row: ArmRow, pool: _Pool) -> ArmRow:
    metrics = {}
    for name in overlap.METRICS:
        values = pool.metrics[name]
        metrics[name] = Estimate(
            mean=_over_seeds(values, pool.seeds),
            sd=_over_folds(values, pool.folds, pool.seeds)[1],
            patient_mean=_over_patients(values, pool.patients, pool.seeds),
        )
    return replace(
        row,
        patients=len(set(pool.patients)),
        cases=len({case for _, case in pool.ids}),
        excluded=int(np.isnan(pool.metrics["dice"]).sum()),
        metrics=metrics,
    )


def _compared(row: ArmRow, pool: _Pool, base: _Pool) -> ArmRow:
    """`row` with its paired difference to `base`, over the cases and seeds that both have."""
    at = {identity: index for index, identity in enumerate(base.ids)}
    ours = np.array([index for index, identity in enumerate(pool.ids) if identity in at], dtype=int)
    theirs = np.array([at[pool.ids[index]] for index in ours], dtype=int)
    if min(_scored_patients(pool, ours), _scored_patients(base, theirs)) < 2:
        return row
    seeds = pool.seeds[ours]
    paired_seeds = tuple(int(seed) for seed in np.unique(seeds))
    metrics = {}
    for name, estimate in row.metrics.items():
        interval = bootstrap.paired_difference(
            base.metrics[name][theirs],
            pool.metrics[name][ours],
            pool.patients[ours],
            seeds=seeds if len(paired_seeds) > 1 else None,
            resamples=RESAMPLES,
            confidence=CONFIDENCE,
        )
        metrics[name] = replace(estimate, delta=interval.delta, low=interval.low, high=interval.high)
    return replace(row, paired_seeds=paired_seeds, metrics=metrics)


def _scored_patients(pool: _Pool, rows: np.ndarray) -> int:
    """How many patients have a case among `rows` that is not excluded."""
    return len(set(pool.patients[rows[np.isfinite(pool.metrics["dice"][rows])]]))


def _over_seeds(values: np.ndarray, seeds: np.ndarray) -> float:
    return _mean([_mean(values[seeds == seed]) for seed in np.unique(seeds)])


def _over_folds(values: np.ndarray, folds: np.ndarray, seeds: np.ndarray) -> tuple[float, float]:
    """The mean of the folds' values, each averaged over seeds, and their SD (n - 1)."""
    of_folds = np.array([_over_seeds(values[folds == fold], seeds[folds == fold]) for fold in np.unique(folds)])
    defined = of_folds[np.isfinite(of_folds)]
    return _mean(of_folds), float(defined.std(ddof=1)) if len(defined) > 1 else np.nan


def _over_patients(values: np.ndarray, patients: np.ndarray, seeds: np.ndarray) -> float:
    """The mean over patients of each one's mean over its cases, averaged over seeds."""
    of_seeds = []
    for seed in np.unique(seeds):
        mine = (seeds == seed) & np.isfinite(values)
        _, patient = np.unique(patients[mine], return_inverse=True)
        of_seeds.append(_mean(np.bincount(patient, values[mine]) / np.bincount(patient)))
    return _mean(of_seeds)


def _mean(values: Iterable[float]) -> float:
    """The mean of the numbers that exist; NaN where there are none."""
    array = np.asarray(values, dtype=float)
    defined = array[np.isfinite(array)]
    return float(defined.mean()) if len(defined) else np.nan
