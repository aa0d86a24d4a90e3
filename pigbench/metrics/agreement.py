"""Whether masks are where segmenters of real images find lesions: the Dice of what they predict and the pair's mask."""

from __future__ import annotations

import numpy as np


def dices(predicted: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """(N,) Dice of label maps (N, 1, H, W), 1 being the lesion; NaN where a mask is empty."""
    found, true = (np.asarray(maps == 1).reshape(len(maps), -1) for maps in (predicted, masks))
    both, sizes = (found & true).sum(axis=1), found.sum(axis=1) + true.sum(axis=1)
    return np.where(true.any(axis=1), 2 * both / np.maximum(sizes, 1), np.nan)
