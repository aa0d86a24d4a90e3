"""The Breast Ultrasound Images set (BUSI): `benign/`, `malignant/` and `normal/` with `benign (1).png` and its masks.

Al-Dhabyani and others, Data in Brief 28, 104863 (2020), doi:10.1016/j.dib.2019.104863: 437 benign, 210 malignant and
133 normal pictures of 600 women, without saying whose is whose. Decided here:

- All masks of a picture (`benign (1)_mask.png`, `benign (1)_mask_1.png`) are merged into one, of one class or, with
  `by_class`, of the folder's.
- Pictures of `normal/` are left out unless asked for: their masks are empty.
- Patients are unknown, and many pictures occur more than once (doi:10.1016/j.dib.2023.109247), some as benign and as
  malignant. Near-identical pictures become one pseudo-patient, so that none is in training and test at once.
- Pictures in colour are taken by their luminance, as colour is in marks and Doppler overlays only.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import numpy as np
from pydantic import Field

from pigbench.contracts import Config
from pigbench.data.importers.base import Found, Importer, Part, Problems, check_folder, files_inside
from pigbench.data.pixels import binary, decode, grey
from pigbench.errors import PigbenchError

_CLASSES = ("benign", "malignant", "normal")
_INNER = "Dataset_BUSI_with_GT"  # the folder that the set is packed in
_MASK = re.compile(r"(.+)_mask(?:_\d+)?")


class BusiOptions(Config):
    """What is left out, and what a mask tells."""

    by_class: bool = Field(False, description="benign and malignant as two classes")
    keep_normal: bool = Field(False, description="read normal/ too, whose masks are empty")


class Busi(Importer):
    """Ultrasound pictures by class, each with one mask or more."""

    Options = BusiOptions
    looking = ("keep_normal",)
    groups_near_duplicates = True

    def find(self, path: Path, problems: Problems) -> list[Found]:
        """The pictures by class and number. The class is kept as a fact about the case."""
        check_folder(path)
        root = path / _INNER if (path / _INNER).is_dir() else path
        present = [name for name in _CLASSES if (root / name).is_dir()]
        if not {"benign", "malignant"} & set(present):
            raise PigbenchError(f"{path} is not the BUSI set: it has neither a folder benign/ nor malignant/")
        problems.add("no folder", [f"{name}/" for name in _CLASSES[:2] if name not in present])
        wanted = [name for name in present if name != "normal" or self.options.keep_normal]
        return [found for name in wanted for found in self._of_class(root, name, problems)]

    @property
    def classes(self) -> tuple[str, ...]:
        """One, or benign and malignant."""
        return _CLASSES[:2] if self.options.by_class else super().classes

    def image(self, data: bytes, inside: str) -> np.ndarray:
        """The picture as saved; of colour the luminance."""
        return decode(data, "luminance")

    def mask(self, data: bytes, inside: str, shape: tuple[int, int]) -> np.ndarray:
        """The mask as saved, or, where `inside` names a class, its label map."""
        mask = grey(data)
        return binary(mask)[0] * np.uint8(1 + self.classes.index(inside)) if inside else mask

    def _of_class(self, root: Path, name: str, problems: Problems) -> list[Found]:
        images: dict[str, Path] = {}
        masks: dict[str, list[Path]] = defaultdict(list)
        listed = [file for file in (root / name).iterdir() if file.suffix.lower() == ".png"]
        for file in sorted(files_inside(root, listed, problems), key=_by_number):
            if masked := _MASK.fullmatch(file.stem):
                masks[masked[1]].append(file)
            else:
                images[file.stem] = file
        problems.add("image without a mask", [images[stem].name for stem in images if stem not in masks])
        strays = [file.name for stem in masks if stem not in images for file in masks[stem]]
        problems.add("mask without an image", strays)
        told = name if self.options.by_class and name in self.classes else ""
        return [
            Found(f"{name}/{stem}", None, Part(image), tuple(Part(mask, told) for mask in masks[stem]), {"class": name})
            for stem, image in images.items()
            if stem in masks
        ]


def _by_number(file: Path) -> list[int | str]:
    """An order in which 2 comes before 10."""
    return [int(part) if at % 2 else part for at, part in enumerate(re.split(r"(\d+)", file.name))]
