"""What a record says of what took part: dataset, metrics, generators, arms, studies, protocol and machine."""

from __future__ import annotations

from math import isfinite
from typing import Any, Literal, Self

from pydantic import Field

from pigbench.contracts.metric import CaseMetric, Metric, SetMetric
from pigbench.data.source import grouping
from pigbench.results.fields import Count, Measure, Name, Number, Operations, Prose, Share
from pigbench.results.parts import Part, Sparse

Outcome = Measure | Literal["computed", "excluded"]


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


EXTERNAL = "a folder of pairs"
"""The origin of external pairs."""


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

    @property
    def is_external(self) -> bool:
        """Whether they are another tool's pairs, which are the same for every seed."""
        return self.origin == EXTERNAL


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
