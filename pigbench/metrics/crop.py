"""The part of an image that matters to two masks: the rest is background in both, and most of the pixels."""

from __future__ import annotations

import numpy as np


def crop(*masks: np.ndarray) -> tuple[np.ndarray, ...]:
    """Boolean masks (H, W) cut to the smallest rectangle that holds all that is in any of them.

    Views, of no pixels where all are empty.
    """
    union = np.logical_or.reduce(masks)
    window = tuple(_span(union.any(axis=axis)) for axis in (1, 0))
    return tuple(mask[window] for mask in masks)


def _span(occupied: np.ndarray) -> slice:
    if not occupied.any():
        return slice(0, 0)
    return slice(int(occupied.argmax()), len(occupied) - int(occupied[::-1].argmax()))
