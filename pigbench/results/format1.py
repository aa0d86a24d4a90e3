"""Records of format 1: read as they were written, and made Records of today.

Format 1 kept the confusion counts of every case and four scores derived from them; of images FID, KID and `copying`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
from pydantic import model_validator

from pigbench.metrics import case_metrics
from pigbench.metrics.measuring import scored
from pigbench.results.cases import TestCases, TestSet
from pigbench.results.fields import Count, Identity, Name, Number, Prose, Seed, Share
from pigbench.results.measured import Status
from pigbench.results.parts import Part, repeated
from pigbench.results.record import FORMAT, HELD_OUT, Record

STATISTICS = ("tp", "fp", "fn", "tn")
OVERLAP = ("dice", "iou", "precision", "recall")
_OVERLAP = {"kind": "case", "unit": "%", "scale": 100.0, "digits": 1, "low": 0.0, "high": 1.0} | {
    "statistics": list(STATISTICS),
    "kept_as": "overlap",
    "empty": {"missed": 0.0, "false_alarm": 0.0, "both_empty": "excluded"},
}
_DISTANCE = {"kind": "set", "better": "lower", "digits": 2, "has_floor": True}
METRICS: dict[str, dict[str, Any]] = {
    **{name: _OVERLAP | {"heading": name.capitalize()} for name in OVERLAP},
    "iou": _OVERLAP | {"heading": "IoU"},
    "kid": _DISTANCE | {"heading": "KID", "unit": "×1000", "scale": 1000.0},
    "fid": _DISTANCE | {"heading": "FID", "low": 0.0},
    "copying": {"kind": "set", "heading": "copying", "low": 0.0}
    | {
        "note": "distance to the nearest training image, over that of new patients (below 1: nearer, like copies; "
        "well above 1: far from any real image)"
    },
}
"""What format 1 measured, as a record of today describes it."""


class FidelityRun(Part):
    """The distances of one generator in one fold."""

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


class ArmRun(Part):
    """One segmenter trained in one arm, on one fold with one seed."""

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

    @property
    def unit(self) -> tuple[str, str, int, int]:
        """What its cases name."""
        return self.arm, self.segmenter, self.seed, self.fold


class Cases(Part):
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
        if torn := repeated(case for case, _ in set(zip(self.case_id, self.patient_id, strict=True))):
            raise ValueError(f"a case of two patients: {torn[0]}")
        if torn := repeated(case for case, _ in set(zip(self.case_id, self.fold, strict=True))):
            raise ValueError(f"a case of two folds: {torn[0]}")
        return self


CASE_COLUMNS = tuple(Cases.model_fields)


class Record1(Part):
    """What format 1 has otherwise than today; all else is checked as what it becomes."""

    format: Literal["pigbench-record/1"]
    fidelity: list[FidelityRun]
    arms: list[ArmRun]
    cases: Cases

    @model_validator(mode="after")
    def _arms_have_their_cases(self) -> Self:
        kinds = {(run.arm, run.generator, run.n, run.alone, run.stretch) for run in self.arms}
        if torn := repeated(arm for arm, *_ in kinds):
            raise ValueError(f"an arm trained on one thing here and another there: {torn[0]}")
        listed = {run.unit for run in self.arms}
        if stray := set(_units(self.cases)) - listed:
            raise ValueError(f"cases of an arm that it does not list: {min(stray)}")
        return self


def converted(content: dict[str, Any]) -> Record:
    """The Record that a record of format 1 is, from its JSON. Raises ValueError with what is wrong."""
    old = Record1.model_validate(content)
    rest = {name: value for name, value in content.items() if name not in Record1.model_fields}
    return Record.model_validate(
        rest
        | {
            "format": FORMAT,
            "metrics": METRICS,
            "arms": {run.arm: _arm(run) for run in old.arms},
            "fits": [_fit(run) for run in old.arms],
            "fidelity": [_fidelity(run) for run in old.fidelity],
            "costs": _costs(rest.get("costs", []), rest.get("generators")),
            "protocol": _protocol(rest.get("protocol")),
        }
        | _scores(old)
    )


def _protocol(protocol: Any) -> Any:
    """Format 1 was scored on the network's grid without saying so; what is malformed is left to those who check it."""
    if not (isinstance(protocol, dict) and isinstance(preset := protocol.get("preset"), dict)):
        return protocol
    return protocol | {"preset": {"scoring": {"grid": "working"}} | preset}


