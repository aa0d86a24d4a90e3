"""The masks of a dataset as they were imported, at their own size, packed: what predictions are judged by.

truth.npz   shapes (N, 2): of every mask. boxes (N, 4): top, bottom, left, right of what is set. starts (N + 1):
            where each box begins in `bits`, its rows one after the other, eight pixels a byte.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pigbench.contracts.arrays import window

FILE = "truth.npz"


def write(masks: Iterable[np.ndarray], directory: Path) -> None:
    """Write masks (h, w) uint8, 0 or 1, one after the other."""
    shapes, boxes, parts = [], [], []
    for mask in masks:
        rows, columns = window(mask)
        shapes.append(mask.shape)
        boxes.append((rows.start, rows.stop, columns.start, columns.stop))
        parts.append(np.packbits(mask[rows, columns] != 0))
    starts = np.cumsum([0, *(len(part) for part in parts)])
    bits = np.concatenate([np.empty(0, np.uint8), *parts])
    np.savez_compressed(
        directory / FILE, allow_pickle=False, shapes=np.array(shapes), boxes=np.array(boxes), starts=starts, bits=bits
    )


class Truth:
    """A directory that `write` wrote, opened."""

    def __init__(self, directory: Path) -> None:
        with np.load(directory / FILE) as arrays:
            self._shapes, self._boxes, self._starts, self._bits = (
                arrays[name] for name in ("shapes", "boxes", "starts", "bits")
            )

    def __len__(self) -> int:
        return len(self._shapes)

    def mask(self, row: int) -> np.ndarray:
        """The mask of a row of the prepared index, (h, w) bool."""
        mask = np.zeros(self._shapes[row], bool)
        top, bottom, left, right = self._boxes[row]
        packed = self._bits[self._starts[row] : self._starts[row + 1]]
        part = np.unpackbits(packed, count=(bottom - top) * (right - left))
        mask[top:bottom, left:right] = part.reshape(bottom - top, right - left)
        return mask
