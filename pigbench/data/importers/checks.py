"""Every file of a dataset read once, one case at a time: what a case holds, or all that is wrong with it."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path

import numpy as np

from pigbench.data.importers.base import Found, Importer, Part, Problems, UnusableError
from pigbench.data.importers.options import MaskOptions, are_labels
from pigbench.data.lesions import prepared_fraction
from pigbench.data.pixels import NotBinaryError, binary
from pigbench.data.source import Progress

_FULL_SCALE = (1, 255, 65535)  # "true" at 1, 8 and 16 bits: different encodings of the same label


@dataclass(frozen=True)
class Facts:
    """What is kept of a case once it was read: hashes of its picture and its mask, size in pixels, the share that is of
    any class.

    A hash is the file's own where it is one whole file. prepared_fraction: the share of the square that a run prepares.
    spacing: mm a pixel, down and across, where the file says so. in_colour: whether the picture is. depth: the type of
    its pixels. labels: those of its mask. signature: of the picture, for near-duplicates, if asked for.
    """

    image_sha256: str
    mask_sha256: str
    height: int
    width: int
    lesion_fraction: float
    prepared_fraction: float
    spacing: tuple[float, float] | None = None
    in_colour: bool = False
    depth: str = "uint8"
    labels: frozenset[int] = frozenset()
    signature: np.ndarray | None = field(default=None, compare=False)


class SizeDiffersError(UnusableError):
    """A mask has another size than its image."""


class Reader:
    """Reads an importer's cases; the last two files are kept, for cases that are parts of an image and a label file."""

    def __init__(self, importer: Importer, classes: tuple[str, ...] | None = None) -> None:
        """classes: of the masks, where the importer has not found its cases itself."""
        self.importer = importer
        self.classes = importer.classes if classes is None else classes
        self._last: dict[Path, tuple[bytes, str]] = {}

    def image(self, part: Part) -> tuple[str, np.ndarray]:
        """The hash of a part and its picture. Raises UnusableError or OSError."""
        data, whole = self._open(part.file)
        return part_hash(whole, part), self.importer.image(data, part.inside)

    def spacing(self, part: Part) -> tuple[float, float] | None:
        """mm a pixel of a part's picture, down and across; None where its file does not say, or says nonsense."""
        found = self.importer.spacing(self._open(part.file)[0], part.inside)
        return found if found and all(isfinite(each) and each > 0 for each in found) else None

    def mask(self, parts: Sequence[Part], shape: tuple[int, int]) -> tuple[str, np.ndarray, set[int]]:
        """The hash of the masks, all of them merged, a label map (h, w) uint8, and what stood for the lesion in them.

        Of several classes there is nothing such, and where masks overlap the last counts.
        """
        hashes, labels = [], set()
        merged = np.zeros(shape, np.uint8)
        for part in parts:
            data, whole = self._open(part.file)
            hashes.append(part_hash(whole, part))
            values = self.importer.mask(data, part.inside, shape)
            if values.shape != shape:
                raise SizeDiffersError(f"{_size(shape)} against {_size(values.shape)}")
            if len(self.classes) > 1:
                if values.max() > len(self.classes):
                    raise UnusableError(
                        f"a label map with {values.max()}, where the classes are 1 to {len(self.classes)}"
                    )
                merged = np.where(values != 0, values, merged).astype(np.uint8)
                continue
            mask, label = binary(values)
            merged |= mask
            labels.add(1 if label in _FULL_SCALE else label)
        return hashes[0] if len(hashes) == 1 else digest(json.dumps(hashes).encode()), merged, labels - {0}

    def _open(self, file: Path) -> tuple[bytes, str]:
        """The file's bytes and their hash."""
        if file not in self._last:
            data = file.read_bytes()
            self._last = dict([*self._last.items()][-1:]) | {file: (data, digest(data))}
        return self._last[file]


def inspect(
    importer: Importer,
    cases: Sequence[Found],
    problems: Problems,
    progress: Progress | None = None,
    sign: Callable[[np.ndarray], np.ndarray] | None = None,
) -> list[tuple[Found, Facts]]:
    """The usable cases with their facts, in order; `problems` gets all that is wrong.

    That is unreadable files, constant images, masks that are not binary or of another size, masks that use different
    values for the lesion, such as 1 and 2 (these are label maps), and a foreground or a class that no mask has. sign:
    makes signatures. Memory does not grow with the cases.
    """
    reader = Reader(importer)
    labels: dict[int, list[str]] = defaultdict(list)
    usable: list[tuple[Found, Facts]] = []
    for done, case in enumerate(cases, start=1):
        if facts := _inspect(reader, case, problems, labels, sign):
            usable.append((case, facts))
        if progress:
            progress(done, len(cases))
    for label, names in labels.items() if len(labels) > 1 else ():
        way_out = " see --classes, --foreground" * _reads_values(importer)
        what = f"masks differ in the value of the lesion (a label map?{way_out}); {label} in"
        problems.add(what, names, needs_choice=True)
    usable = _of_one_depth(importer, usable, problems)
    if importer.foreground is not None and usable:
        what = f"--foreground with a value that no mask has (they have {importer.foreground.found})"
        problems.add(what, importer.foreground.unmet, needs_choice=True)
    if usable and importer.needs_all_classes:
        _add_missing_classes(importer, usable, problems)
    return usable


