"""Set metric `copies`: how many generated images are copies of training images, or nearly so."""

from __future__ import annotations

import math

import numpy as np

from pigbench.contracts import SetMetric, Sets
from pigbench.errors import PigbenchError

NEAREST = 0.01
"""The share of the held-out images that are nearest to training images: nearer than these is a copy."""


class Copies(SetMetric):
    """Share of the images that are copies.

    Of the generated images, those nearer to a training image than the nearest 1 % of the held-out images are. Training
    images mirrored left to right count too. All generated images are looked at: the median distance stays where it is
    while a fifth of them are copies. Of images as new as the held-out ones about 1 % count as copies; with N < 100
    held-out images, one in N + 1. Training images would all count, so there is no floor.
    """

    heading = "Copies"
    better = "lower"
    note = (
        "share of generated images that are nearer to a training image, or to its mirror image, than the nearest 1 % "
        "of held-out images are; new images give about 1 % (one in N + 1 where there are N < 100 held-out images)"
    )
    has_floor = False

    def known(self, sets):
        """The distance below which an image is a copy."""
        return {"limit": np.array(_limit(sets))}

    def measure(self, sets, known):
        """Of all generated images."""
        limit = known["limit"] if known else _limit(sets)
        return float(np.mean(_nearest(sets.generated, sets) < limit))


def _limit(sets: Sets) -> float:
    """The largest distance among the nearest 1 %. Raises PigbenchError where these are copies themselves."""
    distances = np.sort(_nearest(sets.heldout, sets))
    limit = float(distances[math.ceil(NEAREST * len(distances)) - 1])
    if limit == 0:
        raise PigbenchError("some held-out images are training images themselves, so copies cannot be told")
    return limit


def _nearest(features: np.ndarray, sets: Sets) -> np.ndarray:
    """(N,) Euclidean distances to the nearest training image, mirrored or not; exactly 0 for copies."""
    from sklearn.metrics import pairwise_distances_argmin

    training = np.concatenate([sets.training, sets.mirrored])
    nearest = training[pairwise_distances_argmin(features, training)]
    return np.linalg.norm(features.astype(np.float64) - nearest, axis=1)
