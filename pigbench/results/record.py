"""The record: what one run leaves, as one JSON file. Enough to compute every table again, and nothing of the images.

Unknown keys are kept, so that a later version may add some; a missing key, a wrong type or a contradiction makes a
record malformed. All of that is found out here: whoever has a Record may rely on its types, ranges and references.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from pigbench.data.source import grouping
from pigbench.results.fields import Count, Identity, Measure, Name, Number, Prose, Seed, Share

FORMAT = "pigbench-record/1"
Status = Literal["ok", "failed"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)


class Dataset(_Part):
    """What was measured on. `identity` is the hash of what the dataset is; ids in a record are already safe to show.

    pseudo_patients: patients are not known, and near-identical images count as one.
    """

    name: Name
    identity: Name
    patients: Count
    cases: Count
    has_patient_ids: bool
    pseudo_patients: bool = False

    @property
    def grouped_by(self) -> str:
        """What folds and intervals go by, see `data.source.grouping`."""
        return grouping(self.has_patient_ids, self.pseudo_patients)


class GeneratorInfo(_Part):
    """A generator that took part. `signature` names its source and settings; `note` is what a reader must know.

    image_passes: of each component in training; a borrowed one is named with its owner. control: whether it is only
    there to give other rows their meaning. sealed: False for pairs from outside that nobody vouches for.
    """

    label: Name
    plugin: Name
    signature: Name
    kind: Literal["images", "pairs", "images-for-masks"]
    config: dict[str, Any] = {}
    origin: Prose = ""
    image_passes: dict[Name, Count | None] = {}
    note: Prose = ""
    control: bool = False
    sealed: bool = True


class FidelityRun(_Part):
    """The distances of one generator in one fold, at m generated against `n_reference` real images.

    kid, fid: the distances; their floors: real training images against the same reference, at `floor_m`.
    copying: the median distance to the nearest training image over the same median of unseen real images (1 = no
    nearer than new patients are). Numbers are None where there are none.
    """

    generator: Name
    n: Count
    seed: Seed
    fold: Count
    extractor: Name
    m: Count | None = None
    n_reference: Count | None = None
    reference: Prose = ""
    fid: Number = None
    fid_biased: bool = False
    kid: Number = None
    kid_sd: Number = None
    floor_m: Count | None = None
    fid_floor: Number = None
    kid_floor: Number = None
    copying: Number = None
    clipped_fraction: Number = None
    empty_masks: Count = 0
    status: Status
    reason: Prose = ""


class GateRun(_Part):
    """Whether one generator's lesions are where its masks are, in one fold.

    contrast, real: mean contrast of lesion against ring over chance, as a part of the intensity range, generated and in
    the fold's training pairs. verdict: "conditioned", "not conditioned" or "cannot tell".
    """

    generator: Name
    n: Count
    seed: Seed
    fold: Count
    contrast: Number = None
    real: Number = None
    ratio: Number = None
    verdict: Prose = ""
    status: Status
    reason: Prose = ""

    @model_validator(mode="after")
    def _ratio_of_something(self) -> Self:
        if self.ratio is not None and (self.contrast is None or self.real is None):
            raise ValueError("a ratio without its two contrasts")
        return self


class Reconstruction(_Part):
    """What a generator's own compression loses of held-out images: errors as a part of the range, PSNR in dB."""

    generator: Name
    seed: Seed
    fold: Count
    mae: Number = None
    rmse: Number = None
    psnr: Number = None
    status: Status
    reason: Prose = ""


class ArmRun(_Part):
    """One segmenter trained in one arm, on one fold with one seed. `share`: synthetic part of a batch, 0 to 1.

    alone: without real cases. stretch: how many times the usual steps.
    """

    arm: Name
    generator: Name | None
    n: Count
    segmenter: Name
    seed: Seed
    fold: Count
    alone: bool = False
    stretch: Count = 1
    share: Share | None = None
    steps: Count | None = None
    synthetic_used: Count | None = None
    empty_masks: Count = 0
    status: Status
    reason: Prose = ""


