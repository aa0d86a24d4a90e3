"""A task says what it can be; label maps become planes and come back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pigbench.contracts import Task, label_maps, planes
from pigbench.errors import PigbenchError

CLASSES = 4
MAPS = arrays(np.uint8, st.tuples(st.integers(1, 3), st.just(1), st.integers(1, 4), st.integers(1, 4)))


def maps() -> st.SearchStrategy[np.ndarray]:
    return MAPS.map(lambda values: values % (CLASSES + 1))


def test_a_task_is_grey_with_one_lesion_unless_it_says_more() -> None:
    assert (Task(32).channels, Task(32).classes) == (1, ("lesion",))
    colour = Task(32, channels=3, classes=("mass", "cyst"))
    assert (colour.image_shape, colour.mask_shape) == ((3, 32, 32), (1, 32, 32))
    assert colour.probability_shape == (3, 32, 32)
    assert Task(32) == Task(32)
    assert len({Task(32), Task(32), Task(16)}) == 2


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ({"resolution": 0}, "a task of 0 pixels"),
        ({"channels": 2}, "a task of 2 channels: images are grey (1) or in colour (3)"),
        ({"classes": ()}, "a task of 0 classes"),
        ({"classes": tuple(map(str, range(256)))}, "a task of 256 classes: give 1 to 255"),
        ({"classes": ("mass", "mass")}, "mass, mass: give each a name of its own"),
    ],
)
def test_what_is_no_task_is_refused(made: dict, told: str) -> None:
    with pytest.raises(PigbenchError) as refused:
        Task(**{"resolution": 32} | made)
    assert told in str(refused.value)


@given(maps())
def test_a_plane_is_where_the_label_is_its_classs(given_maps: np.ndarray) -> None:
    found = planes(given_maps, CLASSES)
    assert found.shape == (len(given_maps), CLASSES, *given_maps.shape[2:])
    assert found.dtype == np.uint8
    for label in range(1, CLASSES + 1):
        assert np.array_equal(found[:, label - 1] == 1, given_maps[:, 0] == label)
    assert np.array_equal(found.sum(axis=1), (given_maps[:, 0] > 0))  # the background is in none


@given(maps())
def test_label_maps_come_back_from_their_planes(given_maps: np.ndarray) -> None:
    back = label_maps(planes(given_maps, CLASSES))
    assert back.dtype == np.uint8
    assert np.array_equal(back, given_maps)


@given(maps(), st.sampled_from([np.uint8, bool, np.float32]))
def test_disjoint_planes_come_back_from_their_label_maps(given_maps: np.ndarray, kind: type) -> None:
    disjoint = planes(given_maps, CLASSES).astype(kind)
    assert np.array_equal(planes(label_maps(disjoint), CLASSES), disjoint)


def test_where_planes_overlap_the_last_counts() -> None:
    overlapping = np.array([[1, 1, 0, 0], [0, 1, 1, 0]], np.uint8).reshape(1, 2, 2, 2)
    assert label_maps(overlapping).ravel().tolist() == [1, 2, 2, 0]


def test_a_label_beyond_the_classes_is_in_no_plane() -> None:
    assert not planes(np.full((1, 1, 2, 2), 3, np.uint8), 2).any()


@given(maps())
def test_tensors_give_what_arrays_give(given_maps: np.ndarray) -> None:
    tensor = torch.from_numpy(given_maps).float()  # as a batch holds them
    found = planes(tensor, CLASSES)
    assert found.dtype == torch.float32
    assert np.array_equal(found.numpy(), planes(given_maps, CLASSES))
    assert torch.equal(label_maps(found), torch.from_numpy(given_maps))
