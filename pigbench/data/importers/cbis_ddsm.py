"""CBIS-DDSM's masses, as The Cancer Imaging Archive hands them out: CSV files and a folder of DICOM for each picture.

From https://www.cancerimagingarchive.net/collection/cbis-ddsm/. Read is any folder that holds
`mass_case_description_train_set.csv`, `mass_case_description_test_set.csv` or both, and somewhere the folders
`Mass-Training_P_00001_LEFT_CC` (a full mammogram) and `Mass-Training_P_00001_LEFT_CC_1` (mask and crop of its lesion
1), with any folders and names of files inside, because the tools for downloading rename them. Decided here:

- A case is a full mammogram with the masks of all its masses merged. The patient is the CSV's.
- Mask and crop are swapped in places: the mask is the picture of the mammogram's size, else the one of 8 bits.
- The CSV files' split into training and test is not used: folds are made by patient, over both.
- The mammograms are scanned films, with labels and bright edges: they are cut to the breast unless `crop` is off.
- Calcifications are not read.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from pigbench.data.dicom.frames import check_installed, read_header, read_stored
from pigbench.data.importers.base import Found, Part, Problems, UnusableError, check_folder, files_inside
from pigbench.data.importers.dicom import DicomPictures, MammogramOptions
from pigbench.data.importers.pairing import table_rows
from pigbench.data.pixels import reading
from pigbench.errors import PigbenchError

_TABLES = "mass_case_description_*_set.csv"
_FOLDER = re.compile(r"Mass-(Training|Test)_.+")
_MAMMOGRAM = re.compile(r"Mass-(Training|Test)_.+_(LEFT|RIGHT)_(CC|MLO)")
_PATIENT, _IMAGE, _MASK, _CROP = "patient id", "image file path", "roi mask file path", "cropped image file path"
_COLUMNS = (_PATIENT, _IMAGE, _MASK, _CROP)
_ABOUT = {"view": "image view", "side": "left or right breast", "density": "breast density", "pathology": "pathology"}

Row = dict[str, str]


class CbisDdsm(DicomPictures):
    """The masses of CBIS-DDSM."""

    Options = MammogramOptions

    def find(self, path: Path, problems: Problems) -> list[Found]:
        """Every mammogram in the CSV files, by name. Reads the tables and the headers."""
        check_folder(path)
        check_installed()
        rows = _rows(path)
        folders = _folders(path, problems)
        if not folders:
            raise PigbenchError(f"{path} has the CSV files, but no folder such as Mass-Training_P_00001_LEFT_CC in it")
        unlisted = {name for name in folders if _MAMMOGRAM.fullmatch(name)} - rows.keys()
        problems.add("mammogram in no CSV file", sorted(unlisted))
        found = []
        for name in sorted(rows):
            try:
                found.append(_case(name, rows[name], folders))
            except UnusableError as error:
                problems.add("unusable mammogram", [f"{name} ({error})"])
        return found

    def mask(self, data: bytes, inside: str, shape: tuple[int, int]) -> np.ndarray:
        """A mask as it is stored."""
        return read_stored(data, 1)[1]


def _rows(path: Path) -> dict[str, list[Row]]:
    """The rows of every mammogram, by the name of its folder. Raises PigbenchError."""
    tables = sorted(path.rglob(_TABLES))
    if not tables:
        raise PigbenchError(f"{path} holds no {_TABLES.replace('*', 'train')} and no {_TABLES.replace('*', 'test')}")
    rows: dict[str, list[Row]] = defaultdict(list)
    for table in tables:
        for row in table_rows(table, _COLUMNS, lambda name: name.strip().lower().replace("_", " ")):
            if any(row.values()):
                rows[_folder(row[_IMAGE])].append(row)
    return rows


def _folder(value: str) -> str:
    """The folder of a picture as the collection names it, of a path in a CSV file."""
    parts = _path(value).parts
    return next((part for part in parts if _FOLDER.fullmatch(part)), value)


def _path(value: str) -> PurePosixPath:
    """A path in a CSV file; some are quoted, and some end with a line break."""
    return PurePosixPath(value.strip().strip('"').strip())


def _folders(path: Path, problems: Problems) -> dict[str, list[Path]]:
    """The DICOM files in every folder that is named as the collection names them."""
    folders: dict[str, list[Path]] = defaultdict(list)
    for file in files_inside(path, path.rglob("*.dcm"), problems):
        names = [part for part in file.relative_to(path.absolute()).parts[:-1] if _FOLDER.fullmatch(part)]
        if names:
            folders[names[0]].append(file)
    return folders


def _case(name: str, rows: list[Row], folders: dict[str, list[Path]]) -> Found:
    """A mammogram with all its lesions. Raises UnusableError."""
    patients = {row[_PATIENT] for row in rows}
    if patients == {""}:
        raise UnusableError("the CSV file names no patient")
    if len(patients) > 1:
        raise UnusableError("the CSV files name several patients")
    image = max(map(_picture, _files(rows[0][_IMAGE], folders)), key=lambda picture: math.prod(picture.size))
    masks = {Part(_mask(row, image, folders)): None for row in rows}
    about = {key: ", ".join(sorted({row.get(column, "") for row in rows} - {""})) for key, column in _ABOUT.items()}
    return Found(
        name, patients.pop(), Part(image.file), tuple(masks), {key: text for key, text in about.items() if text}
    )


class _Picture(NamedTuple):
    file: Path
    size: tuple[int, int]
    bits: int


def _picture(file: Path) -> _Picture:
    """What the header of a file says of its picture. Raises UnusableError."""
    header = read_header(str(file))
    with reading(f"{file.name} is not an image, or is truncated"):
        return _Picture(file, (int(header.Rows), int(header.Columns)), int(header.BitsAllocated))


def _mask(row: Row, image: _Picture, folders: dict[str, list[Path]]) -> Path:
    """The mask of a lesion, known by its content, as names are swapped in places. Raises UnusableError."""
    lesion = _folder(row[_MASK])
    files = {file: None for column in (_MASK, _CROP) for file in _files(row[column], folders, or_none=column == _CROP)}
    pictures = [picture for picture in map(_picture, files) if picture.file != image.file]
    likely = [picture for picture in pictures if picture.size == image.size or picture.bits == 8]
    if not likely:
        raise UnusableError(f"no mask in {lesion}, only a crop")
    return max(
        likely, key=lambda picture: (picture.size == image.size, picture.bits == 8, math.prod(picture.size))
    ).file


def _files(value: str, folders: dict[str, list[Path]], *, or_none: bool = False) -> list[Path]:
    """The file that a path in a CSV file means, or all of its folder if it is not there. Raises UnusableError."""
    path = _path(value)
    if path.is_absolute() or ".." in path.parts:
        raise UnusableError(f"the CSV file leads out of the folder that was given: {value}")
    files = folders.get(_folder(value), [])
    if not files and not or_none:
        raise UnusableError(f"no DICOM file in {_folder(value) or 'a folder without a name'}")
    exact = [file for file in files if file.parts[-len(path.parts) :] == path.parts]
    return exact or files
