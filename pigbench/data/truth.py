"""The masks of a dataset as they were imported, at their own size, packed: what predictions are judged by.

truth.npz   shapes (N, 2): of every mask. boxes (N, 4): top, bottom, left, right of what is set. starts (N + 1):
            where each box begins in `bits`: its labels' lowest bits, row after row, eight pixels a byte, then the
            next higher bits. depth: how many of those; without it, one.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pigbench.contracts.arrays import window

FILE = "truth.npz"


def write(masks: Iterable[np.ndarray], directory: Path, classes: int = 1) -> None:
    """Write label maps (h, w) uint8, 0..`classes`, one after the other."""
    shapes, boxes, parts = [], [], []
    depth = classes.bit_length()
    for mask in masks:
        rows, columns = window(mask)
        shapes.append(mask.shape)
        boxes.append((rows.start, rows.stop, columns.start, columns.stop))
        parts.append(np.packbits([mask[rows, columns] >> bit & 1 for bit in range(depth)]))
    starts = np.cumsum([0, *(len(part) for part in parts)])
    bits = np.concatenate([np.empty(0, np.uint8), *parts])
    deeper = {"depth": np.array(depth)} if depth > 1 else {}
    np.savez_compressed(
        directory / FILE,
        allow_pickle=False,
        shapes=np.array(shapes),
        boxes=np.array(boxes),
        starts=starts,
        bits=bits,
        **deeper,
    )


class Truth:
    """A directory that `write` wrote, opened."""

    def __init__(self, directory: Path) -> None:
        with np.load(directory / FILE) as arrays:
            self._shapes, self._boxes, self._starts, self._bits = (
                arrays[name] for name in ("shapes", "boxes", "starts", "bits")
            )
            self._depth = int(arrays["depth"]) if "depth" in arrays else 1

    def __len__(self) -> int:
        return len(self._shapes)

    def mask(self, row: int) -> np.ndarray:
        """The label map of a row of the prepared index, (h, w) uint8."""
        mask = np.zeros(self._shapes[row], np.uint8)
        top, bottom, left, right = self._boxes[row]
        packed = self._bits[self._starts[row] : self._starts[row + 1]]
        shape = (self._depth, bottom - top, right - left)
        planes = np.unpackbits(packed, count=int(np.prod(shape))).reshape(shape)
        mask[top:bottom, left:right] = (planes << np.arange(self._depth, dtype=np.uint8)[:, None, None]).sum(axis=0)
        return mask
