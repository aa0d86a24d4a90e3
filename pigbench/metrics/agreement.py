"""Whether masks are where segmenters of real images find lesions: the Dice of what they predict and the pair's mask."""

from __future__ import annotations

import numpy as np

from pigbench.metrics.classes import over_classes


def dices(predicted: np.ndarray, masks: np.ndarray, classes: int = 1) -> np.ndarray:
    """(N,) Dice of label maps (N, 1, H, W), the mean over the classes that a mask has; NaN where it is empty."""
    each = [_dices(predicted == label, masks == label) for label in range(1, classes + 1)]
    return each[0] if classes == 1 else over_classes(np.stack(each, axis=1), len(masks))


def _dices(predicted: np.ndarray, masks: np.ndarray) -> np.ndarray:
    found, true = (np.asarray(maps).reshape(len(maps), -1) for maps in (predicted, masks))
    both, sizes = (found & true).sum(axis=1), found.sum(axis=1) + true.sum(axis=1)
    return np.where(true.any(axis=1), 2 * both / np.maximum(sizes, 1), np.nan)
