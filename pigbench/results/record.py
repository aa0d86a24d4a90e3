"""The record: what one run leaves, as one JSON file. Enough to compute every table again, and nothing of the images.

Unknown keys are kept, so that a later version may add some; a missing key, a wrong type or a contradiction makes a
record malformed. All of that is found out here: whoever has a Record may rely on its types, ranges and references.
What belongs to every single case stands in columns (`results.cases`). Format 1 becomes a Record of these parts when it
is read (`results.format1`).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from pigbench.contracts.metric import CaseMetric, Metric, SetMetric
from pigbench.data.source import grouping
from pigbench.results.cases import Scores, TestCases, TestSet
from pigbench.results.fields import Count, Measure, Name, Number, Prose, Seed, Share
from pigbench.results.parts import Part, Sparse, repeated

FORMAT, FORMAT_1 = "pigbench-record/2", "pigbench-record/1"
HELD_OUT = "held-out"
"""The test set of the patients that no fold's networks have seen."""
MOST_FOLDS = 10_000
Status = Literal["ok", "failed"]
Outcome = Measure | Literal["computed", "excluded"]
Operations = Annotated[float, Field(ge=0, le=1e30)]
"""Multiply-adds of a training."""


class Dataset(Part):
    """What was measured on. `identity` is the hash of what the dataset is; ids in a record are already safe to show.

    pseudo_patients: patients are not known, and near-identical images count as one. classes: what is segmented.
    """

    name: Name
    identity: Name
    patients: Count
    cases: Count
    has_patient_ids: bool
    pseudo_patients: bool = False
    classes: list[Name] = Field(["lesion"], min_length=1)

    @property
    def grouped_by(self) -> str:
        """What folds and intervals go by, see `data.source.grouping`."""
        return grouping(self.has_patient_ids, self.pseudo_patients)


class EmptyMasks(Part):
    """What a case metric gives where the true mask or the prediction is empty, see `contracts.metric.EmptyRule`."""

    missed: Outcome
    false_alarm: Outcome
    both_empty: Outcome


class MetricInfo(Sparse):
    """What a metric says of itself, as `contracts.metric.Metric` has it, so that it need not be installed to be shown.

    low, high: None where its values have no bound. kept_as: what its statistics are kept under. signature: its name and
    the hash of its source, empty where nobody noted it.
    """

    kind: Literal["case", "set"]
    heading: Name
    better: Literal["higher", "lower"] = "higher"
    unit: Prose = ""
    scale: Measure = 1.0
    digits: int = Field(2, ge=0, le=12)
    low: Number = None
    high: Number = None
    note: Prose = ""
    statistics: list[Name] = []
    kept_as: Prose = ""
    empty: EmptyMasks | None = None
    has_floor: bool = False
    signature: Prose = ""
    origin: Prose = ""

    @classmethod
    def of(cls, name: str, metric: Metric | type[Metric], signature: str = "", origin: str = "") -> Self:
        """The description of a metric that is installed as `name`."""
        kind = metric if isinstance(metric, type) else type(metric)
        own: dict[str, Any] = {}
        if issubclass(kind, CaseMetric):
            rule = kind.empty
            own = {"kind": "case", "statistics": list(kind.statistics), "kept_as": kind.kept_as or name}
            own["empty"] = {"missed": rule.missed, "false_alarm": rule.false_alarm, "both_empty": rule.both_empty}
        elif issubclass(kind, SetMetric):
            own = {"kind": "set", "has_floor": kind.has_floor}
        told = {part: getattr(kind, part) for part in ("heading", "better", "unit", "scale", "digits", "note")}
        bounds = {part: bound for part in ("low", "high") if isfinite(bound := getattr(kind, part))}
        return cls.model_validate(told | bounds | own | {"signature": signature, "origin": origin})


class GeneratorInfo(Part):
    """A generator that took part. `signature` names its source and settings; `note` is what a reader must know.

    image_passes, arithmetic, losses: of each component in training; a borrowed one is named with its owner. control:
    whether it is only there to give other rows their meaning. sealed: False for pairs from outside that nobody vouches
    for. sampler: how it samples, in words. pretrained_on: what it had seen before, nothing by default.
    """

    label: Name
    plugin: Name
    signature: Name
    kind: Literal["images", "pairs", "images-for-masks"]
    config: dict[str, Any] = {}
    origin: Prose = ""
    image_passes: dict[Name, Count | None] = {}
    arithmetic: dict[Name, Operations | None] = {}
    losses: dict[Name, list[Number]] = {}
    sampler: Prose = ""
    pretrained_on: Prose = ""
    note: Prose = ""
    control: bool = False
    sealed: bool = True


