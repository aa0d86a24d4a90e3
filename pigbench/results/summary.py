"""What a group of records says, in numbers: the rows of Table 1 and Table 2 before anyone formats them.

An arm's score is the mean over all cases of its pooled out-of-fold predictions, averaged over seeds and trainings. SD
is the spread of the folds' means, never evidence. Numbers that do not exist are NaN.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from pigbench.results.conditioning import Likeness, Pairs, agreements, conditioned, contrasts
from pigbench.results.intervals import Interval, Part
from pigbench.results.learning import Curve, learning_curve
from pigbench.results.merge import Group, Trial
from pigbench.results.naming import REAL, of_patients
from pigbench.results.pool import Estimate, Pool, over_folds, pooled
from pigbench.results.record import Arm, FidelityRun, Fit
from pigbench.results.verdicts import Family, Member, compare_rows

CLIPPED = "clipped_fraction"
"""What is told of generated images besides the metrics: the share of their pixels beyond the range."""

DECIDING = "dice"
"""The metric that verdicts go by."""

__all__ = ["CLIPPED", "REAL", "ArmRow", "Estimate", "GeneratorRow", "Progress", "Summary", "floor_of"]
__all__ += ["summarise"]


def floor_of(metric: str) -> str:
    """The name of a set metric's floor: what real training images have in the generated ones' place."""
    return f"{metric}_floor"


@dataclass(frozen=True)
class Progress:
    """How much of a row is there: `folds` of `of` done with every one of `seeds`, each trained `trainings` times.

    failures: (fold, seed, reason).
    """

    folds: int
    of: int
    seeds: tuple[int, ...]
    trainings: int = 1
    failures: tuple[tuple[int, int, str], ...] = ()

    @property
    def state(self) -> Literal["complete", "partial", "failed"]:
        """`failed` if any fold failed, `partial` if some are merely not there. Only complete rows are ranked."""
        if self.failures:
            return "failed"
        return "complete" if self.folds == self.of else "partial"


@dataclass(frozen=True)
class GeneratorRow:
    """One generator at one n, trained on all patients of a fold's training set or on so many of them.

    metrics: by name, the mean over folds of the folds' values, of the set metrics, of their floors (`floor_of`) and of
    `CLIPPED`; empty if it failed. A metric that was refused in a fold has no number. network: whose networks it samples
    from: its own, or, where it borrows all of them as DDIM does, its lender's. agreement: of its pairs, with the first
    segmenter, see `judge_of`.
    """

    generator: str
    n: int
    extractor: str
    progress: Progress
    runs: tuple[FidelityRun, ...]
    train_patients: int | None = None
    agreement: Likeness | None = None
    sealed: bool = True
    control: bool = False
    network: str = ""
    metrics: dict[str, Estimate] = field(default_factory=dict)

    @property
    def ranked(self) -> bool:
        """Whether it may be the best: a generator, all of it there, made from training patients."""
        return self.progress.state == "complete" and self.sealed and not self.control

    @property
    def biased(self) -> set[str]:
        """The metrics that in any fold are mostly bias, as m is too small."""
        return {metric for run in self.runs for metric in run.biased}


@dataclass(frozen=True)
class ArmRow:
    """One arm with one segmenter. `metrics`: its scores by metric, unscaled; empty if it failed.

    agreement, contrast: of its generator's pairs, None where it was not measured; conditioned: what they say together,
    None where nothing can be told. sealed: whether anyone vouches that its
    pairs were made from training patients. excluded: cases that have no Dice, empty in truth and prediction, over all
    seeds and trainings. against: the arm that its differences are to. covers: what their intervals cover, see
    `results.intervals.Interval`; empty without a difference. verdict: of the differences that are ranked together, with
    the `together` bounds of Dice by which it is given; empty for other rows, and where luck is unknown.
    """

    about: Arm
    segmenter: str
    progress: Progress
    runs: tuple[Fit, ...]
    patients: int = 0
    cases: int = 0
    excluded: int = 0
    against: str = REAL
    covers: tuple[Part, ...] = ()
    verdict: str = ""
    together: tuple[float, float] | None = None
    agreement: Likeness | None = None
    contrast: Likeness | None = None
    conditioned: bool | None = None
    sealed: bool = True
    control: bool = False
    metrics: dict[str, Estimate] = field(default_factory=dict)

    @property
    def arm(self) -> str:
        """Its name."""
        return self.about.arm

    @property
    def generator(self) -> str | None:
        """Whose images it trains on, None if real ones alone."""
        return self.about.generator

    @property
    def n(self) -> int:
        """How many of these."""
        return self.about.n

    @property
    def train_patients(self) -> int | None:
        """How many patients of each fold's training set it saw; None for all of them."""
        return self.about.train_patients

    @property
    def is_base(self) -> bool:
        """Whether it trains on real cases alone, as long as usual."""
        return self.arm == REAL + of_patients(self.train_patients)

    @property
    def ranked(self) -> bool:
        """Whether it may be the best: real only or a generator's, all there, sealed, its masks meaning something."""
        known = self.progress.state == "complete" and self.sealed and not self.control
        return known and self.conditioned is not False