class Cases(_Part):
    """Pixel counts of every test case in every arm, in columns of equal length; each case once for a seed."""

    arm: list[str]
    segmenter: list[str]
    seed: list[Seed]
    fold: list[Count]
    patient_id: list[Identity]
    case_id: list[Identity]
    tp: list[Count]
    fp: list[Count]
    fn: list[Count]
    tn: list[Count]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        lengths = {name: len(getattr(self, name)) for name in CASE_COLUMNS}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns of unequal length: {lengths}")
        if twice := _repeated(zip(self.arm, self.segmenter, self.seed, self.case_id, strict=True)):
            raise ValueError(f"a case is listed twice: {twice[0]}")
        if torn := _repeated(case for case, _ in set(zip(self.case_id, self.patient_id, strict=True))):
            raise ValueError(f"a case of two patients: {torn[0]}")
        return self

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows, in the order of `CASE_COLUMNS`."""
        return zip(*(getattr(self, name) for name in CASE_COLUMNS), strict=True)


CASE_COLUMNS = tuple(Cases.model_fields)


class Tuning(_Part):
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


class Cost(_Part):
    """What one stage took: seconds of one worker, peaks in MiB, and what the seconds were spent on.

    images: trained on or made. parameters: of the network. generators: those that sample with what a training made.
    What was not measured is None, and not written.
    """

    stage: Name
    label: str = ""
    fold: Count | None = None
    seed: Seed | None = None
    chunk: Count | None = None
    wall_s: Number = None
    cpu_s: Number = None
    gpu_s: Number = None
    peak_mib: Number = None
    gpu_peak_mib: Number = None
    images: Count | None = None
    parameters: Count | None = None
    generators: list[Name] = []

    @model_serializer(mode="wrap")
    def _measured(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in written(self).items() if value not in (None, [])}


class UsedPreset(_Part):
    """What tables say of the preset: the side of its square images in pixels."""

    resolution: Count | None = None


class UsedProtocol(_Part):
    """What tables say of the protocol. set_aside: the share of the patients that is kept for tuning."""

    preset: UsedPreset = UsedPreset()
    set_aside: Share = 0.0


class Provenance(_Part):
    """Where and when a record was made. pigbench: its version. hardware: what the stages ran on."""

    pigbench: Name = "unknown"
    created: Prose = ""
    hardware: list[Name] = []


class Record(_Part):
    """One run: its protocol, what it measured, what it cost and where it was made."""

    format: Literal["pigbench-record/1"]
    key: Name = Field(min_length=8)
    protocol: UsedProtocol
    protocol_hash: Name = Field(min_length=8)
    preset: Name
    banner: Prose = ""
    dataset: Dataset
    folds: Count = Field(gt=0)
    seeds: list[Seed]
    generators: dict[Name, GeneratorInfo]
    segmenters: dict[Name, Name] = {}  # label: name and hash of source and settings
    fidelity: list[FidelityRun]
    arms: list[ArmRun]
    gates: list[GateRun] = []
    reconstructions: list[Reconstruction] = []
    cases: Cases
    costs: list[Cost] = []
    tuning: list[Tuning] = []
    provenance: Provenance = Provenance()

    @property
    def runs(self) -> list[FidelityRun | ArmRun | GateRun | Reconstruction]:
        """All that can have failed."""
        return [*self.fidelity, *self.arms, *self.gates, *self.reconstructions]

    @model_validator(mode="after")
    def _names_what_it_lists(self) -> Self:
        for label, info in self.generators.items():
            if info.label != label:
                raise ValueError(f"generator '{label}' calls itself '{info.label}'")
        for run in self.runs:
            if run.generator is not None and run.generator not in self.generators:
                raise ValueError(f"generator '{run.generator}' is not among its generators")
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
        if twice := _repeated((run.arm, run.segmenter, run.seed, run.fold) for run in self.arms):
            raise ValueError(f"an arm is listed twice with the same segmenter, seed and fold: {twice[0]}")
        kinds = {(run.arm, run.generator, run.n, run.alone, run.stretch) for run in self.arms}
        if torn := _repeated(arm for arm, *_ in kinds):
            raise ValueError(f"an arm trained on one thing here and another there: {torn[0]}")
        return self

    @model_validator(mode="after")
    def _arms_have_their_cases(self) -> Self:
        with_cases = set(zip(self.cases.arm, self.cases.segmenter, self.cases.seed, self.cases.fold, strict=True))
        listed = {(run.arm, run.segmenter, run.seed, run.fold): run.status for run in self.arms}
        if stray := with_cases - listed.keys():
            raise ValueError(f"cases of an arm that it does not list: {min(stray)}")
        if bare := {unit for unit, status in listed.items() if status == "ok"} - with_cases:
            raise ValueError(f"an arm without cases: {min(bare)}")
        return self


def _repeated(values: Iterable[Hashable]) -> list[Any]:
    """The values that come more than once."""
    return [value for value, times in Counter(values).items() if times > 1]


def same_numbers(a: Record, b: Record) -> list[str]:
    """What differs between two records, costs, tuning and provenance aside; empty if they are the same record."""
    ours, theirs = _numbers(a), _numbers(b)
    return [
        f"{name}: {ours.get(name, 'absent')} != {theirs.get(name, 'absent')}"
        for name in sorted(ours.keys() | theirs.keys())
        if ours.get(name, "absent") != theirs.get(name, "absent")
    ]


def supersedes(a: Record, b: Record) -> bool:
    """Whether `b` has failures and all that it did measure stands in `a` too, so that `a` can take its place."""
    return any(run.status == "failed" for run in b.runs) and _measured(b).items() <= _measured(a).items()


_PARTS = {
    "fidelity": "{generator}_{n} {extractor} seed {seed} fold {fold}",
    "arms": "{arm} {segmenter} seed {seed} fold {fold}",
    "gates": "{generator}_{n} seed {seed} fold {fold}",
    "reconstructions": "{generator} seed {seed} fold {fold}",
}
"""The lists of a record's measurements, and what names an entry of each."""


def _measured(record: Record) -> dict[str, str]:
    good = {part: [run for run in getattr(record, part) if run.status == "ok"] for part in _PARTS}
    numbers = _numbers(record.model_copy(update=good))
    return {name: value for name, value in numbers.items() if name.startswith((*(f"{p}[" for p in _PARTS), "cases["))}


def _numbers(record: Record) -> dict[str, str]:
    """Every value of a record by a name that does not depend on the order of its rows."""
    content = json.loads(record.model_dump_json(exclude={"cases", "costs", "tuning", "provenance"}))
    parts = {part: content.pop(part) for part in _PARTS}
    found = dict(_flat("", content))
    for part, named in _PARTS.items():
        for run in parts[part]:
            found |= _flat(f"{part}[{named.format(**run)}]", run)
    for arm, segmenter, seed, fold, patient, case, *counts in record.cases.rows():
        name = f"cases[{arm} {segmenter} seed {seed} fold {fold} case {case}]"
        found[name] = f"patient {patient}, tp/fp/fn/tn {counts}"
    return found


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}" if name else key, inner)
    else:
        yield name, repr(value)