class Arm(Sparse):
    """What a segmenter trains on: one row of Table 2.

    n: generated images, 0 without a generator. use: `real` images alone, `mixed` with generated ones, these `alone`, or
    first these and then real ones (`pretrain`); of generated ones perhaps those that real-only segmenters agree with
    (`filter`). share: synthetic part of a batch, or of the steps, where it was chosen. train_patients: how many of the
    fold's, None for all. stretch: how many times the usual steps.
    """

    arm: Name
    generator: Name | None = None
    n: Count = 0
    use: Literal["real", "mixed", "alone", "pretrain", "filter", "filter+pretrain"] = "real"
    share: Share | None = None
    train_patients: Count | None = None
    stretch: Count = 1

    @property
    def is_control(self) -> bool:
        """Whether it is there to compare with, whoever made the pairs: pairs alone, or more steps."""
        return self.use == "alone" or self.stretch != 1


class Fit(Sparse):
    """One segmenter trained in one arm, on one fold, with one seed, the `training`-th time.

    share: synthetic part of a batch, or of the steps of one that was pretrained, 0 to 1. images: trained on, each time
    counted. offered: pairs of which those used were chosen; agreement: of these, a mean. refused: the metrics that
    broke their contract, with the sentence that they break.
    """

    arm: Name
    segmenter: Name
    seed: Seed
    training: Count = 0
    fold: Count
    share: Share | None = None
    steps: Count | None = None
    images: Count | None = None
    arithmetic: Operations | None = None
    losses: list[Number] = Field(default_factory=list)
    synthetic_used: Count | None = None
    offered: Count | None = None
    agreement: Share | None = None
    empty_masks: Count = 0
    refused: dict[Name, Prose] = Field(default_factory=dict)
    status: Status
    reason: Prose = ""

    @property
    def unit(self) -> tuple[str, str, int, int, int]:
        """What tells it from all others."""
        return self.arm, self.segmenter, self.seed, self.training, self.fold


class FidelityRun(Sparse):
    """What the set metrics say of one generator in one fold, at m generated against `n_reference` real images.

    values: by metric; floors: the same of real training images, at `floor_m`. biased: the metrics that are mostly bias
    at this m. refused: those that broke their contract, with the sentence that they break. dimension: of the features.
    """

    generator: Name
    n: Count
    seed: Seed
    fold: Count
    train_patients: Count | None = None
    extractor: Name
    dimension: Count | None = None
    m: Count | None = None
    n_reference: Count | None = None
    reference: Prose = ""
    floor_m: Count | None = None
    values: dict[Name, Number] = Field(default_factory=dict)
    floors: dict[Name, Number] = Field(default_factory=dict)
    biased: list[Name] = Field(default_factory=list)
    refused: dict[Name, Prose] = Field(default_factory=dict)
    clipped_fraction: Number = None
    empty_masks: Count = 0
    status: Status
    reason: Prose = ""


class GateRun(Sparse):
    """Whether one generator's lesions are where its masks are, in one fold.

    contrast, real: mean contrast of lesion against ring over chance, as a part of the intensity range, generated and in
    the fold's training pairs. verdict: "conditioned", "not conditioned" or "cannot tell". real_30, real_50: where so
    many per cent of the real pairs have another patient's mask. tells: whether intact ones are told from half-foreign.
    """

    generator: Name
    n: Count
    seed: Seed
    fold: Count
    train_patients: Count | None = None
    contrast: Number = None
    real: Number = None
    ratio: Number = None
    real_30: Number = None
    real_50: Number = None
    tells: bool | None = None
    verdict: Prose = ""
    status: Status
    reason: Prose = ""

    @model_validator(mode="after")
    def _ratio_of_something(self) -> Self:
        if self.ratio is not None and (self.contrast is None or self.real is None):
            raise ValueError("a ratio without its two contrasts")
        return self


class AgreementRun(Sparse):
    """Whether one generator's masks are where a fold's real-only segmenters find lesions: mean Dice, 0 to 1.

    judges: how many trainings these are. chance: against other pairs' masks. real: of held-out real pairs; real_30,
    real_50, real_chance: where so many per cent of them, or all, have another patient's mask. tells: whether intact
    ones are told from half-foreign ones.
    """

    generator: Name
    n: Count
    segmenter: Name
    seed: Seed
    fold: Count
    train_patients: Count | None = None
    judges: Count | None = None
    agreement: Share | None = None
    chance: Share | None = None
    real: Share | None = None
    real_30: Share | None = None
    real_50: Share | None = None
    real_chance: Share | None = None
    tells: bool = False
    status: Status
    reason: Prose = ""


class Reconstruction(Sparse):
    """What a generator's own compression loses of held-out images: errors as a part of the range, PSNR in dB."""

    generator: Name
    seed: Seed
    fold: Count
    train_patients: Count | None = None
    mae: Number = None
    rmse: Number = None
    psnr: Number = None
    status: Status
    reason: Prose = ""


