"""A tree of DICOM images, with masks as DICOM segmentations, as structure sets, or as PNG files named by image.

Files and folders may have any names; a DICOM file is known by its content, and what is neither DICOM nor PNG is left
alone. Masks lie anywhere in the tree: SEG, RTSTRUCT, or `UID.png` for the image of that SOP instance UID and
`UID_7.png` for its frame 7 (the first is 1). Decided here:

- A case is an image, or a frame of a multi-frame one such as a tomosynthesis, that has a mask; the others are not used.
- All masks of a case become one. Where segments or regions have several names, `structures` says which are lesion, or
  `classes` which class each is; of pieces that overlap the last class counts. A PNG file, which names no structure, is
  of one class alone.
- The patient is the PatientID. Patients are unknown if no image has one; if some have, those without are faulty.
- Pixels keep their depth and are not windowed unless asked; `pigbench/data/dicom/frames.py` says what is done to them.
- Images with the same SOP instance UID are refused, all of them: a mask could be of either. So is an image with a
  faulty mask, even if it has others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
from pydantic import Field, field_validator

from pigbench.contracts import Config
from pigbench.data.dicom.breast import only_breast
from pigbench.data.dicom.frames import check_installed, read_frame, spacing_of
from pigbench.data.dicom.masks import Piece, Plane, read_contours, read_segmentation
from pigbench.data.dicom.tree import Image, scan
from pigbench.data.importers.base import Found, Importer, Part, Problems, UnusableError, check_folder, name_below
from pigbench.data.importers.options import BACKGROUND, ColourOptions, named_parts, one_spelling, ranges
from pigbench.data.pixels import as_read, grey
from pigbench.errors import PigbenchError

_Held = tuple[Path, str, int]
"""A file, the kind of its pieces, and their class."""


class DicomPictures(Importer):
    """Reads pictures in DICOM files: all of a file, or its frame N where the part is called `frame N`."""

    def image(self, data: bytes, inside: str) -> np.ndarray:
        """A frame at its own depth, bright being high; cut to the breast with the option `crop`."""
        pixels = read_frame(data, _frame(inside), window=getattr(self.options, "window", False))
        if pixels.ndim == 3:
            pixels = as_read(pixels, getattr(self.options, "colour", None))
        if self.options.crop and pixels.ndim == 3:
            raise UnusableError("in colour, which no mammogram is (see the option crop)")
        return only_breast(pixels) if self.options.crop else pixels

    def spacing(self, data: bytes, inside: str) -> tuple[float, float] | None:
        """As the header has it."""
        return spacing_of(data, _frame(inside))


class MammogramOptions(Config):
    """What is done to mammograms."""

    crop: bool = Field(True, description="keep only the bounding box of the breast")


class DicomOptions(ColourOptions):
    """Which frames and structures, and what is done to the pixels."""

    frames: str | None = Field(None, description="frames of multi-frame images, such as 1,5-9 [all that have a mask]")
    structures: str | None = Field(
        None, description="the segments and regions that are lesion, such as 'mass*,tumour' [the only name there is]"
    )
    classes: str | None = Field(
        None, description="the classes and their segments and regions, such as 'tumour=GTV*,liver=Liver'"
    )
    _ = field_validator("classes")(one_spelling)
    window: bool = Field(False, description="apply the VOI table or window of each file, which clips")
    crop: bool = Field(False, description="keep only the bounding box of the largest bright object, the breast")


class Dicom(DicomPictures):
    """DICOM images of any kind, multi-frame ones included, and their masks."""

    Options = DicomOptions
    looking = ("frames", "structures", "classes")  # what they choose is said in each case's parts

    @property
    def named(self) -> None:
        """Nothing: classes are told by structures, not by values of masks."""

    @property
    def classes(self) -> tuple[str, ...]:
        """One, or those of the option."""
        return tuple(_patterns(self.options.classes)) if self.options.classes else super().classes

    def find(self, path: Path, problems: Problems) -> list[Found]:
        """The images and frames that have a mask, by file. Reads headers, and contours."""
        check_folder(path)
        check_installed()
        frames = self.options.frames
        wanted = ranges("1-9999999" if frames is None else frames)
        if not wanted:
            raise PigbenchError(f"--frames '{frames}': write numbers and ranges, such as 1,5-9; the first frame is 1")
        images, marks = scan(path, problems)
        if not images:
            raise PigbenchError(f"{path} holds no DICOM image" + _because(problems))
        cases = _Matching(path, images, problems).cases(_chosen(marks, self.options.structures, self.options.classes))
        if not cases:
            raise PigbenchError(
                f"no DICOM image in {path} has a mask: a SEG or RTSTRUCT that refers to it, or a PNG file named by its "
                "SOP instance UID" + _because(problems)
            )
        return [
            case
            for case in cases
            if not case.image.inside or any(low <= _frame(case.image.inside) <= high for low, high in wanted)
        ]

    def mask(self, data: bytes, inside: str, shape: tuple[int, int]) -> np.ndarray:
        """Frames of a segmentation merged, contours drawn, or a PNG file; of a class its label."""
        inside, _, label = inside.partition(" class ")
        if label:
            return self.mask(data, inside, shape) * np.uint8(label)
        kind, *rest = inside.split(" ")
        if kind == "segmentation":
            return read_segmentation(data, [int(frame) for frame in rest[0].split(",")])
        if kind == "contours":
            pairs = (one.split(":") for one in rest[0].split(","))
            at = tuple(map(float, rest[1:]))
            plane = Plane(at[:3], at[3:6], at[6:9], at[9:])
            return read_contours(data, [(int(region), int(index)) for region, index in pairs], plane, shape)
        return grey(data)


class _Matching:
    """Gives the pieces of masks to the images they belong to, and notes what does not fit."""

    def __init__(self, path: Path, images: list[Image], problems: Problems) -> None:
        self.path = path
        self.problems = problems
        self.images: dict[str, list[Image]] = defaultdict(list)
        for image in images:
            self.images[image.uid].append(image)
        self.faulty: set[str] = set()
        """Images that cannot be used, by UID."""

    def cases(self, marks: list[Piece]) -> list[Found]:
        """The cases by file and frame, with a part for each file that holds some of their mask."""
        self._refuse_twins()
        held: dict[tuple[str, int], dict[_Held, list[str]]] = defaultdict(lambda: defaultdict(list))
        faults: dict[str, dict[str, None]] = defaultdict(dict)
        for mark in marks:
            uid, frame = mark.image, self._frame(mark)
            if fault := self._fault(mark, frame):
                faults[fault][name_below(self.path, mark.file)] = None
                self.faulty.add(uid)
            else:
                held[uid, frame][mark.file, mark.kind, mark.label].append(mark.where)
        for fault, names in faults.items():
            self.problems.add(fault, names)
        self._refuse_nobodies({uid for uid, _ in held})
        good = [(self.images[uid][0], frame, of) for (uid, frame), of in held.items() if uid not in self.faulty]
        good.sort(key=lambda one: (one[0].file, one[1]))
        return [self._case(*one) for one in good]

    def _case(self, image: Image, frame: int, held: dict[_Held, list[str]]) -> Found:
        name, inside = name_below(self.path, image.file), ""
        if len(image.planes) > 1:
            inside = f"frame {frame}"
            name = f"{name} {inside}"
        ordered = sorted(held.items(), key=lambda one: one[0][2])  # of pieces that overlap the last class counts
        masks = [_part(file, kind, label, where, image.planes[frame - 1]) for (file, kind, label), where in ordered]
        return Found(name, image.patient or None, Part(image.file, inside), tuple(masks), image.about)

    def _frame(self, mark: Piece) -> int:
        """The frame a piece belongs to; 0 if it does not say, and there are several."""
        if mark.frame is not None:
            return mark.frame
        images = self.images.get(mark.image, ())
        return 1 if all(len(image.planes) == 1 for image in images) else 0

    def _fault(self, mark: Piece, frame: int) -> str:
        """Why a piece cannot be used; empty if it can."""
        if not mark.image:
            return "mask that names no image"
        if mark.image not in self.images:
            return "mask of an image that is not here"
        planes = self.images[mark.image][0].planes
        if frame == 0:
            return "mask that does not say which frame it is of"
        if not 0 < frame <= len(planes):
            return "mask of a frame that its image does not have"
        plane = planes[frame - 1]
        if mark.kind == "contours" and plane is None:
            return "contours of an image that does not say where it lies"
        if plane and mark.plane and not plane.is_like(mark.plane):
            return "mask of another geometry than its image"
        return ""

    def _refuse_twins(self) -> None:
        for uid, same in self.images.items():
            if len(same) > 1:
                self.problems.add("same SOP instance UID", [name_below(self.path, image.file) for image in same])
                self.faulty.add(uid)

    def _refuse_nobodies(self, used: set[str]) -> None:
        """Refuse images without a patient where others have one: nobody knows which patients they leak from."""
        images = [self.images[uid][0] for uid in sorted(used - self.faulty)]
        nobodies = [image for image in images if not image.patient]
        if len(nobodies) < len(images):
            self.problems.add("no PatientID", [name_below(self.path, image.file) for image in nobodies])
            self.faulty |= {image.uid for image in nobodies}


def _frame(inside: str) -> int:
    return int(inside.split()[1]) if inside else 1


def _part(file: Path, kind: str, label: int, where: list[str], plane: Plane | None) -> Part:
    """Pieces of one file, and of one class, as the part that `Dicom.mask` reads."""
    if kind == "png":
        return Part(file)
    words = [kind, ",".join(where)]
    if kind == "contours" and plane:
        words += map(repr, (*plane.origin, *plane.along, *plane.down, *plane.spacing))
    words += ["class", str(label)] if label else []
    return Part(file, " ".join(words))


def _chosen(marks: list[Piece], structures: str | None, classes: str | None) -> list[Piece]:
    """The pieces of the structures that are lesion, or of a class. Raises PigbenchError where that is not clear."""
    names = sorted({mark.structure for mark in marks if mark.kind != "png"})
    if classes is not None:
        if structures is not None:
            raise PigbenchError("give --classes or --structures, not both")
        return _of_classes(marks, names, _patterns(classes))
    if structures is None:
        if len(names) > 1:
            raise PigbenchError(
                "say which structures are lesion, --structures 'A,B' or '*', or of which class, --classes 'a=A,b=B': "
                + _listed(names)
            )
        return marks
    patterns = [pattern.strip().lower() for pattern in structures.split(",")]
    lesion = {name for name in names if _is_meant(name, patterns)}
    if names and not lesion:
        raise PigbenchError(f"--structures '{structures}' is none of {_listed(names)}")
    return [mark for mark in marks if mark.kind == "png" or mark.structure in lesion]


def _patterns(classes: str) -> dict[str, list[str]]:
    """The patterns of each class. Raises PigbenchError."""
    found = {name: [pattern.lower() for pattern in patterns] for name, patterns in named_parts(classes).items()}
    if "" in found or not all(all(patterns) for patterns in found.values()):
        raise PigbenchError(f"--classes '{classes}': give names with structures, such as 'tumour=GTV*,liver=Liver'")
    if BACKGROUND in found:
        raise PigbenchError(f"--classes '{classes}': leave out {BACKGROUND}, which all structures of no class are")
    return found


def _of_classes(marks: list[Piece], names: list[str], classes: dict[str, list[str]]) -> list[Piece]:
    """The pieces with their labels, of the first class that a structure is of; others are left out."""
    labels: dict[str, int] = {}
    for label, patterns in enumerate(classes.values(), start=1):
        for name in names:
            if _is_meant(name, patterns):
                labels.setdefault(name, label)
    without = [name for label, name in enumerate(classes, start=1) if label not in labels.values()]
    if names and without:
        raise PigbenchError(f"--classes: {without[0]} is of none of the structures {_listed(names)}")
    if len(classes) > 1 and any(mark.kind == "png" for mark in marks):
        raise PigbenchError("--classes: a PNG mask names no structure; several classes need DICOM SEG or RTSTRUCT")
    kept = (replace(mark, label=1 if mark.kind == "png" else labels.get(mark.structure, 0)) for mark in marks)
    return [mark for mark in kept if mark.label]


def _is_meant(structure: str, patterns: Sequence[str]) -> bool:
    """Whether a structure is one of those named, in lower case, or fits their pattern; ? is any sign, a comma too."""
    name = structure.lower()
    return any(name == pattern or fnmatch(name, pattern) for pattern in patterns)


def _listed(names: Sequence[str]) -> str:
    """The names, those that hold a comma in quotation marks."""
    return ", ".join(f"'{name}' (write ? for the comma)" if "," in name else name for name in names)


def _because(problems: Problems) -> str:
    """What was wrong with the files, if that may be why nothing was found."""
    return f"\n{problems.told()}" if len(problems) else ""
