"""Whether masks are where segmenters of real images find lesions: the Dice of what they predict and the pair's mask."""

from __future__ import annotations

import numpy as np

from pigbench.metrics.classes import over_classes


def dices(predicted: np.ndarray, masks: np.ndarray, classes: int = 1) -> np.ndarray:
    """(N,) Dice of label maps (N, 1, H, W), NaN where a mask is empty.

    Of several classes it is the mean over those that are in the mask or predicted.
    """
    if classes == 1:
        return _dices(predicted == 1, masks == 1)
    each = []
    for label in range(1, classes + 1):
        found, true = predicted == label, masks == label
        missing = found.any(axis=(1, 2, 3)) & ~true.any(axis=(1, 2, 3))
        each.append(np.where(missing, 0.0, _dices(found, true)))
    return np.where(masks.any(axis=(1, 2, 3)), over_classes(np.stack(each, axis=1)), np.nan)


def _dices(predicted: np.ndarray, masks: np.ndarray) -> np.ndarray:
    found, true = (np.asarray(maps).reshape(len(maps), -1) for maps in (predicted, masks))
    both, sizes = (found & true).sum(axis=1), found.sum(axis=1) + true.sum(axis=1)
    return np.where(true.any(axis=1), 2 * both / np.maximum(sizes, 1), np.nan)