class Tuning(Part):
    """A study whose choice some rows use, by label in `used_by`, and what the choice cost.

    set_aside: the share of the patients that were the study's and stand in no fold. patients: how many. trials: how
    many ended, the pruned and the failed among them. value: of the best, in the words of `objective`. wall_s, cpu_s,
    gpu_s: of all trials.
    """

    study: Name
    plugin: Name
    group: Literal["generators", "segmenters"]
    set_aside: Share
    patients: Count
    trials: Count
    pruned: Count = 0
    failed: Count = 0
    objective: Prose
    value: Measure
    params: dict[str, Any] = {}
    wall_s: Measure
    cpu_s: Measure
    gpu_s: Measure = 0.0
    used_by: list[Name] = []


class Cost(Sparse):
    """What one stage took: seconds of one worker, peaks in MiB, and what the seconds were spent on.

    row: the row of the cost table that it belongs to, what was done and for whom ("train pig", "segment unet on real");
    none if empty. generators: those that sample with what a training made; it belongs to the row of each. images:
    trained on or made. parameters: of the network. losses: of a network's training, thinned; a segmenter's stand with
    its fit. What was not measured is None.
    """

    stage: Name
    label: str = ""
    row: Prose = ""
    fold: Count | None = None
    train_patients: Count | None = None
    seed: Seed | None = None
    training: Count | None = None
    chunk: Count | None = None
    wall_s: Number = None
    cpu_s: Number = None
    gpu_s: Number = None
    peak_mib: Number = None
    gpu_peak_mib: Number = None
    images: Count | None = None
    parameters: Count | None = None
    losses: list[Number] = Field(default_factory=list)
    generators: list[Name] = Field(default_factory=list)


class UsedPreset(Part):
    """What tables say of the preset: the side of its square images in pixels."""

    resolution: Count | None = None


class UsedProtocol(Part):
    """What tables say of the protocol. set_aside: the share of the patients that is kept for tuning."""

    preset: UsedPreset = UsedPreset()
    set_aside: Share = 0.0


class Provenance(Part):
    """Where and when a record was made. pigbench: its version. hardware: what the stages ran on.

    instructions: the widest that the processor has for vectors, such as "avx512"; networks give other numbers there.
    """

    pigbench: Name = "unknown"
    created: Prose = ""
    hardware: list[Name] = []
    instructions: Prose = ""


