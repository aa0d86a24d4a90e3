"""Folds handed over to other tools, and known again by their seals when pairs come back.

`split export` writes, for each fold, its patients and the seal of those to train on; `export` puts a manifest with the
same seal beside the pairs that it writes. A seal is a claim, as good as the one who hands the pairs in.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from pigbench.contracts import seal
from pigbench.data.pixels import as_saved
from pigbench.data.source import CaseFiles, CaseInfo, Progress, Source
from pigbench.data.splits import check_subset, make_folds, part, subset
from pigbench.errors import PigbenchError

UNSEALED = "UNSEALED"
"""What stands where a seal would, on pairs that nobody vouches for."""

FORMAT = "pigbench-fold/1"

_COLUMNS = ("case_id", "patient_id", "held_out_in_fold", "name", "image", "image_part", "mask", "own_masks")
_ANY_RESOLUTION = 1  # files are read at their own size


class Manifest(BaseModel):
    """What is read of a manifest.

    as_is: whether the pairs are prepared already, at the resolution of the run. draws: whether they are independent
    draws in the order of their names, so that the first n are as good as any n.
    """

    seal: str
    as_is: bool = False
    draws: bool = False


def read_manifest(file: Path) -> Manifest:
    """The manifest in `file`. Raises PigbenchError if it cannot be read or holds no seal."""
    try:
        return Manifest.model_validate_json(file.read_bytes())
    except OSError as error:
        raise PigbenchError(f"the manifest {file} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise PigbenchError(f"{file} is no manifest of a fold: {where + ': ' if where else ''}{fault['msg']}") from None


def fold_seals(
    source: Source, folds: int, seed: int, set_aside: float = 0.0, train_patients: int | None = None
) -> list[str]:
    """The seal of each fold's training patients.

    set_aside: the share of all that is for tuning, and in no fold. train_patients: how many of a fold's, None for all.
    """
    cases = part(source.cases(), set_aside, seed, tuning=False)
    identity, split = source.fingerprint(), make_folds(cases, folds, seed)
    return [seal(identity, training) for training in _training(cases, split, train_patients, seed)]


def write_split(
    source: Source,
    folds: int,
    seed: int,
    out: Path,
    set_aside: float = 0.0,
    progress: Progress | None = None,
    train_patients: int | None = None,
) -> None:
    """Write each fold's `fold-K.json`, nnU-Net's `splits_final.json` and, for a dataset of files, `files.csv`.

    `masks/CASE.png` beside `files.csv` is each case's mask as the suite reads it: all its masks merged, 0 and 255, or a
    label map of several classes.
    train_patients: how many of a fold's to train on, None for all. Ids are those of the records. Only
    `splits_final.json` and `files.csv` hold the names of the user's files. Raises PigbenchError for a file that is gone
    or has changed.
    """
    cases = part(source.cases(), set_aside, seed, tuning=False)
    split = make_folds(cases, folds, seed)
    trained = _training(cases, split, train_patients, seed)
    out.mkdir(parents=True, exist_ok=True)
    for fold, (held_out, training) in enumerate(zip(split, trained, strict=True)):
        about = {
            "format": FORMAT,
            "dataset": source.name,
            "dataset_identity": source.fingerprint(),
            "folds": folds,
            "fold": fold,
            "seal": seal(source.fingerprint(), training),
            "train": _members(cases, training),
            "held_out": _members(cases, held_out),
        }
        write_json(out / f"fold-{fold}.json", about)
    of_case = dict(zip(source.cases(), source.files() or (), strict=False))
    files = [of_case[case] for case in cases] if of_case else []
    names = _own_names(files) or [case.case_id for case in cases]
    patients = [case.patient_id for case in cases]
    of_folds = [nnunet_fold(names, patients, *parts) for parts in zip(split, trained, strict=True)]
    write_json(out / "splits_final.json", of_folds)
    if files:
        masks = _write_masks(source, cases, out, progress)
        _write_files(out / "files.csv", cases, files, names, masks, split)


def nnunet_fold(
    names: Sequence[str], patients: Sequence[str], held_out: Collection[str], training: Collection[str] | None = None
) -> dict[str, list[str]]:
    """One entry of nnU-Net's list, of cases of these names and patients; slices of one volume go by its one name.

    training: the patients to train on; None for all that are not held out.
    """
    parts: dict[str, set[str]] = {"train": set(), "val": set()}
    for name, patient in zip(names, patients, strict=True):
        if patient in held_out:
            parts["val"].add(name)
        elif training is None or patient in training:
            parts["train"].add(name)
    return {key: sorted(members) for key, members in parts.items()}


def write_json(file: Path, content: Any) -> None:
    """Write what others read."""
    file.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _training(
    cases: Sequence[CaseInfo], split: Sequence[Sequence[str]], train_patients: int | None, seed: int
) -> list[list[str]]:
    """Each fold's patients to train on. Raises PigbenchError where one has too few."""
    check_subset(train_patients or 0, split)
    everyone = {case.patient_id for case in cases}
    others = (everyone - set(held_out) for held_out in split)
    return [subset(of_fold, train_patients, seed, fold) for fold, of_fold in enumerate(others)]


def _members(cases: Sequence[CaseInfo], patients: Sequence[str]) -> dict[str, list[str]]:
    own = set(patients)
    return {"patients": list(patients), "cases": [case.case_id for case in cases if case.patient_id in own]}


def _own_names(files: Sequence[CaseFiles]) -> list[str]:
    """What the user calls each case; where two images in different folders are called alike, with their folders."""
    names = [_own_name(case.image, case.masks[0]) for case in files]
    images: dict[str, set[Path]] = defaultdict(set)
    for name, case in zip(names, files, strict=True):
        images[name].add(case.image)
    if all(len(same) == 1 for same in images.values()):  # slices of one volume go by its one name
        return names
    root = Path(os.path.commonpath([case.image.parent for case in files]))
    return [case.image.relative_to(root).with_suffix("").as_posix().replace("/", "_") for case in files]


def _own_name(image: Path, mask: Path) -> str:
    """What the user calls a case: its image's stem, or, as in nnU-Net's datasets, its label's (CASE_0000 and CASE)."""
    name, label = (Path(file.name.removesuffix(".gz")).stem for file in (image, mask))
    return label if re.fullmatch(re.escape(label) + r"_\d{4}", name) else name


def _write_masks(source: Source, cases: Sequence[CaseInfo], out: Path, progress: Progress | None) -> list[Path]:
    """Each case's mask as a PNG file; where they are."""
    import PIL.Image

    rows = {case: row for row, case in enumerate(source.cases())}
    written = []
    for case in cases:
        _, mask = source.read(rows[case], _ANY_RESOLUTION)
        written.append(out.absolute() / "masks" / f"{case.case_id}.png")
        written[-1].parent.mkdir(parents=True, exist_ok=True)  # ids that are the user's own may hold folders
        PIL.Image.fromarray(as_saved(mask, len(source.classes))).save(written[-1])
        if progress:
            progress(len(written), len(cases))
    return written


def _write_files(
    table: Path,
    cases: Sequence[CaseInfo],
    files: Sequence[CaseFiles],
    names: Sequence[str],
    masks: Sequence[Path],
    split: Sequence[Collection[str]],
) -> None:
    of_patient = {patient: fold for fold, held_out in enumerate(split) for patient in held_out}
    with table.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(_COLUMNS)
        for case, own, name, mask in zip(cases, files, names, masks, strict=True):
            fold, own_masks = of_patient[case.patient_id], " | ".join(map(str, own.masks))
            writer.writerow((case.case_id, case.patient_id, fold, name, own.image, own.inside, mask, own_masks))