def _arm(run: ArmRun) -> dict[str, Any]:
    use = "real" if run.generator is None else "alone" if run.alone else "mixed"
    return {"arm": run.arm, "generator": run.generator, "n": run.n, "use": use, "stretch": run.stretch}


def _fit(run: ArmRun) -> dict[str, Any]:
    return run.model_dump(exclude={"generator", "n", "alone", "stretch"})


def _fidelity(run: FidelityRun) -> dict[str, Any]:
    names = [name for name, info in METRICS.items() if info["kind"] == "set"]
    kept = run.model_dump(exclude={*names, "fid_biased", "fid_floor", "kid_floor"})
    measured = {name: getattr(run, name) for name in names} if run.status == "ok" else {}
    floors = {name: getattr(run, f"{name}_floor") for name in measured if METRICS[name].get("has_floor")}
    return kept | {"values": measured, "floors": floors, "biased": ["fid"] if run.fid_biased else []}


def _costs(costs: Any, generators: Any) -> Any:
    """Each cost with the row that it belongs to; what is malformed is left to those who check it."""
    if not (isinstance(costs, list) and isinstance(generators, dict)):
        return costs
    owners: dict[str, list[str]] = {}
    for label, info in generators.items():
        passes = info.get("image_passes") if isinstance(info, dict) else None
        for component in passes if isinstance(passes, dict) else ():
            owners.setdefault(component if "." in component else f"{label}.{component}", []).append(label)
    return [_with_row(cost, owners) for cost in costs]


def _with_row(cost: Any, owners: dict[str, list[str]]) -> Any:
    if not (isinstance(cost, dict) and isinstance(label := cost.get("label"), str)):
        return cost
    stage, users = cost.get("stage"), cost.get("generators", [])
    if stage == "train" and isinstance(users, list) and all(isinstance(user, str) for user in users):
        users = sorted({*users, *owners.get(label, [])})
        return cost | {"row": f"train {label.partition('.')[0]}", "generators": users}
    return cost | {"row": f"{stage} {label}"} if stage in ("sample", "segment") else cost


def _scores(old: Record1) -> dict[str, Any]:
    """The test set and the columns of the scores."""
    cases = old.cases
    numbers = {name: np.array(getattr(cases, name), dtype=float) for name in STATISTICS}
    first: dict[str, int] = {}
    for row, case in enumerate(cases.case_id):
        first.setdefault(case, row)
    place = {case: index for index, case in enumerate(first)}
    rows = list(first.values())
    lesion, pixels = numbers["tp"] + numbers["fn"], sum(numbers.values())
    area = np.divide(lesion, pixels, out=np.full(len(lesion), np.nan), where=np.asarray(pixels) > 0)
    test_cases = TestCases.model_validate(
        {
            "case_id": list(first),
            "patient_id": [cases.patient_id[row] for row in rows],
            "fold": [cases.fold[row] for row in rows],
            "area": area[rows],
        }
    )
    fits = {run.unit: index for index, run in enumerate(old.arms)}
    return {
        "test_sets": {HELD_OUT: TestSet(cases=test_cases)},
        "scores": {
            "fit": [fits[unit] for unit in _units(cases)],
            "case": [place[case] for case in cases.case_id],
            "statistics": {f"overlap.{name}": values for name, values in numbers.items()},
            "scores": overlap_scores(numbers),
        },
    }


def overlap_scores(counts: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The four scores of N cases from their pixel counts tp, fp, fn and tn, (N,) float64 each; NaN where excluded."""
    lesion, predicted = counts["tp"] + counts["fn"] > 0, counts["tp"] + counts["fp"] > 0
    return {name: scored(metric, counts, lesion, predicted) for name, metric in case_metrics(OVERLAP).items()}


def _units(cases: Cases) -> Any:
    return zip(cases.arm, cases.segmenter, cases.seed, cases.fold, strict=True)