@dataclass(frozen=True)
class Summary:
    """A group and its rows: generators by extractor, arms by segmenter, both by the number of training patients.

    Within these, generators stand by name and n, and arms with `real` first; controls are last. families: the rows of
    each segmenter that get a verdict, by segmenter. curves: of each segmenter, where there are enough subsets.
    """

    group: Group
    generators: tuple[GeneratorRow, ...]
    arms: tuple[ArmRow, ...]
    families: Mapping[str, Family]
    curves: Mapping[str, Curve] = field(default_factory=dict)


def summarise(group: Group, against: str = "") -> Summary:
    """Both tables' numbers; arms differ from the arm `against` where it is there, else from as many real patients."""
    arms, families, curves = _arm_rows(group, against)
    return Summary(group, tuple(_generator_rows(group)), tuple(arms), families, curves)


def _generator_rows(group: Group) -> list[GeneratorRow]:
    together = defaultdict(list)
    for run in group.fidelity:
        together[run.extractor, _size(run.train_patients), run.generator, run.n].append(run)
    metrics = list(group.held("set"))
    rows = [_generator_row(runs, group.folds, metrics) for _, runs in sorted(together.items())]
    about, networks = group.generators, _networks(group)
    agreement, judge = agreements(group), judge_of(group)
    rows = [
        replace(
            row,
            agreement=agreement.get((judge, (row.generator, row.n, row.train_patients))),
            sealed=about[row.generator].sealed,
            control=about[row.generator].control,
            network=networks[row.generator],
        )
        for row in rows
    ]
    return sorted(rows, key=lambda row: (row.extractor, _size(row.train_patients), row.control))


def judge_of(group: Group) -> str:
    """The segmenter whose agreement Table 1 shows: the first by name; empty where none was measured."""
    return min((run.segmenter for run in group.agreements), default="")


def _size(train_patients: int | None) -> float:
    """What rows are sorted by; all patients come last."""
    return np.inf if train_patients is None else train_patients


def _networks(group: Group) -> dict[str, str]:
    """Whose networks each generator samples from, by label: those of one plugin and one size count as the same."""
    lenders: dict[str, str] = {}
    for label, info in group.generators.items():
        owners = {component.rpartition(".")[0] for component in info.image_passes}  # "" for a component of its own
        if len(owners) == 1 and (owner := owners.pop()):
            lenders[label] = owner
    found = {}
    for label, info in group.generators.items():
        owner = lenders.get(label, info.plugin)
        size = sorted(set(info.arithmetic.values()) - {None})  # type: ignore[type-var]
        found[label] = f"{owner} {size}" if owner in lenders.values() else label
    return found


def _generator_row(runs: list[FidelityRun], folds: int, metrics: Sequence[str]) -> GeneratorRow:
    first = runs[0]
    progress = _progress(runs, folds)
    row = GeneratorRow(first.generator, first.n, first.extractor, progress, tuple(runs), first.train_patients)
    if row.progress.state == "failed":
        return row
    columns: dict[str, list[float | None]] = {CLIPPED: [run.clipped_fraction for run in runs]}
    for metric in metrics:
        columns[metric] = [run.values.get(metric) for run in runs]
        columns[floor_of(metric)] = [run.floors.get(metric) for run in runs]
        if any(metric in run.refused for run in runs):  # a mean over the other folds would pass for the whole
            columns[metric] = [None] * len(runs)
    names, values = list(columns), np.array(list(columns.values()), dtype=float).T  # None is NaN
    of_fold, of_seed = np.array([(run.fold, run.seed) for run in runs]).T
    means, spreads = over_folds(np.nan_to_num(values), np.isfinite(values).astype(int), of_fold, of_seed)
    return replace(
        row, metrics={name: Estimate(mean, sd) for name, mean, sd in zip(names, means, spreads, strict=True)}
    )


def _arm_rows(group: Group, against: str) -> tuple[list[ArmRow], dict[str, Family], dict[str, Curve]]:
    together = defaultdict(list)
    for trial in group.trials:
        together[trial.run.segmenter, trial.arm.arm].append(trial)
    told = agreements(group), contrasts(group)
    rows = {key: _about(_arm_row(trials, group.folds), group, *told) for key, trials in together.items()}
    there = {
        key: tested
        for key, trials in together.items()
        if rows[key].progress.state != "failed" and (tested := [trial for trial in trials if len(trial.cases)])
    }
    pools = pooled(there, list(group.held("case")), group.tested)
    rows |= {key: _measured(rows[key], pool) for key, pool in pools.items()}
    families, curves = {}, {}
    for segmenter in sorted({segmenter for segmenter, _ in rows}):
        whole = {
            arm: rows[segmenter, arm]
            for of, arm in pools
            if of == segmenter and rows[of, arm].progress.state == "complete"
        }
        members = {
            arm: Member(pools[segmenter, arm], _is_trained(row, group), row.ranked) for arm, row in whole.items()
        }
        if curve := _curve(whole, members, group):
            curves[segmenter] = curve
        if (bases := _bases(whole, against)) is not None:
            compared = compare_rows(members, bases, DECIDING)
            families[segmenter] = compared.family
            for arm, intervals in compared.intervals.items():
                rows[segmenter, arm] = _compared(whole[arm], bases[arm], intervals, compared.family)
    return sorted(rows.values(), key=_order), families, curves


