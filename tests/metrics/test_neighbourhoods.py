"""Precision and recall of images against balls about every image, one by one."""

from __future__ import annotations

import numpy as np
import pytest

from pigbench.errors import PigbenchError
from pigbench.metrics.neighbourhoods import precision_and_recall


def share_within(these: np.ndarray, those: np.ndarray, k: int = 3) -> float:
    """The share of `these` that lie in the ball of any of `those`, as wide as to its k-th nearest among themselves."""
    inside = 0
    for point in these:
        for centre in those:
            radius = sorted(np.linalg.norm(those - centre, axis=1))[k]  # the 0th is the centre itself
            if np.linalg.norm(point - centre) <= radius:
                inside += 1
                break
    return inside / len(these)


def test_they_are_the_shares_within_the_others_balls(draws, make_sets):
    generated, reference = np.float32(0.5) * draws(0, 30, 2), draws(1, 40, 2)
    sets = make_sets(generated, m=30, reference=reference, training=reference, heldout=reference)
    compared = sets.equal_parts()[1]
    precision, recall = precision_and_recall(sets)
    assert precision == share_within(generated, compared)
    assert recall == share_within(compared, generated)
    assert precision != recall


def test_as_many_images_as_neighbours_are_refused(draws, make_sets):
    with pytest.raises(PigbenchError, match="at least 4 images, got 3"):
        precision_and_recall(make_sets(draws(0, 3)))
    precision_and_recall(make_sets(draws(0, 4)))
