"""Images with their masks: what plugins are given and what they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pigbench.contracts.arrays import to_numpy
from pigbench.errors import PigbenchError


@dataclass(frozen=True)
class Pairs:
    """Images and, where there are any, their masks.

    images: (N, C, H, W) float32 in [-1, 1].
    masks: label maps (N, 1, H, W) uint8, 0 background, 1..K; None for a generator of images alone.
    clipped_fraction: share of the image pixels that were outside [-1, 1] before they were clipped.
    """

    images: np.ndarray
    masks: np.ndarray | None = None
    clipped_fraction: float = 0.0

    @classmethod
    def clipped(cls, images: Any, masks: Any = None) -> Pairs:
        """Pairs from tensors or arrays: images of any float type, clipped to [-1, 1], and masks of any type.

        Whole numbers in masks are labels and stay. Booleans, and fractions from 0 to 1, are 1 where they are not 0.
        Raises PigbenchError for masks of other numbers.
        """
        raw = to_numpy(images).astype(np.float32)
        outside = float(np.mean(np.abs(raw) > 1.0)) if raw.size else 0.0
        return cls(
            images=np.clip(raw, -1.0, 1.0),
            masks=None if masks is None else _labels(masks),
            clipped_fraction=outside,
        )

    def __len__(self) -> int:
        return len(self.images)


class TrainView:
    """A copy of one fold's training cases and nothing else: all that a generator is ever given.

    Its `seal` is hash(dataset, sorted training patients). The suite stamps it on everything that comes out of a
    generator, and a segmenter refuses synthetic pairs whose seal is not its own fold's. This guards against accidents,
    not against malice: a plugin runs as the user and can read any file the user can.
    """

    def __init__(self, images: np.ndarray, masks: np.ndarray, patients: Sequence[str], dataset: str) -> None:
        """images: (N, C, H, W) uint16, 0..65535 for [-1, 1]; masks: (N, 1, H, W) uint8; patients: N ids."""
        if not len(images) == len(masks) == len(patients):
            raise ValueError(f"{len(images)} images, {len(masks)} masks, {len(patients)} patient ids")
        self._images = np.array(images)  # a copy: no reference into the prepared arrays, which hold the test fold
        self._masks = np.array(masks)
        self.patients = tuple(patients)
        self.seal = seal(dataset, self.patients)

    def __len__(self) -> int:
        return len(self._images)

    @property
    def masks(self) -> np.ndarray:
        """Label maps (N, 1, H, W) uint8, 0 background, 1..K."""
        return self._masks

    def pairs(self, indices: Sequence[int] | np.ndarray) -> Pairs:
        """The cases at `indices`, images as float32 in [-1, 1]."""
        where = np.asarray(indices)
        return Pairs(to_unit_range(self._images[where]), self._masks[where])


def seal(dataset: str, patients: Sequence[str]) -> str:
    """hash(dataset, sorted distinct patients), 16 hexadecimal digits."""
    import hashlib
    import json

    return hashlib.sha256(json.dumps([dataset, sorted(set(patients))]).encode()).hexdigest()[:16]


def to_unit_range(stored: np.ndarray) -> np.ndarray:
    """Stored uint16 intensities (0..65535) as float32 in [-1, 1]."""
    return stored.astype(np.float32) * np.float32(2 / 65535) - np.float32(1)


def to_stored(images: np.ndarray) -> np.ndarray:
    """float32 images in [-1, 1] as uint16 (0..65535), the inverse of `to_unit_range` within half a step."""
    return np.rint((np.clip(images, -1, 1).astype(np.float64) + 1) * (65535 / 2)).astype(np.uint16)


def _labels(masks: Any) -> np.ndarray:
    """uint8 labels of what a plugin gives as masks."""
    raw = to_numpy(masks)
    if ((raw >= 0) & (raw <= 1)).all():
        return (raw != 0).astype(np.uint8)
    if ((raw >= 0) & (raw <= np.iinfo(np.uint8).max) & (raw == np.rint(raw))).all():
        return raw.astype(np.uint8)
    raise PigbenchError(
        f"masks hold numbers from {raw.min():.3g} to {raw.max():.3g}: give labels, 0 background and from 1 on the "
        "classes, or booleans such as `masks > 0`"
    )
