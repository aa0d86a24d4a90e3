"""Every file of a folder read once, one pair at a time: what a pair holds, or all that is wrong with the folder."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pigbench.data.pairing import Pair, Problems
from pigbench.data.pixels import UnusableError, binary, decode

_FULL_SCALE = (1, 255, 65535)  # "true" at 1, 8 and 16 bits: different encodings of the same label


@dataclass(frozen=True)
class Facts:
    """What is kept of a pair once it was read: hashes of both files, size in pixels, the lesion's share of it."""

    image_sha256: str
    mask_sha256: str
    height: int
    width: int
    lesion_fraction: float


def inspect_pairs(pairs: Sequence[Pair], progress: Callable[[int, int], None] | None = None) -> list[Facts]:
    """The facts of every pair, in order; `progress` is told (pairs done, all pairs). Memory does not grow with them.

    Raises PigbenchError that names unreadable files, constant images, masks that are not binary or of another size,
    and masks that use different values for the lesion, such as 1 and 2: these are label maps.
    """
    problems = Problems()
    labels: dict[int, list[str]] = defaultdict(list)
    facts = []
    for done, pair in enumerate(pairs, start=1):
        inspected = _inspect(pair, problems)
        if inspected:
            fact, label = inspected
            facts.append(fact)
            labels[1 if label in _FULL_SCALE else label].append(pair.mask.name)
        if progress:
            progress(done, len(pairs))
    labels.pop(0, None)
    for label, names in labels.items() if len(labels) > 1 else ():
        problems.add(f"masks differ in the value of the lesion (a label map?); {label} in", names)
    problems.raise_any()
    return facts


def digest(data: bytes) -> str:
    """The SHA-256 of a file's bytes, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _inspect(pair: Pair, problems: Problems) -> tuple[Facts, int] | None:
    """The facts of a pair and its mask's value for the lesion; None if there are problems, which it adds."""
    image, mask = _open(pair.image, problems), _open(pair.mask, problems)
    if image is None or mask is None:
        return None
    pixels, raw_mask = image[1], mask[1]
    if pixels.min() == pixels.max():
        problems.add("constant image", [f"{pair.image.name} (all {pixels.min()})"])
    if pixels.shape != raw_mask.shape:
        problems.add("image and mask differ in size", [f"{pair.stem} ({_size(pixels)} against {_size(raw_mask)})"])
    try:
        lesion, label = binary(raw_mask)
    except UnusableError as error:
        problems.add("mask that is not binary", [f"{pair.mask.name} ({error})"])
        return None
    height, width = pixels.shape
    return Facts(image[0], mask[0], height, width, float(lesion.mean())), label


def _open(file: Path, problems: Problems) -> tuple[str, np.ndarray] | None:
    try:
        data = file.read_bytes()
        return digest(data), decode(data)
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    except UnusableError as error:
        reason = str(error)
    problems.add("unusable file", [f"{file.parent.name}/{file.name} ({reason})"])
    return None


def _size(pixels: np.ndarray) -> str:
    return f"{pixels.shape[1]}×{pixels.shape[0]}"
