"""The outlines of two masks, and how far each is from the other.

A pixel belongs to the surface of a mask where one of its four neighbours does not belong to the mask; outside the image
nothing does, so a mask that reaches the border has a surface there. Distances are Euclidean, between pixel centres: in
mm where the spacing is known, else in pixels.
"""

from __future__ import annotations

import numpy as np

from pigbench.contracts.metric import CaseMasks
from pigbench.metrics.crop import crop


def surface_distances(case: CaseMasks) -> tuple[np.ndarray, np.ndarray]:
    """From each surface pixel of the truth to the prediction's surface, and the other way round.

    Infinite where there is no other surface to go to; of length 0 where there is none to start from.
    """
    truth, prediction = (_surface(mask) for mask in crop(case.truth, case.prediction))
    return _distances(truth, prediction, case.spacing), _distances(prediction, truth, case.spacing)


def sides(case: CaseMasks) -> tuple[float, float]:
    """Height and width of the image, in the unit of the distances."""
    height, width = case.truth.shape
    down, across = case.spacing or (1.0, 1.0)
    return height * down, width * across


def _surface(mask: np.ndarray) -> np.ndarray:
    from scipy.ndimage import binary_erosion

    return mask & ~binary_erosion(mask)


def _distances(start: np.ndarray, goal: np.ndarray, spacing: tuple[float, float] | None) -> np.ndarray:
    from scipy.ndimage import distance_transform_edt

    if not goal.any():
        return np.full(np.count_nonzero(start), np.inf)
    return distance_transform_edt(~goal, sampling=spacing)[start]
