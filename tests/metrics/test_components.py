"""Components against a flood fill, and every definition against sets of pixels."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

side = st.integers(1, 9)
mask_pairs = st.tuples(side, side).flatmap(lambda shape: st.tuples(*[arrays(bool, shape, elements=st.booleans())] * 2))


def flooded(mask: np.ndarray) -> list[set[tuple[int, int]]]:
    """The components of a mask, each the set of its pixels."""
    left, found = {(int(row), int(column)) for row, column in np.argwhere(mask)}, []
    while left:
        component, waiting = set(), [left.pop()]
        while waiting:
            row, column = pixel = waiting.pop()
            component.add(pixel)
            near = {(row + down, column + across) for down in (-1, 0, 1) for across in (-1, 0, 1)} & left
            left -= near
            waiting += near
        found.append(component)
    return found


@given(pair=mask_pairs)
def test_they_are_those_of_a_flood_fill(pair, statistics):
    truth, prediction = pair
    lesions, predicted = flooded(truth), flooded(prediction)
    found = 0
    for lesion in lesions:
        covering = set().union(*(blob for blob in predicted if blob & lesion))
        found += 10 * len(lesion & covering) >= len(lesion | covering)
    false = sum(not any(blob & lesion for lesion in lesions) for blob in predicted)
    expected = {"lesions": len(lesions), "found": found, "predicted": len(predicted), "false": false}
    assert statistics("found", truth, prediction) == expected


@given(pair=mask_pairs)
def test_they_do_not_depend_on_what_lies_around_nor_on_orientation(pair, statistics):
    expected = statistics("found", *pair)
    assert statistics("found", *(np.pad(mask, ((3, 0), (1, 5))) for mask in pair)) == expected
    assert statistics("found", *(mask[::-1].T for mask in pair)) == expected


def test_both_metrics_keep_the_same_statistics(statistics):
    assert statistics("found", ["#.#"], ["#.#"]) == statistics("false_alarms", ["#.#"], ["#.#"])


def test_as_many_as_an_image_can_hold_are_told_apart(statistics):
    dots = np.zeros((1024, 1024), bool)
    dots[::2, ::2] = True
    many = dots.sum()
    assert statistics("found", dots, dots) == {"lesions": many, "found": many, "predicted": many, "false": 0}
