"""A folder of real pairs as a dataset: imported once, its files left where they are and verified when they are read."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from pigbench.data import register
from pigbench.data.inspection import digest, inspect_pairs
from pigbench.data.pairing import find_pairs, patients_by_regex, patients_by_table
from pigbench.data.pixels import binary, decode
from pigbench.data.pseudonyms import pseudonyms
from pigbench.data.register import Registered, Row
from pigbench.data.source import CaseInfo, Source
from pigbench.errors import PigbenchError
from pigbench.store import Store

RESERVED = "phantom"


@dataclass(frozen=True)
class Imported:
    """What an import found, for the person who asked for it.

    known: the same dataset was registered under this name before.
    shared_images: images whose bytes occur in more than one patient; they can leak from training into a test fold.
    """

    dataset: Registered
    known: bool
    shared_images: int


def import_folder(
    images: Path,
    masks: Path,
    name: str,
    store_root: Path,
    *,
    patient_regex: str | None = None,
    patients_csv: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Imported:
    """Register the pairs of two folders as dataset `name`, all of them or nothing. No image is copied.

    Patients come from a regular expression on the stems or from a CSV; with neither, every case is its own patient.
    progress: told (pairs read, all pairs). Raises PigbenchError for whatever is wrong with the name, the store, the
    folders, the files or the patients.
    """
    _check_name(name)
    store = Store(store_root)
    pairs = find_pairs(images, masks)
    stems = [pair.stem for pair in pairs]
    patients = _patients(stems, patient_regex, patients_csv)
    facts = inspect_pairs(pairs, progress)
    ids = pseudonyms([(fact.image_sha256, fact.mask_sha256) for fact in facts], patients, stems)
    rows = [
        Row(case_id, patient_id, patient=patient, image=str(pair.image), mask=str(pair.mask), **asdict(fact))
        for case_id, patient_id, patient, pair, fact in zip(
            ids.case_ids, ids.patient_ids, patients, pairs, facts, strict=True
        )
    ]
    has_patient_ids = patient_regex is not None or patients_csv is not None
    known = register.publish(store, name, rows, ids.content, has_patient_ids)
    return Imported(register.load(register.directory(store.root, name)), known, _shared_images(rows))


class FolderSource(Source):
    """A registered folder. What it shows are pseudonyms; names of files and patients stay in the store's register."""

    def __init__(self, name: str, store_root: Path) -> None:
        """Raises PigbenchError if `name` is not registered in the store, or what is there is malformed."""
        self.name = name
        self._directory = register.directory(store_root, name)
        self.registered = register.load(self._directory)
        self.has_patient_ids = self.registered.has_patient_ids

    def identity(self) -> dict[str, Any]:
        """The hash of all the files' bytes and of the grouping by patient, and whether patients are known."""
        return {"kind": "folder", "content": self.registered.content, "has_patient_ids": self.has_patient_ids}

    def cases(self) -> list[CaseInfo]:
        """Every case, ordered by patient id and case id."""
        return [CaseInfo(row.case_id, row.patient_id, row.lesion_fraction) for row in self._rows]

    def read(self, index: int, resolution: int) -> tuple[np.ndarray, np.ndarray]:
        """Case `index` as its files have it, uint8 or uint16, and its mask; `resolution` plays no part.

        Raises PigbenchError if a file is gone or its bytes are not those that were imported.
        """
        row = self._rows[index]
        image = decode(self._verified(row.case_id, "image", row.image, row.image_sha256))
        mask, _ = binary(decode(self._verified(row.case_id, "mask", row.mask, row.mask_sha256)))
        return image, mask

    def files(self) -> list[tuple[Path, Path]]:
        """The image and the mask file of every case, in order. Their names are private."""
        return [(Path(row.image), Path(row.mask)) for row in self._rows]

    @cached_property
    def _rows(self) -> list[Row]:
        return register.load_rows(self._directory, self.registered)

    def _verified(self, case_id: str, what: str, file: str, sha256: str) -> bytes:
        """The file's bytes. Errors name the case, not the file: they reach records, and files are named by patients."""
        where = f"dataset '{self.name}': the {what} of case {case_id}"
        try:
            data = Path(file).read_bytes()
        except OSError as error:
            raise PigbenchError(
                f"{where} cannot be read ({error.strerror}); if its folder has moved, import it again under the same "
                "name"
            ) from None
        if digest(data) != sha256:
            raise PigbenchError(
                f"{where} has changed since it was imported; put the old file back, or import under a new name"
            )
        return data


def check_characters(name: str) -> None:
    """Raises PigbenchError for a name that tables and file names cannot bear."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise PigbenchError(
            f"--name '{name}': use letters, digits, '-', '_' and '.', a letter or digit first, 64 at most"
        )


def _check_name(name: str) -> None:
    check_characters(name)
    if name.lower() == RESERVED:
        raise PigbenchError(f"--name '{name}' is the built-in dataset: choose another")


def _patients(stems: list[str], regex: str | None, table: Path | None) -> list[str]:
    """The patient's name of every stem: the stem itself where no patients are known."""
    if regex is not None and table is not None:
        raise PigbenchError("give --patient-regex or --patients, not both")
    if regex is not None:
        found = patients_by_regex(stems, regex)
    elif table is not None:
        found = patients_by_table(stems, table)
    else:
        return stems
    return [found[stem] for stem in stems]


def _shared_images(rows: Sequence[Row]) -> int:
    owners = defaultdict(set)
    for row in rows:
        owners[row.image_sha256].add(row.patient_id)
    return sum(len(patients) > 1 for patients in owners.values())