def digest(data: bytes) -> str:
    """The SHA-256 of a file's bytes, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def part_hash(whole: str, part: Part) -> str:
    """The hash of a part of a file whose own is `whole`: the same if it is all of it."""
    return digest(f"{whole} {part.inside}".encode()) if part.inside else whole


def _add_missing_classes(importer: Importer, usable: Sequence[tuple[Found, Facts]], problems: Problems) -> None:
    """Add as a problem the classes that no mask has, and the values of other classes that none has."""
    missing: list[str] = []
    if len(importer.classes) > 1:
        met = set().union(*(facts.labels for _, facts in usable))
        missing = [name for label, name in enumerate(importer.classes, start=1) if label not in met]
        way_out = (
            " (take it out of dataset.json, or make one class of labels that are there with --foreground)"
            if _chooses_labels(importer)
            else ""
        )
        covered = ", or others cover it" if any(len(case.masks) > 1 for case, _ in usable) else ""
        problems.add(f"no mask has the class{covered}{way_out}", missing, needs_choice=True)
    if importer.named is not None:
        unmet = [told for told in importer.named.unmet if told.split("=")[0] not in missing]
        problems.add("--classes with a value that no mask has", unmet, needs_choice=True)


def _chooses_labels(importer: Importer) -> bool:
    """Whether its classes are the dataset's, of which an option can choose."""
    options = type(importer.options).model_fields
    return "foreground" in options and "classes" not in options


def _of_one_depth(
    importer: Importer, usable: list[tuple[Found, Facts]], problems: Problems
) -> list[tuple[Found, Facts]]:
    """The cases whose pictures can be read together; of those in colour one depth of whole numbers. `problems` gets the
    others."""
    coloured = [facts.depth for _, facts in usable if facts.in_colour]
    if not coloured:
        return usable
    usual = max(sorted(set(coloured)), key=coloured.count)
    way_out = " (--grey reads all images as grey)" if "grey" in type(importer.options).model_fields else ""
    kept, odd, floating = [], [], []
    for case, facts in usable:
        if facts.in_colour and facts.depth.startswith("float"):
            floating.append(_file(case, case.image))
        elif facts.depth != usual:
            odd.append(_file(case, case.image))
        else:
            kept.append((case, facts))
    problems.add(f"colour image of floating-point numbers{way_out}", floating)
    problems.add(f"image of another bit depth than those in colour{way_out}", odd)
    return kept


def _inspect(
    reader: Reader,
    case: Found,
    problems: Problems,
    labels: dict[int, list[str]],
    sign: Callable[[np.ndarray], np.ndarray] | None,
) -> Facts | None:
    """The facts of one case; None if there are problems, which it adds."""
    part = case.image
    try:
        image_hash, pixels = reader.image(part)
        if pixels.min() == pixels.max():
            problems.add("constant image", [f"{_file(case, part)} (all {pixels.min()})"])
            return None
        part = case.masks[0]
        mask_hash, mask, found = reader.mask(case.masks, pixels.shape[:2])
    except (OSError, UnusableError) as error:
        if isinstance(error, SizeDiffersError):
            problems.add("image and mask differ in size", [f"{case.name} ({error})"])
        elif isinstance(error, NotBinaryError):
            problems.add(_not_binary(reader.importer, error.values), [_file(case, part)])
        else:
            problems.add_file(f"{part.file.parent.name}/{_file(case, part)}", error)
        return None
    for label in found:
        labels[label].append(case.masks[0].file.name)
    height, width = mask.shape
    shares, coloured = (float((mask != 0).mean()), prepared_fraction(pixels, mask)), pixels.ndim == 3
    return Facts(
        image_hash,
        mask_hash,
        height,
        width,
        *shares,
        spacing=reader.spacing(case.image),
        in_colour=coloured,
        depth=str(pixels.dtype),
        labels=frozenset(np.unique(mask).tolist()) if len(reader.classes) > 1 else frozenset(),
        signature=sign(pixels) if sign else None,
    )


def _reads_values(importer: Importer) -> bool:
    """Whether options say what the values of masks mean."""
    return isinstance(importer.options, MaskOptions)


def _not_binary(importer: Importer, values: np.ndarray) -> str:
    """The kind of problem that a mask of these values is, with the option that reads it."""
    has_option = _reads_values(importer)
    if not are_labels(values):
        return "mask that is smoothed" + " (--foreground 128-255 takes the upper half of its values)" * has_option
    listed = ", ".join(map(str, values))
    others = ",".join(str(value) for value in values if value)
    each = ",".join(f"NAME={value}" for value in values if value)
    hint = f" (--classes {each} takes each by itself, --foreground {others} all but 0 as one)" if has_option else ""
    return f"mask with the values {listed}{hint}"


def _file(case: Found, part: Part) -> str:
    """A file by its name, and the case where the file is not named after it."""
    return part.file.name if case.name in part.file.name else f"{part.file.name} of {case.name}"


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}×{shape[0]}"
