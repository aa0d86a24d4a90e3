"""Synthetic records: every number drawn from a seed, so that two calls with the same arguments agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pigbench.results import Record

CASE_COLUMNS = ("arm", "segmenter", "seed", "fold", "patient_id", "case_id", "tp", "fp", "fn", "tn")
KINDS = {"ddpm": "images", "ddim": "images"}


def make_record(
    generators: Sequence[str] = ("pig",),
    samples: Sequence[int] = (2048,),
    *,
    folds: int = 5,
    seeds: Sequence[int] = (0,),
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
) -> Record:
    """A record of `real` and of each generator at each n.

    failed: (arm or generator_n, fold) that failed. empty: how many cases are empty in truth and prediction.
    luck: changes the numbers without changing the key, as another device would.
    """
    arms: list[dict[str, Any]] = []
    columns: dict[str, list[Any]] = {name: [] for name in CASE_COLUMNS}
    with_masks = [name for name in generators if KINDS.get(name, "pairs") != "images"]
    plan = [("real", None, 0)] + [(f"real+{name}_{n}", name, n) for name in with_masks for n in samples]
    for arm, generator, n in plan:
        for segmenter in segmenters:
            for seed in seeds:
                for fold in range(folds):
                    run = {"arm": arm, "generator": generator, "n": n, "segmenter": segmenter, "seed": seed}
                    run |= {"fold": fold, "share": n / (n + 400), "steps": 600, "synthetic_used": n, "empty_masks": 0}
                    down = (arm, fold) in failed
                    arms.append(run | {"status": "failed" if down else "ok", "reason": reason if down else ""})
                    if not down:
                        _add_cases(columns, run, patients, cases_each, folds, empty, luck)
    return Record.model_validate(
        {
            "format": "pigbench-record/1",
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
            "generators": {name: _generator(name, signatures or {}) for name in generators},
            "fidelity": [
                _fidelity(name, n, seed, fold, luck, reason if (f"{name}_{n}", fold) in failed else "")
                for name in generators
                for n in samples
                for seed in seeds
                for fold in range(folds)
            ],
            "arms": arms,
            "cases": columns,
            "costs": [{"stage": "train", "label": "pig.guider", "fold": 0, "seed": 0, "wall_s": 1.0}],
            "provenance": {"pigbench": "0.1.0", "created": created, "device": "cpu"},
        }
    )


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


def _fidelity(name: str, n: int, seed: int, fold: int, luck: int, reason: str) -> dict[str, Any]:
    row = {"generator": name, "n": n, "seed": seed, "fold": fold, "extractor": "efficientnet-lite0"}
    if reason:
        return row | {"status": "failed", "reason": reason}
    draw = _stream(name, n, seed, fold, luck)
    numbers = {"fid": draw.uniform(10, 30), "kid": draw.uniform(0.002, 0.01), "kid_sd": 0.0004}
    numbers |= {"fid_floor": 4.5, "kid_floor": 0.0005, "copying": draw.uniform(0.8, 1.1), "clipped_fraction": 0.012}
    counts = {"m": n, "n_reference": 4096, "floor_m": 400, "fid_biased": n < 2560, "empty_masks": 0}
    return row | numbers | counts | {"reference": "fresh patients", "status": "ok", "reason": ""}


def _add_cases(
    columns: dict[str, list[Any]],
    run: dict[str, Any],
    patients: int,
    cases_each: int,
    folds: int,
    empty: int,
    luck: int,
) -> None:
    for patient in range(run["fold"], patients, folds):
        for case in range(cases_each):
            number = patient * cases_each + case
            draw = _stream(run["arm"], run["segmenter"], run["seed"], number, luck)
            lesion = int(_stream("lesion", number).integers(20, 200))
            found = draw.binomial(lesion, 0.55 + 0.05 * (run["n"] > 0))
            tp, fp, fn = (0, 0, 0) if number < empty else (int(found), int(draw.integers(0, 80)), lesion - int(found))
            values = (run["arm"], run["segmenter"], run["seed"], run["fold"], f"p{patient:03}", f"c{number:05}")
            for name, value in zip(CASE_COLUMNS, (*values, tp, fp, fn, 1024 - tp - fp - fn), strict=True):
                columns[name].append(value)


def _stream(*path: Any) -> np.random.Generator:
    from pigbench.randomness import numpy_generator

    return numpy_generator(*path)
