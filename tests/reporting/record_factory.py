"""Synthetic records: every number drawn from a seed, so that two calls with the same arguments agree."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pigbench.results import FORMAT, Record
from pigbench.results.cases import Scores
from pigbench.results.format1 import overlap_scores
from pigbench.results.naming import of_patients

KINDS = {"ddpm": "images", "ddim": "images"}
OVERLAP = {"kind": "case", "unit": "%", "scale": 100.0, "digits": 1, "low": 0.0, "high": 1.0, "kept_as": "overlap"}
OVERLAP |= {"statistics": ["tp", "fp", "fn", "tn"]}
SHARE = {"unit": "%", "scale": 100.0, "digits": 1, "low": 0.0, "high": 1.0}
METRICS: dict[str, dict[str, Any]] = {
    "dice": OVERLAP | {"heading": "Dice"},
    "iou": OVERLAP | {"heading": "IoU"},
    "precision": OVERLAP | {"heading": "Precision"},
    "recall": OVERLAP | {"heading": "Recall"},
    "found": SHARE | {"kind": "case", "heading": "Found", "statistics": ["hits", "lesions"]},
    "false_alarms": {"kind": "case", "heading": "False alarms", "better": "lower", "low": 0.0}
    | {"statistics": ["count"], "note": "predicted components that touch no lesion, a case"},
    "nsd": SHARE | {"kind": "case", "heading": "NSD", "statistics": ["near", "all"]},
    "hd95": {
        "kind": "case",
        "heading": "HD95",
        "better": "lower",
        "unit": "mm",
        "low": 0.0,
        "statistics": ["distance"],
    },
    "kid": {"kind": "set", "heading": "KID", "better": "lower", "unit": "×1000", "scale": 1000.0, "has_floor": True},
    "fid": {"kind": "set", "heading": "FID", "better": "lower", "low": 0.0, "has_floor": True},
    "image_precision": SHARE | {"kind": "set", "heading": "Image precision", "has_floor": True},
    "image_recall": SHARE | {"kind": "set", "heading": "Image recall", "has_floor": True},
    "copies": SHARE | {"kind": "set", "heading": "Copies", "better": "lower", "has_floor": True},
}
USUAL = ("dice", "iou", "precision", "recall", "kid", "fid")
FLOORS = {"kid": 0.0005, "fid": 4.5, "image_precision": 0.9, "image_recall": 0.8, "copies": 0.01}


def make_record(
    generators: Sequence[str] = ("pig",),
    samples: Sequence[int] = (2048,),
    *,
    folds: int = 5,
    seeds: Sequence[int] = (0,),
    trainings: int = 1,
    train_patients: Sequence[int | None] = (None,),
    patients: int = 20,
    cases_each: int = 3,
    segmenters: Sequence[str] = ("unet",),
    protocol: str = "ab12cd34ab12cd34",
    key: str = "feedbeeffeedbeef",
    signatures: dict[str, str] | None = None,
    failed: Sequence[tuple[str, int]] = (),
    reason: str = "RuntimeError: out of memory",
    has_patient_ids: bool = True,
    pseudo_patients: bool = False,
    banner: str = "",
    empty: int = 0,
    luck: int = 0,
    created: str = "2026-01-01T00:00:00Z",
    metrics: Sequence[str] = USUAL,
    ceiling: dict[str, float] | None = None,
) -> Record:
    """A record of `real` and of each generator at each n, trained on each number of patients.

    failed: (arm or generator_n, fold) that failed. empty: how many cases are empty in truth and prediction.
    luck: changes the numbers without changing the key, as another device would. metrics: of `METRICS`.
    """
    with_masks = [name for name in generators if KINDS.get(name, "pairs") != "images"]
    arms = [("real", None, 0)] + [(f"real+{name}_{n}", name, n) for name in with_masks for n in samples]
    plan = [(arm + of_patients(size), name, n, size) for size in train_patients for arm, name, n in arms]
    fits: list[dict[str, Any]] = []
    parts = []
    for arm, _, n, _ in plan:
        for segmenter in segmenters:
            for seed in seeds:
                for training in range(trainings):
                    for fold in range(folds):
                        fit = {"arm": arm, "segmenter": segmenter, "seed": seed, "training": training, "fold": fold}
                        fit |= {"share": n / (n + 400), "steps": 600, "synthetic_used": n}
                        down = (arm, fold) in failed
                        if not down:
                            cases = [
                                p * cases_each + c for p in range(fold, patients, folds) for c in range(cases_each)
                            ]
                            parts.append((len(fits), cases, *_measured(fit, n, cases, empty, luck, metrics)))
                        fits.append(fit | {"status": "failed" if down else "ok", "reason": reason if down else ""})
    numbers = range(patients * cases_each)
    return Record.model_validate(
        {
            "format": FORMAT,
            "key": key,
            "protocol": {"preset": {"name": "quick", "resolution": 32}, "folds": folds},
            "protocol_hash": protocol,
            "preset": "quick",
            "banner": banner,
            "dataset": {
                "name": "phantom",
                "identity": "9f3c000011112222",
                "patients": patients,
                "cases": patients * cases_each,
                "has_patient_ids": has_patient_ids,
                "pseudo_patients": pseudo_patients,
            },
            "folds": folds,
            "seeds": list(seeds),
            "metrics": {name: METRICS[name] for name in metrics},
            "generators": {name: _generator(name, signatures or {}) for name in generators},
            "arms": {
                arm: {"arm": arm, "generator": name, "n": n, "use": "mixed" if name else "real", "train_patients": size}
                for arm, name, n, size in plan
            },
            "fits": fits,
            "fidelity": [
                {"train_patients": size}
                | _fidelity(name, n, seed, fold, luck, reason if (f"{name}_{n}", fold) in failed else "", metrics)
                for size in train_patients
                for name in generators
                for n in samples
                for seed in seeds
                for fold in range(folds)
            ],
            "test_sets": {
                "held-out": {
                    "cases": {
                        "case_id": [f"c{number:05}" for number in numbers],
                        "patient_id": [f"p{number // cases_each:03}" for number in numbers],
                        "fold": [number // cases_each % folds for number in numbers],
                        "area": np.array(
                            [0 if number < empty else _lesion(number) / 1024 for number in numbers], float
                        ),
                    },
                    "ceiling": ceiling or {},
                }
            },
            "scores": Scores.stacked(parts),
            "costs": [
                {"stage": "train", "label": "pig.guider", "row": "train pig", "fold": 0, "seed": 0, "wall_s": 1.0}
            ],
            "provenance": {"pigbench": "0.1.0", "created": created, "device": "cpu"},
        }
    )


def content(record: Record) -> dict[str, Any]:
    """`record` as JSON holds it."""
    return json.loads(record.model_dump_json())


def changed(record: Record, **parts: Any) -> Record:
    """`record` with other parts."""
    return Record.model_validate(content(record) | parts)


def rows_of(record: Record) -> list[dict[str, Any]]:
    """Every case of every fit: what tells it, and its statistics and scores by their own names."""
    scores, cases = record.scores, record.cases
    found = []
    for row, (fit, case) in enumerate(zip(scores.fit, scores.case, strict=True)):
        unit = ("arm", "segmenter", "seed", "training", "fold")
        of_fit = dict(zip(unit, record.fits[fit].unit, strict=True))
        of_case = {"patient_id": cases.patient_id[case], "case_id": cases.case_id[case]}
        measured = {
            name.rpartition(".")[2]: values[row] for name, values in (scores.statistics | scores.scores).items()
        }
        found.append(of_fit | of_case | measured)
    return found


def with_counts(record: Record, change: Callable[[dict[str, Any]], dict[str, int]]) -> Record:
    """`record` with other pixel counts. change: of a row of `rows_of`, those that are other."""
    rows = [row | change(row) for row in rows_of(record)]
    counts = {name: np.array([row[name] for row in rows], float) for name in ("tp", "fp", "fn", "tn")}
    scores = {
        "fit": record.scores.fit,
        "case": record.scores.case,
        "statistics": {f"overlap.{name}": values for name, values in counts.items()},
        "scores": overlap_scores(counts),
    }
    return Record.model_validate(content(record) | {"scores": scores})


def with_fits(record: Record, plan: Sequence[tuple[dict[str, Any], int]], **parts: Any) -> Record:
    """`record` with other fits, each given with the index of the one whose scores it has."""
    scores = record.scores
    rows = [np.flatnonzero(scores.fit == index) for _, index in plan]
    taken = np.concatenate(rows)
    other = {
        "fit": np.repeat(np.arange(len(plan)), [len(of) for of in rows]),
        "case": scores.case[taken],
        "statistics": {name: values[taken] for name, values in scores.statistics.items()},
        "scores": {name: values[taken] for name, values in scores.scores.items()},
    }
    return Record.model_validate(content(record) | {"fits": [fit for fit, _ in plan], "scores": other} | parts)


def without_folds(record: Record, arm: str, folds: Sequence[int]) -> Record:
    """`record` as if `arm` had never been asked for in `folds`."""
    fits = content(record)["fits"]
    plan = [(fit, place) for place, fit in enumerate(fits) if not (fit["arm"] == arm and fit["fold"] in folds)]
    return with_fits(record, plan)


def with_arm(record: Record, name: str, like: str, fit: dict[str, Any] | None = None, **about: Any) -> Record:
    """`record` with another arm whose fits and cases are those of `like`.

    fit, about: what its fits and the arm itself have otherwise.
    """
    whole = content(record)
    plan = [(old, place) for place, old in enumerate(whole["fits"])]
    plan += [(old | {"arm": name} | (fit or {}), place) for old, place in plan if old["arm"] == like]
    return with_fits(record, plan, arms=whole["arms"] | {name: whole["arms"][like] | {"arm": name} | about})


def with_two_classes(record: Record, classes: Sequence[str]) -> Record:
    """`record` as that of a first class; the second one scores half of it, and has no score in every third row."""
    scores = record.scores
    other = {name: values * 0.5 for name, values in scores.scores.items()}
    for values in other.values():
        values[::3] = np.nan

    def doubled(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.stack([first, second], axis=1).ravel()  # class by class within a case, as stages leave them

    both = {
        "fit": doubled(scores.fit, scores.fit),
        "case": doubled(scores.case, scores.case),
        "class": np.tile([0, 1], len(scores)).astype(np.int32),
        "statistics": {name: doubled(values, values) for name, values in scores.statistics.items()},
        "scores": {name: doubled(values, other[name]) for name, values in scores.scores.items()},
    }
    dataset = record.dataset.model_dump() | {"classes": list(classes)}
    return changed(record, dataset=dataset, scores=type(scores).model_validate(both).model_dump(by_alias=True))


def _generator(name: str, signatures: dict[str, str]) -> dict[str, Any]:
    return {
        "label": name,
        "plugin": name,
        "signature": signatures.get(name, f"{name}@1a2b3c4d"),
        "kind": KINDS.get(name, "pairs"),
        "config": {"steps": 32},
        "origin": "pigbench 0.1.0",
        "image_passes": {"guider": 24000, "conditional": 24000} if name == "pig" else {"denoiser": 48000},
        "note": "respaced to 128 of 1024 steps" if name == "ddpm" else "",
    }


def _fidelity(
    name: str, n: int, seed: int, fold: int, luck: int, reason: str, metrics: Sequence[str]
) -> dict[str, Any]:
    row = {"generator": name, "n": n, "seed": seed, "fold": fold, "extractor": "efficientnet-lite0"}
    if reason:
        return row | {"status": "failed", "reason": reason}
    draw = _stream(name, n, seed, fold, luck)
    values = {"fid": draw.uniform(10, 30), "kid": draw.uniform(0.002, 0.01)}
    values |= {name: draw.uniform(0, 1) for name in ("image_precision", "image_recall", "copies")}
    sets = [name for name in metrics if METRICS[name]["kind"] == "set"]
    row |= {"values": {name: values[name] for name in sets}, "floors": {name: FLOORS[name] for name in sets}}
    counts = {"m": n, "n_reference": 4096, "floor_m": 400, "clipped_fraction": 0.012}
    biased = {"biased": ["fid"] if n < 2560 and "fid" in sets else []}
    return row | counts | biased | {"reference": "fresh patients", "status": "ok", "reason": ""}


def _measured(
    fit: dict[str, Any], n: int, cases: Sequence[int], empty: int, luck: int, metrics: Sequence[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The statistics and the scores of one fit's cases."""
    counts: dict[str, list[int]] = {"tp": [], "fp": [], "fn": []}
    others: dict[str, list[float]] = {"found": [], "false_alarms": [], "nsd": [], "hd95": []}
    again = (fit["training"],) if fit["training"] else ()
    for number in cases:
        draw = _stream(fit["arm"], fit["segmenter"], fit["seed"], *again, number, luck)
        lesion = _lesion(number)
        found = draw.binomial(lesion, 0.55 + 0.05 * (n > 0))
        measured = (0, 0, 0) if number < empty else (int(found), int(draw.integers(0, 80)), lesion - int(found))
        for name, count in zip(counts, measured, strict=True):
            counts[name].append(count)
        drawn = (float(draw.integers(0, 2)), float(draw.integers(0, 4)), draw.uniform(0, 1), draw.uniform(1, 20))
        for values, value in zip(others.values(), drawn, strict=True):
            values.append(value)
    tn = 1024 - np.sum(list(counts.values()), axis=0)
    whole = {name: np.array(of, float) for name, of in (counts | {"tn": tn}).items()}
    scores = overlap_scores(whole) | others
    kept = {f"overlap.{name}": values for name, values in whole.items()}
    kept |= {"hd95.distance": others["hd95"]} if "hd95" in metrics else {}
    return kept, {name: scores[name] for name in metrics if METRICS[name]["kind"] == "case"}


def _lesion(number: int) -> int:
    """The pixels of a case's lesion."""
    return int(_stream("lesion", number).integers(20, 200))


def _stream(*path: Any) -> np.random.Generator:
    from pigbench.randomness import numpy_generator

    return numpy_generator(*path)