def _curve(rows: Mapping[str, ArmRow], members: Mapping[str, Member], group: Group) -> Curve | None:
    """All patients are as many as a fold has to train on, a mean over folds."""
    every = len(group.tested.patients) * (group.folds - 1) / group.folds
    sizes = {arm: row.train_patients or every for arm, row in rows.items()}
    return learning_curve(members, sizes, [arm for arm, row in rows.items() if row.is_base], DECIDING)


def _bases(rows: Mapping[str, ArmRow], against: str) -> dict[str, str] | None:
    """What each row differs from, by arm: `against`, or real cases of as many patients. None where that is missing."""
    if against:
        return {arm: against for arm in rows if arm != against} if against in rows else None
    real = {row.train_patients: arm for arm, row in rows.items() if row.is_base}
    return {
        arm: real[row.train_patients] for arm, row in rows.items() if not row.is_base and row.train_patients in real
    }


def _order(row: ArmRow) -> tuple[Any, ...]:
    return row.segmenter, _size(row.train_patients), not row.is_base, row.control, *_place(row)


def _arm_row(trials: list[Trial], folds: int) -> ArmRow:
    runs = tuple(trial.run for trial in trials)
    return ArmRow(trials[0].arm, runs[0].segmenter, _progress(runs, folds), runs)


def _measured(row: ArmRow, pool: Pool) -> ArmRow:
    layout, excluded = pool.layout, pool.without(DECIDING)
    row = replace(row, patients=layout.patients_tested, cases=layout.cases_tested, excluded=excluded)
    return replace(row, metrics=pool.estimates)


def _compared(row: ArmRow, against: str, intervals: Mapping[str, Interval], family: Family) -> ArmRow:
    """`row` with its differences to the arm `against`."""
    metrics = dict(row.metrics)
    for name, of in intervals.items():
        known = metrics[name]
        metrics[name] = Estimate(known.mean, known.sd, known.patient_mean, of.delta, of.low, of.high)
    return replace(
        row,
        against=against,
        covers=next((of.covers for of in intervals.values()), ()),
        metrics=metrics,
        verdict=family.verdict(row.arm),
        together=family.bounds.get(row.arm),
    )


def _about(
    row: ArmRow,
    group: Group,
    agreements: Mapping[tuple[str, Pairs], Likeness],
    contrasts: Mapping[Pairs, Likeness],
) -> ArmRow:
    """`row` with what is known of its generator."""
    if row.generator is None:
        return replace(row, control=not row.is_base)
    info = group.generators[row.generator]
    control = info.control or row.about.use == "alone" or row.about.stretch != 1
    pairs = row.generator, row.n, row.train_patients
    agreement, contrast = agreements.get((row.segmenter, pairs)), contrasts.get(pairs)
    known = conditioned(agreement, contrast)
    row = replace(row, agreement=agreement, contrast=contrast, conditioned=known)
    return replace(row, sealed=info.sealed, control=control)


def _is_trained(row: ArmRow, group: Group) -> bool:
    """Whether its pairs are a generator's that every seed trains anew; external ones are the same for all seeds."""
    return row.generator is not None and bool(group.generators[row.generator].image_passes)


def _place(row: ArmRow) -> tuple[Any, ...]:
    return row.generator or "", row.about.use == "alone", row.n, row.arm


def _progress(runs: Sequence[FidelityRun] | Sequence[Fit], folds: int) -> Progress:
    """A repeat is a seed, or one of several trainings with it."""
    repeats = {(run.seed, getattr(run, "training", 0)) for run in runs}
    seeds = tuple(sorted({seed for seed, _ in repeats}))
    done = {(run.fold, run.seed, getattr(run, "training", 0)) for run in runs if run.status == "ok"}
    failures = sorted((run.fold, run.seed, run.reason) for run in runs if run.status == "failed")
    whole = sum(all((fold, *repeat) in done for repeat in repeats) for fold in {fold for fold, *_ in done})
    trainings = max(sum(seed == one for one, _ in repeats) for seed in seeds)
    return Progress(whole, folds, seeds, trainings, tuple(failures))


def _mean(values: Iterable[float]) -> float:
    """The mean of the numbers that exist; NaN where there are none."""
    array = np.asarray(values, dtype=float)
    defined = array[np.isfinite(array)]
    return float(defined.mean()) if len(defined) else np.nan