class Record(Part):
    """One run: its protocol, what it measured, what it cost and where it was made.

    metrics: in the order of the tables' columns. segmenters: name and hash of source and settings, by label.
    """

    format: Literal["pigbench-record/2"]
    key: Name = Field(min_length=8)
    protocol: UsedProtocol
    protocol_hash: Name = Field(min_length=8)
    preset: Name
    banner: Prose = ""
    dataset: Dataset
    folds: int = Field(gt=0, le=MOST_FOLDS)
    seeds: list[Seed]
    metrics: dict[Name, MetricInfo]
    generators: dict[Name, GeneratorInfo]
    segmenters: dict[Name, Name] = {}
    arms: dict[Name, Arm]
    fits: list[Fit]
    fidelity: list[FidelityRun]
    gates: list[GateRun] = []
    agreements: list[AgreementRun] = []
    reconstructions: list[Reconstruction] = []
    costs: list[Cost] = []
    tuning: list[Tuning] = []
    provenance: Provenance = Provenance()
    test_sets: dict[Name, TestSet] = Field(min_length=1)
    scores: Scores

    def __repr__(self) -> str:
        """One line, as a notebook shows it: its numbers are for `pigbench.compare` and `pigbench.results.cases`."""
        made = f"{len(self.arms)} arms, {self.folds} folds, {len(self.fits)} segmenter trainings"
        return f"<Record of {self.dataset.name}, preset {self.preset}: {made}>"

    __str__ = __repr__

    @property
    def runs(self) -> list[Fit | FidelityRun | GateRun | AgreementRun | Reconstruction]:
        """All that can have failed."""
        return [*self.fidelity, *self.fits, *self.gates, *self.agreements, *self.reconstructions]

    @property
    def cases(self) -> TestCases:
        """Those of the first test set, which tables are made of."""
        return next(iter(self.test_sets.values())).cases

    @model_validator(mode="after")
    def _names_what_it_lists(self) -> Self:
        for label, info in self.generators.items():
            if info.label != label:
                raise ValueError(f"generator '{label}' calls itself '{info.label}'")
        for name, arm in self.arms.items():
            if arm.arm != name:
                raise ValueError(f"arm '{name}' calls itself '{arm.arm}'")
        for fit in self.fits:
            if fit.arm not in self.arms:
                raise ValueError(f"arm '{fit.arm}' is not among its arms")
        used: set[str | None] = {arm.generator for arm in self.arms.values()}
        used |= {run.generator for run in self.runs if not isinstance(run, Fit)}
        if strangers := used - {None} - self.generators.keys():
            raise ValueError(f"generator '{min(map(str, strangers))}' is not among its generators")
        for run in self.runs:
            if run.fold >= self.folds:
                raise ValueError(f"fold {run.fold} of {self.folds}")
        for study in self.tuning:
            known = self.generators if study.group == "generators" else self.segmenters
            if unknown := set(study.used_by) - known.keys():
                raise ValueError(
                    f"study '{study.study}' is used by '{min(unknown)}', which is not among its {study.group}"
                )
        return self

    @model_validator(mode="after")
    def _measured_once(self) -> Self:
        if twice := repeated(fit.unit for fit in self.fits):
            raise ValueError(f"a fit is listed twice: {twice[0]}")
        return self

    @model_validator(mode="after")
    def _metrics_are_described(self) -> Self:
        def known(kind: str) -> set[str]:
            return {name for name, info in self.metrics.items() if info.kind == kind}

        of_sets = {name for run in self.fidelity for part in (run.values, run.floors, run.biased) for name in part}
        for kind, used in (("case", set(self.scores.scores)), ("set", of_sets)):
            if unknown := used - known(kind):
                raise ValueError(f"metric '{min(unknown)}' is not among its {kind} metrics")
        kept = {f"{info.kept_as or name}.{part}" for name, info in self.metrics.items() for part in info.statistics}
        if unknown := self.scores.statistics.keys() - kept:
            raise ValueError(f"statistic '{min(unknown)}' is none of its metrics'")
        for name, values in self.scores.scores.items():
            low, high = self.metrics[name].low, self.metrics[name].high
            if (low is not None and (values < low).any()) or (high is not None and (values > high).any()):
                raise ValueError(f"a score of metric '{name}' that is out of its range")
        return self

    @model_validator(mode="after")
    def _fits_have_their_cases(self) -> Self:
        """Every fit that is there has the scores of all cases of its fold, once, and no others."""
        scores, sets = self.scores, list(self.test_sets.values())
        for name, column, size in (
            ("fit", scores.fit, len(self.fits)),
            ("test_set", scores.test_set, len(sets)),
            ("class", scores.class_, len(self.dataset.classes)),
        ):
            if column is not None and len(column) and column.max() >= size:
                raise ValueError(f"scores.{name}: {column.max()} of {size}")
        at = np.zeros(len(scores), np.int32) if scores.test_set is None else scores.test_set
        for index, test_set in enumerate(sets):
            if (fold := test_set.cases.fold).size and fold.max() >= self.folds:
                raise ValueError(f"fold {fold.max()} of {self.folds}")
            used = scores.case[at == index]
            if len(used) and used.max() >= len(test_set.cases):
                raise ValueError(f"scores.case: {used.max()} of {len(test_set.cases)}")
        if _repeats([column for column in (at, scores.class_, scores.fit, scores.case) if column is not None]):
            raise ValueError("a case of a fit is listed twice")
        told = 1 if scores.class_ is None else len(self.dataset.classes)
        for number in range(told):
            self._are_complete(scores.of_held_out & (scores.classes == number))
        return self

    def _are_complete(self, rows: np.ndarray) -> None:
        fit, case = self.scores.fit[rows], self.scores.case[rows]
        own_fold = np.array([fit.fold for fit in self.fits], np.int32)
        if (strayed := own_fold[fit] != self.cases.fold[case]).any():
            raise ValueError(f"a case of another fold: {fit_name(self.fits[fit[strayed.argmax()]])}")
        expected = np.bincount(self.cases.fold, minlength=self.folds)
        for unit, found in zip(self.fits, np.bincount(fit, minlength=len(self.fits)), strict=True):
            if unit.status == "ok" and (not found or found != expected[unit.fold]):
                raise ValueError(f"{found} of {expected[unit.fold]} cases: {fit_name(unit)}")
            if unit.status == "failed" and found:
                raise ValueError(f"scores of a fit that failed: {fit_name(unit)}")


def _repeats(columns: Sequence[np.ndarray]) -> bool:
    """Whether two rows of these columns, none of them negative, are the same."""
    row, units = np.zeros(len(columns[0]), np.int64), 1
    for column in columns:
        width = int(column.max(initial=0)) + 1
        row, units = row * width + column, units * width
    if units > 10 * len(row) + 1000:
        return len(np.unique(row)) < len(row)
    seen = np.zeros(units, bool)
    seen[row] = True
    return int(seen.sum()) < len(row)


def fit_name(fit: Fit) -> str:
    """Such as "real unet seed 0 fold 2"; a training other than the first is named too."""
    again = f" training {fit.training}" if fit.training else ""
    return f"{fit.arm} {fit.segmenter} seed {fit.seed}{again} fold {fit.fold}"
