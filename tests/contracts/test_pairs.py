"""What a plugin hands over as masks keeps its labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pigbench.contracts import Pairs
from pigbench.errors import PigbenchError

IMAGES = np.zeros((1, 1, 2, 2), np.float32)


def masks_from(masks) -> list[int]:
    made = Pairs.clipped(IMAGES, masks).masks
    assert made is not None
    assert made.dtype == np.uint8
    return made.ravel().tolist()


def square(*values, kind=None) -> np.ndarray:
    return np.array(values, kind).reshape(1, 1, 2, 2)


@given(arrays(np.uint8, (2, 1, 3, 3)), st.sampled_from([np.uint8, np.int16, np.int64, np.float32, np.float64]))
def test_labels_stay_whatever_type_they_come_in(labels: np.ndarray, kind: type) -> None:
    found = Pairs.clipped(np.zeros(labels.shape), labels.astype(kind)).masks
    assert np.array_equal(found, labels)
    found = Pairs.clipped(np.zeros(labels.shape), torch.from_numpy(labels.astype(kind))).masks
    assert np.array_equal(found, labels)


def test_booleans_and_fractions_are_lesion_where_they_are_not_0() -> None:
    assert masks_from(square(True, False, False, True)) == [1, 0, 0, 1]
    assert masks_from(torch.tensor([True, False, False, True]).view(1, 1, 2, 2)) == [1, 0, 0, 1]
    assert masks_from(square(0.0, 0.2, 1.0, 0.5)) == [0, 1, 1, 1]
    assert masks_from(torch.tensor([0.0, 0.2, 1.0, 0.5], dtype=torch.bfloat16).view(1, 1, 2, 2)) == [0, 1, 1, 1]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ((0, -1, 1, 1), "masks hold numbers from -1 to 1"),
        ((0, 256, 1, 1), "masks hold numbers from 0 to 256"),
        ((0, 1.5, 1, 2), "masks hold numbers from 0 to 2"),
        ((0.0, -0.3, 0.8, 1.0), "booleans such as `masks > 0`"),
        ((0, np.nan, 1, 1), "masks hold numbers from nan to nan"),
    ],
)
def test_what_is_neither_is_refused(values, told: str) -> None:
    with pytest.raises(PigbenchError) as refused:
        masks_from(square(*values))
    assert told in str(refused.value)


def test_images_are_clipped_and_the_share_is_told() -> None:
    made = Pairs.clipped(torch.tensor([-2.0, -0.5, 0.5, 1.5]).view(1, 1, 2, 2))
    assert made.images.ravel().tolist() == [-1, -0.5, 0.5, 1]
    assert made.images.dtype == np.float32
    assert (made.clipped_fraction, made.masks) == (0.5, None)
