"""The rows of Table 2, in numbers: arms, their scores and their differences.

An arm's score is the mean over all cases of its pooled out-of-fold predictions, averaged over seeds and trainings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pigbench.results.conditioning import Likeness, Pairs, agreements, conditioned, contrasts
from pigbench.results.described import Arm
from pigbench.results.group import Group, Trial
from pigbench.results.intervals import Interval, Part
from pigbench.results.learning import Curve, learning_curve
from pigbench.results.measured import Fit
from pigbench.results.naming import REAL, of_patients
from pigbench.results.pool import Estimate, Pool, pooled
from pigbench.results.progress import Progress, progress_of, size_of
from pigbench.results.verdicts import Family, Member, compare_rows

DECIDING = "dice"
"""The metric that verdicts go by."""


@dataclass(frozen=True)
class ArmRow:
    """One arm with one segmenter. `metrics`: its scores by metric, unscaled; empty if it failed.

    agreement, contrast: of its generator's pairs, None where it was not measured; conditioned: what they say together,
    None where nothing can be told. sealed: whether anyone vouches that its pairs were made from training patients.
    patients, cases: that have a Dice. excluded: cases that have none, empty in truth and prediction, over all seeds and
    trainings. against: the arm that its differences are to. covers: what their intervals cover, see
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
    def filtered(self) -> bool:
        """Whether its pairs were chosen from twice as many."""
        return self.about.use.startswith("filter")

    @property
    def is_base(self) -> bool:
        """Whether it trains on real cases alone, as long as usual."""
        return self.arm == REAL + of_patients(self.train_patients)

    @property
    def ranked(self) -> bool:
        """Whether it may be the best: real only or a generator's, all there, sealed, its masks meaning something."""
        known = self.progress.state == "complete" and self.sealed and not self.control
        return known and self.conditioned is not False

    @property
    def on_curve(self) -> bool:
        """Whether it is a point of a learning curve: real only or with pairs, all there, not known to be foreign."""
        return not self.about.is_control and self.progress.state == "complete" and self.conditioned is not False


def arm_rows(group: Group, against: str) -> tuple[list[ArmRow], dict[str, Family], dict[str, Curve]]:
    """The rows, and by segmenter what decides their verdicts and their learning curve. against: as for `summarise`."""
    together = defaultdict(list)
    for trial in group.trials:
        together[trial.run.segmenter, trial.arm.arm].append(trial)
    told = agreements(group), contrasts(group)
    rows = {key: _about(_arm_row(trials, group.folds), group, *told) for key, trials in together.items()}
    there = {
        key: tested
        for key, trials in together.items()
        if rows[key].progress.state != "failed" and (tested := _that_count(trials, rows[key].progress))
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
            arm: Member(
                pools[segmenter, arm], _is_redrawn(row, group), row.ranked and not group.part, row.train_patients
            )
            for arm, row in whole.items()
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
    if group.folds < 2:
        return None
    sizes = {arm: row.train_patients or group.train_patients for arm, row in rows.items()}
    real = [arm for arm, row in rows.items() if row.is_base]
    others = [arm for arm, row in rows.items() if row.on_curve and not row.is_base]
    return learning_curve(members, sizes, real, others, DECIDING)


def _bases(rows: Mapping[str, ArmRow], against: str) -> dict[str, str] | None:
    """What each row differs from, by arm: `against`, or real cases of as many patients. None where that is missing."""
    if against:
        return {arm: against for arm in rows if arm != against} if against in rows else None
    real = {row.train_patients: arm for arm, row in rows.items() if row.is_base}
    return {
        arm: real[row.train_patients] for arm, row in rows.items() if not row.is_base and row.train_patients in real
    }


def _order(row: ArmRow) -> tuple[Any, ...]:
    return row.segmenter, size_of(row.train_patients), not row.is_base, row.control, *_place(row)


def _arm_row(trials: list[Trial], folds: int) -> ArmRow:
    progress = progress_of([trial.run for trial in trials], folds)
    runs = tuple(trial.run for trial in trials if not progress.leaves_out(trial.run))
    return ArmRow(trials[0].arm, runs[0].segmenter, progress, runs)


def _that_count(trials: list[Trial], progress: Progress) -> list[Trial]:
    """Those of repeats that count, and with cases."""
    return [trial for trial in trials if len(trial.cases) and not progress.leaves_out(trial.run)]


def _measured(row: ArmRow, pool: Pool) -> ArmRow:
    row = replace(row, excluded=pool.without(DECIDING), metrics=pool.estimates)
    if not pool.metrics:
        return row
    column = pool.metrics.index(DECIDING) if DECIDING in pool.metrics else 0
    return replace(row, patients=int(pool.patients()[column]), cases=int(pool.cases[column]))


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
    control = info.control or row.about.is_control
    pairs = row.generator, row.n, row.train_patients
    row = replace(row, sealed=info.sealed, control=control)
    if row.filtered:  # what was measured are all pairs, not those that were kept
        return row
    agreement, contrast = agreements.get((row.segmenter, pairs)), contrasts.get(pairs)
    return replace(row, agreement=agreement, contrast=contrast, conditioned=conditioned(agreement, contrast))


def _is_redrawn(row: ArmRow, group: Group) -> bool:
    """Whether every seed has pairs of its own; external ones are the same for all seeds."""
    info = group.generators[row.generator] if row.generator else None
    return info is not None and not info.is_external


def _place(row: ArmRow) -> tuple[Any, ...]:
    return row.generator or "", row.about.use == "alone", row.n, row.arm
