"""A folder of real pairs: PNG, TIFF, JPEG or BMP, grey of 8 or 16 bits or colour of 8, paired by stem or by a table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from pydantic import Field

from pigbench.data.importers.base import Found, Importer, Part, Problems, UnusableError, check_folder, inside_folder
from pigbench.data.importers.options import ColourOptions, MaskOptions, are_labels
from pigbench.data.importers.pairing import (
    MaskNames,
    check_several,
    existing,
    find_pairs,
    patients_by_regex,
    patients_by_table,
    table_rows,
)
from pigbench.data.importers.spelling import composed
from pigbench.data.pixels import JPEG, decode, palette_indices
from pigbench.errors import PigbenchError

_PRIVATE = ("image", "mask", "masks", "patient", "patient_id", "name", "case_id", "case")


class FolderOptions(ColourOptions, MaskOptions):
    """Where the pairs are, whose they are, and what of an image and of a mask is read."""

    images: Path | None = Field(default=None, description="the images, in folders of their own or not [PATH/images]")
    masks: Path | None = Field(default=None, description="masks of the same stems [PATH/masks]")
    mask_suffix: str = Field(
        default="", description="what a mask's stem has after its image's, such as _mask; they may share a folder"
    )
    merge_masks: bool = Field(
        default=False, description="a.png may have several masks, a.png, a_1.png, a-left.png: make one of them"
    )
    table: Path | None = Field(
        default=None, description="instead: a CSV with columns image, mask and, if known, patient"
    )
    patient_regex: str | None = Field(
        default=None, description="finds the patient in a file's path (its group 1, if it has one)"
    )
    patients: Path | None = Field(default=None, description="a CSV with the columns case_id and patient_id")
    patient_folders: bool = Field(default=False, description="the first folder of an image's path is its patient")


class Folder(Importer):
    """Two folders with files of the same stems, one with masks named after images, or a table of what goes together."""

    Options = FolderOptions
    looking = (
        "images", "masks", "mask_suffix", "merge_masks", "table", "patient_regex", "patients", "patient_folders",
    )  # fmt: skip

    def find(self, path: Path, problems: Problems) -> list[Found]:
        """The pairs, sorted by stem. A table's further columns are kept as facts about the case."""
        _ = self.options.colour, self.foreground, self.named
        if self.options.table is not None:
            return self._from_table(path, self.options.table, problems)
        images, masks = self._folders(path)
        if self.options.images is None and not images.is_dir():
            raise PigbenchError(
                f"{path} has no folder images/: give --images and --masks, or --mask-suffix _mask where masks lie "
                "beside their images; for BUSI, nnU-Net and others `pigbench data import --help` lists importers"
            )
        names = MaskNames(composed(self.options.mask_suffix), self.options.merge_masks)
        pairs = find_pairs(images, masks, problems, names)
        patients = self._patients([pair.stem for pair in pairs])
        return [pair.found(patients.get(pair.stem)) for pair in pairs]

    def image(self, data: bytes, inside: str) -> np.ndarray:
        """The picture as saved; of colour what the options say, or colour."""
        return decode(data, self.options.colour)

    def mask(self, data: bytes, inside: str, shape: tuple[int, int]) -> np.ndarray:
        """The mask as saved; with `foreground`, 1 where it has one of those values, with `classes` their label map.

        A palette's index is its value, but where classes are told by colours.
        """
        lossy = data.startswith(JPEG)
        if self.named is not None and self.named.in_colour:
            return self.named.label_map(decode(data), lossy=lossy)
        pixels = palette_indices(data) if self.named is not None or self.foreground is not None else None
        pixels = decode(data) if pixels is None else pixels
        if pixels.ndim == 3:
            raise UnusableError(f"has colour: save it as grey, or say with --classes {_colours_meant(data)}")
        if self.named is not None:
            return self.named.label_map(pixels, lossy=lossy)
        return pixels if self.foreground is None else self.foreground.lesion(pixels)

    def _folders(self, path: Path) -> tuple[Path, Path]:
        """Where images and masks are: where the options say, else PATH/images and PATH/masks, else both in PATH."""
        images = self.options.images or path / "images"
        masks = self.options.masks or path / "masks"
        if self.options.mask_suffix:
            images = images if self.options.images or images.is_dir() else path
            masks = masks if self.options.masks or masks.is_dir() else images
        return images, masks

    def _patients(self, stems: list[str]) -> Mapping[str, str]:
        regex, table, folders = self.options.patient_regex, self.options.patients, self.options.patient_folders
        if (regex is not None) + (table is not None) + folders > 1:
            raise PigbenchError("give --patient-regex, --patients or --patient-folders, one of them")
        if regex is not None:
            return patients_by_regex(stems, regex)
        if table is not None:
            return patients_by_table(stems, table)
        return _by_folder(stems) if folders else {}

    def _from_table(self, path: Path, table: Path, problems: Problems) -> list[Found]:
        """One case a row, or, to merge, one an image. No path may leave PATH."""
        check_folder(path)
        if self.options.patient_regex is not None or self.options.patients is not None or self.options.patient_folders:
            raise PigbenchError(
                "a --table says in its column 'patient' whose its images are: leave out --patient-regex, --patients "
                "and --patient-folders"
            )
        listed: dict[Path, tuple[dict[str, str], list[Part]]] = {}
        for row in table_rows(table, ("image", "mask")):
            files = {name: _listed(table, path, name) for name in (row["image"], row["mask"])}
            if missing := [name for name, file in files.items() if not file.exists()]:
                problems.add(f"{table.name} names files that are neither beside it nor in {path}", missing)
                continue
            try:
                image, mask = (inside_folder(path, files[row[name]]) for name in ("image", "mask"))
            except UnusableError:
                problems.add(f"{table.name} names files outside {path}: give a folder that holds both", [row["image"]])
                continue
            listed.setdefault(image, (row, []))[1].append(Part(mask))
        found = []
        for image, (row, masks) in sorted(listed.items()):
            about = {name: value for name, value in row.items() if name.lower() not in _PRIVATE and value}
            patient = row.get("patient") or row.get("patient_id") or None
            name = composed(str(image.relative_to(path.absolute())))
            found.append(Found(name, patient and composed(patient), Part(image), tuple(masks), about))
        several = [case.name for case in found if len(case.masks) > 1]
        if several and not self.options.merge_masks:
            problems.add(f"more than one mask in {table.name} (--merge-masks makes one of them)", several)
            found = [case for case in found if len(case.masks) == 1]
        nobodies = [case.name for case in found if case.patient is None]
        if len(nobodies) < len(found):
            problems.add(f"no patient in {table.name} for", nobodies)
        return found


def _by_folder(stems: list[str]) -> dict[str, str]:
    """The patient of every stem: the first folder of its path."""
    problems = Problems()
    problems.add("--patient-folders: in no folder of a patient", [stem for stem in stems if "/" not in stem])
    problems.raise_any()
    patients = {stem: stem.split("/")[0] for stem in stems}
    check_several(patients, "--patient-folders finds")
    return patients


def _colours_meant(mask: bytes) -> str:
    """What `--classes` would say of a mask in colour, by the values of its palette if it has one."""
    indices = palette_indices(mask)
    values = np.array([]) if indices is None else np.unique(indices[indices != 0])
    if not len(values) or not are_labels(values):
        return "NAME=#RRGGBB what its colours mean"
    return ",".join(f"NAME={value}" for value in values.tolist()) + " what the indices of its palette mean"


def _listed(table: Path, path: Path, name: str) -> Path:
    """The file that a table names: from where the table lies, or from PATH where there is none."""
    beside = existing(table.absolute().parent / name)
    return beside if beside.exists() else existing(path / name)
