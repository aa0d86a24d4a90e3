"""The npz files of MedSegBench: `busi_256.npz` and the like, with `train_images`, `train_label` and so on.

Kuş and Aydin, Scientific Data 11 (2024), doi:10.1038/s41597-024-04159-2; files at https://zenodo.org/records/13359660.
Each of its sets has the licence of its origin. Decided here:

- Its splits are not kept, but noted: folds are made as of any dataset.
- Patients are unknown in every file, and slices of one volume or copies of one picture occur. Near-identical pictures
  become one pseudo-patient.
- Pictures whose channels are all equal are grey, others in colour, unless an option says what to read of it. Of masks
  with several labels `classes` says what they are, or `foreground` which are lesion.
"""

from __future__ import annotations

import re
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
from pydantic import Field

from pigbench.data.importers.base import Found, Importer, Part, Problems, UnusableError
from pigbench.data.importers.options import ColourOptions, MaskOptions
from pigbench.data.pixels import as_read, reading
from pigbench.errors import PigbenchError

_SPLITS = ("train", "val", "test")
_ROW = re.compile(r"(\w+)\[(\d+)\]")


class MedSegBenchOptions(ColourOptions, MaskOptions):
    """Which part of a file, and what of a picture and of a mask is read."""

    category: str | None = Field(None, description="the category to read, such as C1 [all]")


class MedSegBench(Importer):
    """One npz file: pictures and masks of three splits."""

    Options = MedSegBenchOptions
    looking = ("category",)
    groups_near_duplicates = True

    def find(self, path: Path, problems: Problems) -> list[Found]:
        """The cases by split and number; only the arrays' shapes are looked at."""
        _ = self.options.colour, self.foreground, self.named  # refused before a file is read
        if self.named is not None and self.named.in_colour:
            raise PigbenchError("--classes: masks in npz files have labels, such as lesion=1, and no colours")
        try:
            arrays = _arrays(path.read_bytes())
        except OSError as error:
            raise PigbenchError(f"{path}: give one npz file ({error.strerror})") from None
        except UnusableError as error:
            raise PigbenchError(f"{path} {error}") from None
        found = []
        for split in _SPLITS:
            images, masks = self._named(arrays, f"{split}_images"), self._named(arrays, f"{split}_label")
            if images in arrays and masks in arrays:
                found += _of_split(path.absolute(), split, images, masks, arrays, problems)
            elif images in arrays or masks in arrays:
                problems.add("images without masks, or the reverse", [images if images in arrays else masks])
        if not found and not len(problems):
            wanted = f"{self._wanted('train_images')} and {self._wanted('train_label')}"
            raise PigbenchError(f"{path} has no {wanted}: {', '.join(sorted(arrays)) or 'nothing'}")
        return found

    def image(self, data: bytes, inside: str) -> np.ndarray:
        """The picture as saved; of colour what the options say, or colour."""
        pixels = _row(data, inside)
        if pixels.ndim == 3:
            return as_read(pixels[..., :3] if pixels.shape[-1] >= 3 else pixels[..., :1], self.options.colour)
        return np.ascontiguousarray(pixels)

    def mask(self, data: bytes, inside: str, shape: tuple[int, int]) -> np.ndarray:
        """The mask as saved; with `foreground`, 1 where it has one of those labels, with `classes` their label map."""
        values = _row(data, inside)
        values = values[..., 0] if values.ndim == 3 else values
        if self.named is not None:
            return self.named.label_map(values)
        return values if self.foreground is None else self.foreground.lesion(values)

    def _wanted(self, name: str) -> str:
        return name if self.options.category is None else f"{name}_{self.options.category}"

    def _named(self, arrays: dict[str, np.ndarray], name: str) -> str:
        """The array of the category; some sets have categories of masks only, for the same pictures."""
        wanted = self._wanted(name)
        return name if wanted not in arrays and name.endswith("_images") else wanted


def _of_split(
    file: Path, split: str, images: str, masks: str, arrays: dict[str, np.ndarray], problems: Problems
) -> list[Found]:
    pictures, labels = arrays[images], arrays[masks]
    if len(pictures) != len(labels):
        problems.add("images and masks differ in number", [f"{split} ({len(pictures)} against {len(labels)})"])
        return []
    if len(pictures.shape) - 1 not in (2, 3) or pictures.dtype not in (np.uint8, np.uint16, np.float32):
        problems.add("no pictures", [f"{images} ({'×'.join(map(str, pictures.shape))}, {pictures.dtype})"])
        return []
    if labels.shape[1:3] != pictures.shape[1:3] or labels.shape[3:] not in ((), (1,)) or labels.dtype.kind not in "biu":
        problems.add("no masks", [f"{masks} ({'×'.join(map(str, labels.shape))}, {labels.dtype})"])
        return []
    return [
        Found(f"{split} {at}", None, Part(file, f"{images}[{at}]"), (Part(file, f"{masks}[{at}]"),), {"split": split})
        for at in range(len(pictures))
    ]


def _row(data: bytes, inside: str) -> np.ndarray:
    named = _ROW.fullmatch(inside)
    rows = _arrays(data).get(named[1]) if named else None
    if named is None or rows is None or int(named[2]) >= len(rows):
        raise UnusableError(f"has no {inside}")
    return rows[int(named[2])]


@lru_cache(maxsize=1)
def _arrays(data: bytes) -> dict[str, np.ndarray]:
    """All arrays of an npz file's bytes, unpacked: a gigabyte or two at most. Raises UnusableError."""
    with reading("is not an npz file"), np.load(BytesIO(data), allow_pickle=False) as archive:
        return {name: np.atleast_1d(array) for name, array in archive.items()}
