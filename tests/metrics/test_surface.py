"""Surface distances against all pairs of pixels."""

from __future__ import annotations

from math import hypot

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pigbench.metrics.surface import sides, surface, surface_distances

side = st.integers(1, 8)
cases = st.tuples(side, side).flatmap(
    lambda shape: st.tuples(
        *[arrays(bool, shape, elements=st.booleans())] * 2, st.sampled_from([None, (0.5, 0.8), (1.0, 3.0)])
    )
)


def outline(mask: np.ndarray) -> set[tuple[int, int]]:
    """The pixels of a mask with a neighbour that is not of it."""
    inside = {(int(row), int(column)) for row, column in np.argwhere(mask)}
    steps = ((0, 1), (1, 0), (0, -1), (-1, 0))
    return {(r, c) for r, c in inside if any((r + down, c + across) not in inside for down, across in steps)}


@given(case=cases)
def test_they_are_the_least_of_all_pairs(case, masks):
    truth, prediction, spacing = case
    down, across = spacing or (1, 1)
    ends = [sorted(outline(mask)) for mask in (truth, prediction)]
    for start, goal, found in zip(ends, ends[::-1], surface_distances(masks(truth, prediction, spacing)), strict=True):
        pairs = ([hypot((a - c) * down, (b - d) * across) for c, d in goal] for a, b in start)
        np.testing.assert_allclose(found, [min(each, default=np.inf) for each in pairs], rtol=1e-12)


def test_the_border_of_the_image_counts_as_surface():
    assert surface(np.ones((3, 4), bool)).tolist() == [[True] * 4, [True, False, False, True], [True] * 4]


def test_sides_are_in_the_unit_of_the_distances(masks):
    empty = np.zeros((20, 50), bool)
    assert sides(masks(empty, empty)) == (20, 50)
    assert sides(masks(empty, empty, (0.5, 0.1))) == pytest.approx((10, 5))


def test_they_are_monais(masks):
    metrics = pytest.importorskip("monai.metrics.utils")
    draw = np.random.default_rng(0)
    for _ in range(20):
        truth, prediction = (np.kron(draw.random((8, 9)) < 0.4, np.ones((4, 5))) > 0 for _ in range(2))
        edges = metrics.get_mask_edges(prediction, truth, crop=False)
        there = metrics.get_surface_distance(edges[1], edges[0], spacing=(0.5, 0.8))
        found, _ = surface_distances(masks(truth, prediction, (0.5, 0.8)))
        np.testing.assert_allclose(np.sort(found), np.sort(there), rtol=1e-5)
