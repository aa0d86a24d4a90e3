"""A folder of real pairs: PNG, TIFF or JPEG, 8- or 16-bit grey, paired by stem or by a table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from pydantic import Field

from pigbench.contracts import Config
from pigbench.data.importing import Found, Importer, Part, Problems, UnusableError, check_folder, inside_folder
from pigbench.data.pairing import find_pairs, patients_by_regex, patients_by_table, table_rows
from pigbench.data.pixels import decode, labels
from pigbench.errors import PigbenchError

_PRIVATE = ("image", "mask", "masks", "patient", "patient_id", "name", "case_id", "case")


class FolderOptions(Config):
    """Where the pairs are, whose they are, and what of a mask is lesion."""

    images: Path | None = Field(default=None, description="the images [PATH/images]")
    masks: Path | None = Field(
        default=None, description="masks of the same stems, or STEM_… for several an image [PATH/masks]"
    )
    table: Path | None = Field(
        default=None, description="instead: a CSV with columns image, mask and, if known, patient"
    )
    patient_regex: str | None = Field(
        default=None, description="finds the patient in a file name (its group 1, if it has one)"
    )
    patients: Path | None = Field(default=None, description="a CSV with the columns case_id and patient_id")
    foreground: str | None = Field(
        default=None, description="the values that are lesion, such as 1,2, in masks of several"
    )


class Folder(Importer):
    """Two folders with files of the same stems, or a table that says what goes together."""

    Options = FolderOptions
    looking = ("images", "masks", "table", "patient_regex", "patients")

    def find(self, path: Path, problems: Problems) -> list[Found]:
        """The pairs, sorted by stem. A table's further columns are kept as facts about the case."""
        if self.options.table is not None:
            return self._from_table(path, self.options.table, problems)
        pairs = find_pairs(self.options.images or path / "images", self.options.masks or path / "masks")
        patients = self._patients([pair.stem for pair in pairs])
        return [
            Found(pair.stem, patients.get(pair.stem), Part(pair.image), tuple(map(Part, pair.masks))) for pair in pairs
        ]

    def image(self, data: bytes, inside: str) -> np.ndarray:
        """The picture, uint8 or uint16 as saved."""
        return decode(data)

    def mask(self, data: bytes, inside: str, shape: tuple[int, int]) -> np.ndarray:
        """The mask as saved; with `foreground`, 1 where it has one of those values. A palette's index is its value."""
        if self.options.foreground is None:
            return decode(data)
        return np.isin(labels(data), self._foreground()).astype(np.uint8)

    def _foreground(self) -> list[int]:
        try:
            return [int(value) for value in self.options.foreground.split(",")]
        except ValueError:
            raise PigbenchError(f"--foreground {self.options.foreground}: give numbers, such as 1,2") from None

    def _patients(self, stems: list[str]) -> Mapping[str, str]:
        regex, table = self.options.patient_regex, self.options.patients
        if regex is not None and table is not None:
            raise PigbenchError("give --patient-regex or --patients, not both")
        if regex is not None:
            return patients_by_regex(stems, regex)
        return patients_by_table(stems, table) if table is not None else {}

    def _from_table(self, path: Path, table: Path, problems: Problems) -> list[Found]:
        """One case a row; rows of one image are merged. Paths are relative to `path`, and may not leave it."""
        check_folder(path)
        if self.options.patient_regex is not None or self.options.patients is not None:
            raise PigbenchError("a --table says whose its images are by a column 'patient': give it no other patients")
        masks: dict[Path, list[Part]] = {}
        rows: dict[Path, dict[str, str]] = {}
        for row in table_rows(table, ("image", "mask")):
            try:
                image, mask = (inside_folder(path, path / row[name]) for name in ("image", "mask"))
            except UnusableError as error:
                problems.add(f"{table.name}: a path that", [f"{row['image']}, {row['mask']} {error}"])
                continue
            masks.setdefault(image, []).append(Part(mask))
            rows.setdefault(image, row)
        found = []
        for image, row in sorted(rows.items()):
            about = {name: value for name, value in row.items() if name.lower() not in _PRIVATE and value}
            patient = row.get("patient") or row.get("patient_id") or None
            name = str(image.relative_to(path.absolute()))
            found.append(Found(name, patient, Part(image), tuple(masks[image]), about))
        whose = {case.patient is not None for case in found}
        if len(whose) > 1:
            problems.add(f"no patient in {table.name} for", [case.name for case in found if case.patient is None])
        return found
