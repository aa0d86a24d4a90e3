"""The record: what one run leaves, as one JSON file. Enough to compute every table again, and nothing of the images.

Unknown keys are kept, so that a later version may add some; a missing key or a contradiction makes a record malformed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, model_validator

FORMAT = "pigbench-record/1"
Status = Literal["ok", "failed"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow")


class Dataset(_Part):
    """What was measured on. `identity` is the hash of what the dataset is; ids in a record are already safe to show.

    pseudo_patients: patients are not known, and near-identical images count as one.
    """

    name: str
    identity: str
    patients: int
    cases: int
    has_patient_ids: bool
    pseudo_patients: bool = False


class GeneratorInfo(_Part):
    """A generator that took part. `signature` names its source and settings; `note` is what a reader must know.

    image_passes: of each component in training; a borrowed one is named with its owner. control: whether it is only
    there to give other rows their meaning. sealed: False for pairs from outside that nobody vouches for.
    """

    label: str
    plugin: str
    signature: str
    kind: Literal["images", "pairs", "images-for-masks"]
    config: dict[str, Any] = {}
    origin: str = ""
    image_passes: dict[str, int | None] = {}
    note: str = ""
    control: bool = False
    sealed: bool = True


class FidelityRun(_Part):
    """The distances of one generator in one fold, at m generated against `n_reference` real images.

    kid, fid: the distances; their floors: real training images against the same reference, at `floor_m`.
    copying: the median distance to the nearest training image over the same median of unseen real images (1 = no
    nearer than new patients are). Numbers are None where there are none.
    """

    generator: str
    n: int
    seed: int
    fold: NonNegativeInt
    extractor: str
    m: int | None = None
    n_reference: int | None = None
    reference: str = ""
    fid: float | None = None
    fid_biased: bool = False
    kid: float | None = None
    kid_sd: float | None = None
    floor_m: int | None = None
    fid_floor: float | None = None
    kid_floor: float | None = None
    copying: float | None = None
    clipped_fraction: float | None = None
    empty_masks: int = 0
    status: Status
    reason: str = ""


class GateRun(_Part):
    """Whether one generator's lesions are where its masks are, in one fold.

    contrast, real: mean contrast of lesion against ring over chance, as a part of the intensity range, generated and in
    the fold's training pairs. verdict: "conditioned", "not conditioned" or "cannot tell".
    """

    generator: str
    n: int
    seed: int
    fold: NonNegativeInt
    contrast: float | None = None
    real: float | None = None
    ratio: float | None = None
    verdict: str = ""
    status: Status
    reason: str = ""


class Reconstruction(_Part):
    """What a generator's own compression loses of held-out images: errors as a part of the range, PSNR in dB."""

    generator: str
    seed: int
    fold: NonNegativeInt
    mae: float | None = None
    rmse: float | None = None
    psnr: float | None = None
    status: Status
    reason: str = ""


class ArmRun(_Part):
    """One segmenter trained in one arm, on one fold with one seed. `share`: synthetic part of a batch, 0 to 1.

    alone: without real cases. stretch: how many times the usual steps.
    """

    arm: str
    generator: str | None
    n: int
    segmenter: str
    seed: int
    fold: NonNegativeInt
    alone: bool = False
    stretch: int = 1
    share: float | None = None
    steps: int | None = None
    synthetic_used: int | None = None
    empty_masks: int = 0
    status: Status
    reason: str = ""


class Cases(_Part):
    """Pixel counts of every test case in every arm, in columns of equal length."""

    arm: list[str]
    segmenter: list[str]
    seed: list[int]
    fold: list[int]
    patient_id: list[str]
    case_id: list[str]
    tp: list[NonNegativeInt]
    fp: list[NonNegativeInt]
    fn: list[NonNegativeInt]
    tn: list[NonNegativeInt]

    @model_validator(mode="after")
    def _equal_lengths(self) -> Self:
        lengths = {name: len(getattr(self, name)) for name in CASE_COLUMNS}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns of unequal length: {lengths}")
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

    study: str
    plugin: str
    group: Literal["generators", "segmenters"]
    set_aside: float
    patients: int
    trials: int
    pruned: int = 0
    failed: int = 0
    objective: str
    value: float
    params: dict[str, Any] = {}
    wall_s: float
    cpu_s: float
    gpu_s: float = 0.0
    used_by: list[str] = []


class Record(_Part):
    """One run: its protocol, what it measured, what it cost and where it was made."""

    format: Literal["pigbench-record/1"]
    key: str = Field(min_length=8)
    protocol: dict[str, Any]
    protocol_hash: str = Field(min_length=8)
    preset: str
    banner: str = ""
    dataset: Dataset
    folds: int = Field(gt=0)
    seeds: list[int]
    generators: dict[str, GeneratorInfo]
    segmenters: dict[str, str] = {}  # label: name and hash of source and settings
    fidelity: list[FidelityRun]
    arms: list[ArmRun]
    gates: list[GateRun] = []
    reconstructions: list[Reconstruction] = []
    cases: Cases
    costs: list[dict[str, Any]] = []
    tuning: list[Tuning] = []
    provenance: dict[str, Any] = {}

    @property
    def runs(self) -> list[FidelityRun | ArmRun | GateRun | Reconstruction]:
        """All that can have failed."""
        return [*self.fidelity, *self.arms, *self.gates, *self.reconstructions]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for run in self.runs:
            if run.generator is not None and run.generator not in self.generators:
                raise ValueError(f"generator '{run.generator}' is not among its generators")
            if run.fold >= self.folds:
                raise ValueError(f"fold {run.fold} of {self.folds}")
        with_cases = set(zip(self.cases.arm, self.cases.segmenter, self.cases.seed, self.cases.fold, strict=True))
        listed = {(run.arm, run.segmenter, run.seed, run.fold): run.status for run in self.arms}
        if len(listed) < len(self.arms):
            raise ValueError("an arm is listed twice with the same segmenter, seed and fold")
        if stray := with_cases - listed.keys():
            raise ValueError(f"cases of an arm that it does not list: {min(stray)}")
        if bare := {unit for unit, status in listed.items() if status == "ok"} - with_cases:
            raise ValueError(f"an arm without cases: {min(bare)}")
        return self


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
