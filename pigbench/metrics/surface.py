"""The outlines of two masks, and how far each is from the other.

A pixel belongs to the surface of a mask where one of its four neighbours does not belong to the mask; outside the image
nothing does, so a mask that reaches the border has a surface there. Distances are Euclidean, between pixel centres: in
mm where the spacing is known, else in pixels.
"""

from __future__ import annotations

import numpy as np

from pigbench.contracts import CaseMasks


def surface_distances(case: CaseMasks) -> tuple[np.ndarray, np.ndarray]:
    """From each surface pixel of the truth to the prediction's surface, and the other way round.

    Infinite where there is no other surface to go to; of length 0 where there is none to start from.
    """
    scale = case.spacing or (1.0, 1.0)
    part = case.cropped()
    truth, prediction = (np.argwhere(surface(mask)) * scale for mask in (part.truth, part.prediction))
    return _nearest(truth, prediction), _nearest(prediction, truth)


def sides(case: CaseMasks) -> tuple[float, float]:
    """Height and width of the image, in the unit of the distances."""
    height, width = case.truth.shape
    down, across = case.spacing or (1.0, 1.0)
    return height * down, width * across


def surface(mask: np.ndarray) -> np.ndarray:
    """(H, W) bool: the surface pixels of a mask."""
    around = np.pad(mask, 1)
    return mask & ~(around[:-2, 1:-1] & around[2:, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:])


def _nearest(start: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """(N,) distances from points (N, 2) to the nearest of others. For outlines a tree beats a distance transform."""
    from scipy.spatial import KDTree

    return KDTree(goal).query(start)[0] if len(goal) else np.full(len(start), np.inf)
