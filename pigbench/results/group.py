"""All that is known under one protocol: what merging records gives, and what tables are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from pigbench.results.described import Arm, Dataset, GeneratorInfo, MetricInfo, Tuning, UsedProtocol
from pigbench.results.measured import AgreementRun, Cost, FidelityRun, Fit, GateRun, Reconstruction

Columns = Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Trial:
    """One fit and what was measured of it: its arm, its generator's signature, and its cases.

    cases: (N,) indexes into the group's cases, ascending; none where the fit failed. scores: by metric, (N,) each, NaN
    where a case is excluded; without the metrics that were refused. statistics: by name, (N,) each. classes: the same
    fit as each class sees it, if there are several; its scores are the means over them, and it has no statistics.
    """

    arm: Arm
    run: Fit
    signature: str
    cases: np.ndarray
    scores: Columns
    statistics: Columns
    classes: tuple[Trial, ...] = ()

    @property
    def status(self) -> str:
        """`ok` or `failed`."""
        return self.run.status

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Trial):
            return NotImplemented
        told = (self.arm, self.run, self.signature, self.scores.keys(), self.statistics.keys())
        others = (other.arm, other.run, other.signature, other.scores.keys(), other.statistics.keys())
        return told == others and self.agrees(other)

    def agrees(self, other: Trial) -> bool:
        """Whether both have the same cases and no score or statistic that the other has otherwise."""
        alike = np.array_equal(self.cases, other.cases) and all(
            np.array_equal(column, theirs[name], equal_nan=True)
            for ours, theirs in ((self.scores, other.scores), (self.statistics, other.statistics))
            for name, column in ours.items()
            if name in theirs
        )
        return alike and all(ours.agrees(theirs) for ours, theirs in zip(self.classes, other.classes, strict=True))


@dataclass(frozen=True, eq=False)
class Tested:
    """The held-out cases of a group, sorted by id. patient: (N,) indexes into `patients`. area: NaN where unknown."""

    ids: tuple[str, ...]
    patients: tuple[str, ...]
    patient: np.ndarray
    area: np.ndarray

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Tested)
            and (self.ids, self.patients) == (other.ids, other.patients)
            and np.array_equal(self.patient, other.patient)
            and np.array_equal(self.area, other.area, equal_nan=True)
        )


@dataclass(frozen=True)
class Part:
    """Some of a group's cases, or one class of all. by: what they were chosen by, and which: `size:small`,
    `class:gland`. areas: the least and the greatest of them; None where it is a class."""

    by: str
    name: str
    cases: int
    of: int
    areas: tuple[float, float] | None = None


@dataclass(frozen=True)
class Group:
    """Everything known under one protocol, duplicates counted once.

    generators: by the label that names them in tables and in `fidelity` and `trials`, where two generators of the
    same label and different signatures carry their signature. metrics: by name, as they were first described.
    conflicts: results that two records give differently. redefined: metrics that two records compute differently.
    costs: of every stage, each fold, seed and chunk once, under the labels that the records gave. hardware: what the
    stages ran on, as far as the records say. tuning: the studies behind a generator or a segmenter, by its label.
    ceiling: by metric, what perfect masks of the working resolution score; of each class, if there are several, in
    ceiling_of_classes. withdrawn: why records of it are, if any are. part: of which cases it is, None for all.
    """

    protocol_hash: str
    protocol: UsedProtocol
    preset: str
    banner: str
    dataset: Dataset
    folds: int
    versions: tuple[str, ...]
    metrics: dict[str, MetricInfo]
    generators: dict[str, GeneratorInfo]
    fidelity: tuple[FidelityRun, ...]
    gates: tuple[GateRun, ...]
    agreements: tuple[AgreementRun, ...]
    reconstructions: tuple[Reconstruction, ...]
    tested: Tested
    trials: tuple[Trial, ...]
    conflicts: tuple[str, ...]
    redefined: tuple[str, ...] = ()
    costs: tuple[Cost, ...] = ()
    hardware: tuple[str, ...] = ()
    tuning: Mapping[str, tuple[Tuning, ...]] = field(default_factory=dict)
    ceiling: Mapping[str, float | None] = field(default_factory=dict)
    ceiling_of_classes: tuple[Mapping[str, float | None], ...] = ()
    withdrawn: tuple[str, ...] = ()
    part: Part | None = None

    @property
    def set_aside(self) -> float:
        """The share of the patients that is kept for tuning and stands in no fold."""
        return self.protocol.set_aside

    @property
    def train_patients(self) -> float:
        """How many patients a fold has to train on, a mean over folds."""
        in_folds = self.dataset.patients - round(self.set_aside * self.dataset.patients)
        return in_folds * (self.folds - 1) / self.folds

    def held(self, kind: str) -> dict[str, MetricInfo]:
        """The metrics of a kind, `case` or `set`, that were measured or refused; if none was, all described."""
        if kind == "set":
            used = {name for run in self.fidelity for part in (run.values, run.refused) for name in part}
        else:
            used = {name for trial in self.trials for part in (trial.scores, trial.run.refused) for name in part}
        described = {name: info for name, info in self.metrics.items() if info.kind == kind}
        return {name: info for name, info in described.items() if name in used} or described


def cut(columns: Columns, rows: slice | np.ndarray) -> Columns:
    """Those rows of every column."""
    return {name: column[rows] for name, column in columns.items()}
