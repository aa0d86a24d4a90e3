"""What a tree of DICOM files holds, by their headers: images, and pieces of masks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pigbench.data.dicom.frames import frames_of, groups_of, read_header
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
from pigbench.data.importers.base import Problems, UnusableError, inside_folder

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


@dataclass(frozen=True)
class Mark:
    """A piece of a mask, the file that holds it, and what that is: "segmentation", "contours" or "png"."""

    file: Path
    kind: str
    piece: Piece


@dataclass(frozen=True)
class Tree:
    """All images and all pieces of masks, in the order of their files."""

    images: list[Image] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)


def scan(path: Path, problems: Problems) -> Tree:
    """What lies below the folder `path`; files that are neither DICOM nor PNG are left alone."""
    tree = Tree()
    for file in sorted(path.rglob("*")):
        if file.name.startswith(".") or not file.is_file():
            continue
        try:
            _note(tree, inside_folder(path, file))
        except UnusableError as error:
            problems.add("unusable file", [f"{file.relative_to(path).as_posix()} ({error})"])
    return tree


def is_dicom(file: Path) -> bool:
    """Whether a file has the preamble of DICOM."""
    with file.open("rb") as opened:
        return opened.read(132)[128:] == b"DICM"


def about(header: Dataset) -> dict[str, str]:
    """The view, side and scanner that a header names."""
    sources = [header, *groups_of(header, 1)]
    values = {
        key: next((str(source[name].value) for name in names for source in sources if source.get(name)), "")
        for key, names in _ABOUT.items()
    }
    return {key: value for key, value in values.items() if value}


def _note(tree: Tree, file: Path) -> None:
    """Add what a file holds to the tree. Raises UnusableError."""
    if file.suffix.lower() == ".png":
        match = _PNG_NAME.fullmatch(file.stem)
        if not match:
            raise UnusableError("not named by a SOP instance UID: UID.png or UID_FRAME.png")
        tree.marks.append(Mark(file, "png", Piece("", match[1], int(match[2]) if match[2] else None, "")))
    elif is_dicom(file):
        header = read_header(str(file))
        try:
            _note_dicom(tree, file, header)
        except UnusableError:
            raise
        except Exception as error:  # values are parsed when they are asked for, and may be damaged
            raise UnusableError(f"its header is incomplete: {str(error) or type(error).__name__}") from None
    elif file.suffix.lower() in (".dcm", ".dicom"):
        raise UnusableError("not a DICOM file")


def _note_dicom(tree: Tree, file: Path, header: Dataset) -> None:
    kind = header.get("SOPClassUID") or header.file_meta.get("MediaStorageSOPClassUID")
    if kind in (SEGMENTATION, LABEL_MAP):
        tree.marks.extend([Mark(file, "segmentation", piece) for piece in segmentation_pieces(header)])
    elif kind == CONTOURS:
        pieces = list(contour_pieces(header))
        if not pieces:
            raise UnusableError("holds no closed contour")
        tree.marks.extend(Mark(file, "contours", piece) for piece in pieces)
    elif "Rows" in header:
        planes = tuple(plane_of(header, frame) for frame in range(1, frames_of(header) + 1))
        patient = str(header.get("PatientID") or "").strip()
        tree.images.append(Image(file, str(header.SOPInstanceUID), patient, planes, about(header)))
    elif kind is None or "Image Storage" in kind.name or "TransferSyntaxUID" not in header.file_meta:
        raise UnusableError("truncated: its header ends before the size of the image")
