"""Where a prepared image lies in the image as it was read, and the way back from network pixels to image pixels."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from pigbench.contracts.arrays import window

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Grid = tuple[int, int]
"""Rows and columns of pixels."""


@dataclass(frozen=True)
class Geometry:
    """How an image became a square: of its height and width, rows top..bottom and columns left..right were kept.

    What is kept is padded to a square, centred; an odd pixel goes to the bottom or right. All in pixels as read.
    """

    height: int
    width: int
    top: int
    bottom: int
    left: int
    right: int

    @property
    def side(self) -> int:
        """Of the square."""
        return max(self.bottom - self.top, self.right - self.left)

    @property
    def origin(self) -> tuple[int, int]:
        """The image's row and column where the square begins; negative where it is padded beyond the image."""
        rows, columns = self.bottom - self.top, self.right - self.left
        return self.top - (self.side - rows) // 2, self.left - (self.side - columns) // 2

    def as_row(self) -> tuple[int, ...]:
        """The numbers, for an index."""
        return astuple(self)


def scoring_grid(shape: Grid, longest: int) -> Grid:
    """The grid that an image of that shape is scored on: its own, or shrunk so that its longer side is `longest`."""
    most = max(shape)
    if most <= longest:
        return shape
    rows, columns = (max(1, round(length * longest / most)) for length in shape)
    return rows, columns


def to_image_grid(values: np.ndarray, geometry: Geometry, grid: Grid) -> np.ndarray:
    """Values (R, R) on the network's grid brought to the image's, (rows, columns) float64, by bilinear interpolation.

    Outside what was kept of the image there is nothing to see, and the values are 0. They are rounded to six digits,
    so that a tie is one on every machine.
    """
    resolution, (start_row, start_column) = len(values), geometry.origin
    down = _weights(grid[0], geometry.height, start_row, geometry.top, geometry.bottom, geometry.side, resolution)
    across = _weights(grid[1], geometry.width, start_column, geometry.left, geometry.right, geometry.side, resolution)
    rows, columns = window(values)  # elsewhere there is nothing to add up
    part = values[rows, columns].astype(np.float64)
    return (down[:, rows] @ part @ across[:, columns].T).round(6)


def interpolation(at: np.ndarray, length: int) -> csr_array:
    """(len(at), length): linear interpolation between pixel centres 0, 1, …, constant beyond the outermost.

    at: where, in these pixels.
    """
    from scipy.sparse import csr_array

    at = np.clip(at, 0, length - 1)
    left = np.minimum(at.astype(int), max(length - 2, 0))
    right = np.minimum(left + 1, length - 1)
    rows, weights = np.arange(len(at)), np.concatenate([1 - (at - left), at - left])
    return csr_array((weights, (np.tile(rows, 2), np.concatenate([left, right]))), shape=(len(at), length))


@lru_cache(maxsize=256)
def _weights(length: int, whole: int, start: int, first: int, last: int, side: int, resolution: int) -> np.ndarray:
    """(length, R): how each of `length` pixels along one axis of the image weighs the network's pixels.

    whole: the image's own length. start: where the square begins in it, `side` long. first, last: what was kept.
    """
    centres = (np.arange(length) + 0.5) * whole / length  # in pixels of the image as read
    inside = (centres >= first) & (centres <= last)
    weights = interpolation((centres - start) * resolution / side - 0.5, resolution).toarray() * inside[:, None]
    weights.setflags(write=False)
    return weights
