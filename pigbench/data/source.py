"""What a dataset is to the rest of the suite: a named source of cases, each an image with its mask."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pigbench.contracts import LESION

Progress = Callable[[int, int], None]
"""Told how many of the cases or files are done, and how many there are."""


@dataclass(frozen=True)
class CaseInfo:
    """One case, without its pixels. Both ids are safe to show: no file name or patient name can be read from them.

    lesion_fraction: the share of the image that is of any class, 0 to 1, at the image's own size. prepared_fraction: of
    the square that the image is prepared as, of the class that has least; None where nobody has looked. spacing: mm a
    pixel of the image, down and across; None where nobody knows.
    """

    case_id: str
    patient_id: str
    lesion_fraction: float
    prepared_fraction: float | None = None
    spacing: tuple[float, float] | None = None


@dataclass(frozen=True)
class CaseFiles:
    """The files of one case; their names are private.

    inside: what of the image's file is read, in the importer's words (a frame, a slice); all of it if empty.
    """

    image: Path
    masks: tuple[Path, ...]
    inside: str = ""


def grouping(has_patient_ids: bool, pseudo_patients: bool) -> str:
    """What folds and intervals go by: `patient`, `pseudo-patient`, or `case` where nobody knows."""
    return "patient" if has_patient_ids else "pseudo-patient" if pseudo_patients else "case"


class Source(ABC):
    """A named source of cases in a fixed order.

    has_patient_ids: whether the cases' patients are known. If not, every case is its own patient, or, with
    pseudo_patients, those with near-identical images are one; tables say so. flips: which mirror images could be of a
    patient, `both`, `horizontal`, `vertical` or `none`; segmenters train on such. channels: 1 for grey images, 3 for
    colour. classes: what masks tell from the background; a mask's value k is the k-th of them.
    """

    name: str
    has_patient_ids: bool
    channels: int = 1
    classes: tuple[str, ...] = LESION
    pseudo_patients: bool = False
    flips: str = "both"

    @property
    def grouped_by(self) -> str:
        """What folds go by, see `grouping`."""
        return grouping(self.has_patient_ids, self.pseudo_patients)

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """What the dataset *is*, JSON-able: equal identities mean equal cases, wherever and under whatever name."""

    @abstractmethod
    def cases(self) -> list[CaseInfo]:
        """Every case, in an order that follows from the identity alone."""

    @abstractmethod
    def read(self, index: int, resolution: int) -> tuple[np.ndarray, np.ndarray]:
        """Case `index` of `cases()` at its own size, before any preparation.

        Returns the image, grey (h, w), float32, uint8 or uint16 on any scale, or colour (h, w, 3), uint8 or uint16 of
        its whole range; and the mask, a label map (h, w) uint8, 0 background, 1..K.
        resolution: what it will be prepared at; a procedural source renders a multiple of it, others ignore it.
        """

    def read_truth(self, index: int) -> np.ndarray:
        """The mask of case `index` that predictions are judged by, a label map (h, w) uint8.

        It is the image's own, except that of a procedural source, which covers the same view at a size of its own.
        """
        return self.read(index, 0)[1]

    def files(self) -> list[CaseFiles] | None:
        """The files of every case, in order; None if it has none."""
        return None

    def check_files(self) -> None:  # noqa: B027
        """Raises PigbenchError, naming a file, where files are no longer where they were. Nothing is read."""

    def reference(self, count: int) -> Source | None:
        """`count` cases of fresh patients to compare generated images with; None if the source cannot make any."""
        return None

    def fingerprint(self) -> str:
        """The hash of `identity()`, 16 hexadecimal digits: how tables and signatures name the dataset."""
        return hashlib.sha256(json.dumps(self.identity(), sort_keys=True).encode()).hexdigest()[:16]
