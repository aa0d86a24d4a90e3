"""What a tree of DICOM files holds, by their headers: images, and pieces of masks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pigbench.data.dicom.frames import frames_of, read_header, said_of
from pigbench.data.dicom.masks import (
    CONTOURS,
    LABEL_MAP,
    SEGMENTATION,
    Piece,
    Plane,
    contour_pieces,
    plane_of,
    segmentation_pieces,
)
from pigbench.data.importers.base import Problems, files_inside, name_below
from pigbench.data.pixels import UnusableError, reading

if TYPE_CHECKING:
    from pydicom import Dataset

_PNG_NAME = re.compile(r"(\d+(?:\.\d+)+)(?:_(\d+))?")
_ABOUT = {
    "modality": ("Modality",),
    "view": ("ViewPosition",),
    "side": ("ImageLaterality", "Laterality", "FrameLaterality"),
    "scanner": ("ManufacturerModelName",),
}


@dataclass(frozen=True)
class Image:
    """What is kept of an image's header: patient is empty where it names none; planes has an entry for every frame."""

    file: Path
    uid: str
    patient: str
    planes: tuple[Plane | None, ...]
    about: dict[str, str]


def scan(path: Path, problems: Problems) -> tuple[list[Image], list[Piece]]:
    """All images and all pieces of masks below a folder, by file; what is neither DICOM nor PNG is left alone."""
    held: list[Image | Piece] = []
    for file in files_inside(path, filter(Path.is_file, path.rglob("*")), problems):
        try:
            held.extend(_held(file))
        except UnusableError as error:
            problems.add_file(name_below(path, file), error)
    return [one for one in held if isinstance(one, Image)], [one for one in held if isinstance(one, Piece)]


def about(header: Dataset) -> dict[str, str]:
    """The view, side and scanner that a header names."""
    return {key: str(value) for key, names in _ABOUT.items() if (value := said_of(header, 1, *names))}


def _held(file: Path) -> Sequence[Image | Piece]:
    """What a file holds. Raises UnusableError."""
    from pydicom.misc import is_dicom

    if file.suffix.lower() == ".png":
        match = _PNG_NAME.fullmatch(file.stem)
        if not match:
            raise UnusableError("not named by a SOP instance UID: UID.png or UID_FRAME.png")
        return [Piece(file, "png", match[1], int(match[2]) if match[2] else None)]
    if is_dicom(file):
        header = read_header(str(file))
        with reading("its header is incomplete"):  # values are parsed when they are asked for
            return _held_in_dicom(file, header)
    if file.suffix.lower() in (".dcm", ".dicom"):
        raise UnusableError("not a DICOM file")
    return []


def _held_in_dicom(file: Path, header: Dataset) -> Sequence[Image | Piece]:
    kind = header.get("SOPClassUID") or header.file_meta.get("MediaStorageSOPClassUID")
    if kind in (SEGMENTATION, LABEL_MAP):
        return list(segmentation_pieces(file, header))
    if kind == CONTOURS:
        pieces = list(contour_pieces(file, header))
        if not pieces:
            raise UnusableError("holds no closed contour")
        return pieces
    if "Rows" in header:
        planes = tuple(plane_of(header, frame) for frame in range(1, frames_of(header) + 1))
        patient = str(header.get("PatientID") or "").strip()
        return [Image(file, str(header.SOPInstanceUID), patient, planes, about(header))]
    if kind is None or "Image Storage" in kind.name or "TransferSyntaxUID" not in header.file_meta:
        raise UnusableError("truncated: its header ends before the size of the image")
    return []
