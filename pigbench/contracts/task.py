"""What is segmented, and label maps, which say where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pigbench.errors import PigbenchError

LESION = ("lesion",)
"""The classes of a task that names none."""

MOST_CLASSES = 255
"""What fits into a uint8 beside the background."""


@dataclass(frozen=True)
class Task:
    """What a plugin is built for.

    resolution: the side of its images in pixels. channels: C, 1 for grey and 3 for colour. classes: what a mask tells
    from the background, by name; the mask's value k is the k-th of them.
    """

    resolution: int
    channels: int = 1
    classes: tuple[str, ...] = LESION

    def __post_init__(self) -> None:
        if self.resolution < 1:
            raise PigbenchError(f"a task of {self.resolution} pixels: a resolution is at least 1")
        if self.channels not in (1, 3):
            raise PigbenchError(f"a task of {self.channels} channels: images are grey (1) or in colour (3)")
        if not 1 <= len(self.classes) <= MOST_CLASSES:
            raise PigbenchError(f"a task of {len(self.classes)} classes: give 1 to {MOST_CLASSES}")
        if len(set(self.classes)) < len(self.classes):
            raise PigbenchError(f"a task of the classes {', '.join(self.classes)}: give each a name of its own")

    @property
    def planes(self) -> int:
        """K, the number of classes: how many planes a mask has, see `planes`."""
        return len(self.classes)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        return self.channels, self.resolution, self.resolution

    @property
    def mask_shape(self) -> tuple[int, int, int]:
        """(1, H, W) of one mask."""
        return 1, self.resolution, self.resolution

    @property
    def probability_shape(self) -> tuple[int, int, int]:
        """(K + 1, H, W) of the probabilities of one image, the background's first."""
        return 1 + len(self.classes), self.resolution, self.resolution


def planes(masks: Any, classes: int) -> Any:
    """Label maps (N, 1, H, W) as one plane a class, (N, K, H, W), K = `classes`: 1 where the label is the class's.

    Takes an array or a tensor, such as `batch.masks`, and gives the like, of the same type of numbers. A label above K
    is in no plane.
    """
    if hasattr(masks, "detach"):
        import torch

        return torch.cat([masks == label for label in range(1, classes + 1)], dim=1).to(masks.dtype)
    return np.concatenate([masks == label for label in range(1, classes + 1)], axis=1).astype(masks.dtype)


def label_maps(planes: Any) -> Any:
    """Planes (N, K, H, W) as label maps (N, 1, H, W) uint8, the inverse of `planes`; where planes overlap, the last
    counts.

    Takes an array or a tensor, boolean or of any numbers, and gives the like; a pixel is in a plane where it is not 0.
    """
    classes = planes.shape[1]
    if hasattr(planes, "detach"):
        import torch

        labels = torch.arange(1, classes + 1, dtype=torch.uint8, device=planes.device).view(1, -1, 1, 1)
        return ((planes != 0) * labels).amax(dim=1, keepdim=True)
    return ((planes != 0) * np.arange(1, classes + 1, dtype=np.uint8).reshape(1, -1, 1, 1)).max(axis=1, keepdims=True)
