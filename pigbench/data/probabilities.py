"""Class probabilities in one byte each, so that masks made of them are exactly those made of the probabilities.

`code` keeps two things to the last case: whether a probability is at least one half, and which class is the most
probable. Everything else is kept to 1/510.
"""

from __future__ import annotations

import numpy as np

HALF = 128
"""The least code of a probability of at least one half."""


def code(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities (N, K+1, H, W), which sum to 1, as (N, C, H, W) uint8.

    Of one class and the background, C is 1: the class alone, as the other follows. Otherwise C is K + 1. Raises
    ValueError for what is no probability.
    """
    if not (np.isfinite(probabilities).all() and probabilities.min() >= 0 and probabilities.max() <= 1):
        raise ValueError("probabilities are numbers from 0 to 1")
    if probabilities.shape[1] == 2:
        return _bytes(probabilities[:, 1:])
    coded, winner = _bytes(probabilities), probabilities.argmax(axis=1)[:, None]
    highest = np.take_along_axis(coded, winner, axis=1)
    earlier = np.arange(coded.shape[1])[None, :, None, None] < winner  # of equal codes the first would win
    return np.minimum(coded, np.where(earlier, np.maximum(highest, 1) - 1, highest))


def _bytes(probabilities: np.ndarray) -> np.ndarray:
    rounded = np.rint(probabilities * 255)
    return np.where(probabilities >= 0.5, np.maximum(rounded, HALF), np.minimum(rounded, HALF - 1)).astype(np.uint8)


def foreground(coded: np.ndarray) -> np.ndarray:
    """Codes (C, H, W), of whatever grid, uint8 or interpolated, as a label map (H, W) uint8.

    Of one class, it is where that is at least one half; of several, the most probable.
    """
    if len(coded) == 1:
        return (coded[0] >= HALF - 0.5).astype(np.uint8)
    return coded.argmax(axis=0).astype(np.uint8)
