"""Masks from contours."""

from __future__ import annotations

import numpy as np

from pigbench.data.pixels import UnusableError

_ROUNDING = 1.0  # a contour may lie this many pixels beyond the border: tools round


def fill(contour: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The pixels of shape (h, w) whose centres lie inside the closed contour, 0 or 1, by the even-odd rule.

    contour: (n, 2), x (column) and y (row) in pixels; (0, 0) is the centre of the first pixel. Raises UnusableError
    for fewer than three points and for a contour that leaves the picture.
    """
    if len(contour) < 3:
        raise UnusableError(f"a contour of {len(contour)} points")
    low, high = contour.min(axis=0), contour.max(axis=0)
    limits = np.array([shape[1], shape[0]]) - 0.5 + _ROUNDING
    if not (np.isfinite(contour).all() and (low >= -0.5 - _ROUNDING).all() and (high <= limits).all()):
        raise UnusableError(
            f"a contour leaves the picture: x {low[0]:g} to {high[0]:g}, y {low[1]:g} to {high[1]:g}, "
            f"in {shape[1]}×{shape[0]}"
        )
    crossings = np.zeros((shape[0], shape[1] + 1), np.uint8)
    for start, end in zip(contour, np.roll(contour, -1, axis=0), strict=True):
        _toggle(crossings, start, end)
    return np.bitwise_xor.accumulate(crossings, axis=1)[:, :-1]


def _toggle(crossings: np.ndarray, start: np.ndarray, end: np.ndarray) -> None:
    """Flip, in every row whose centre the edge passes, the first pixel to the right of it."""
    (x0, y0), (x1, y1) = (start, end) if start[1] <= end[1] else (end, start)
    rows = np.arange(max(int(np.ceil(y0)), 0), min(int(np.ceil(y1)), len(crossings)))
    if len(rows):
        columns = np.ceil(x0 + (rows - y0) * (x1 - x0) / (y1 - y0)).astype(int)
        crossings[rows, np.clip(columns, 0, crossings.shape[1] - 1)] ^= 1
