"""Probabilities in a byte: masks made of the codes are those made of the probabilities, to the last pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pigbench.data.probabilities import code, foreground


def two_classes(lesion: np.ndarray) -> np.ndarray:
    lesion = lesion.astype(np.float32).reshape(1, 1, 1, -1)
    return np.concatenate([1 - lesion, lesion], axis=1)


def test_at_least_one_half_survives_where_it_is_closest() -> None:
    half = np.float32(0.5)
    near = np.array([np.nextafter(half, np.float32(0)), half, np.nextafter(half, np.float32(1)), 0.499, 0.501, 0, 1])
    assert foreground(code(two_classes(near))[0]).ravel().tolist() == (near >= 0.5).astype(int).tolist()


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=50))
def test_at_least_one_half_survives_everywhere(values: list[float]) -> None:
    lesion = np.array(values, np.float32)
    coded = code(two_classes(lesion))
    assert (foreground(coded[0])[0] == (lesion >= 0.5)).all()
    assert np.abs(coded[0, 0, 0] / 255 - lesion).max() <= 1 / 255


@given(st.integers(2, 6), st.integers(0, 2**32 - 1), st.sampled_from([1, 10, 1000]))
def test_the_most_probable_class_survives_ties_and_all(classes: int, seed: int, steps: int) -> None:
    stream = np.random.default_rng(seed)
    weights = stream.integers(0, steps + 1, (2, classes + 1, 4, 4)) + 1e-3  # few steps: many ties
    probabilities = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    coded = code(probabilities)
    assert (np.stack([foreground(each) for each in coded]) == probabilities.argmax(axis=1)).all()


@pytest.mark.parametrize("wrong", [-0.1, 1.1, np.nan])
def test_what_is_no_probability_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        code(two_classes(np.array([0.5, wrong])))
