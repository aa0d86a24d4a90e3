from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from pigbench.data import duplicates
from pigbench.data.duplicates import SIDE, THRESHOLD, groups, signature
from pigbench.data.phantom.dataset import Phantom


@pytest.fixture(scope="module")
def patients() -> list[np.ndarray]:
    """An image of each of 24 patients, (256, 256) float32."""
    source = Phantom(patients=24)
    first = {case.patient_id: index for index, case in reversed(list(enumerate(source.cases())))}
    return [source.read(index, 64)[0] for index in first.values()]


def resized(image: np.ndarray, factor: float) -> np.ndarray:
    size = tuple(round(side * factor) for side in image.T.shape)
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


def compressed(image: np.ndarray) -> np.ndarray:
    file = BytesIO()
    Image.fromarray((image / image.max() * 255).astype(np.uint8)).save(file, "JPEG", quality=40)
    return np.asarray(Image.open(file))


def cut(image: np.ndarray, part: float) -> np.ndarray:
    rows, columns = (round(part * side) for side in image.shape)
    return image[rows:-rows, columns:-columns]


COPIES = {
    "noisy": lambda image: image + np.random.default_rng(0).normal(0, 0.05 * image.max(), image.shape),
    "halved": lambda image: resized(image, 0.5),
    "enlarged": lambda image: resized(image, 1.7),
    "cut by 2 %": lambda image: cut(image, 0.02),
    "cut by 3.5 %": lambda image: cut(image, 0.035),
    "cut by 5.5 %": lambda image: cut(image, 0.055),
    "brightened": lambda image: (image / image.max()) ** 0.8,
    "darkened": lambda image: (image / image.max()) ** 1.3,
    "compressed": compressed,
    "at 16 bits": lambda image: (image / image.max() * 65535).astype(np.uint16),
    "cut, halved and compressed": lambda image: compressed(resized(cut(image, 0.03), 0.5)),
}


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    return float(max((one[0] @ other.T).max(), (other[0] @ one.T).max()))


def test_copies_lie_above_the_threshold_and_other_patients_below_with_room_on_both_sides(patients):
    signed = [signature(image) for image in patients]
    for what, copy in COPIES.items():
        alike = [likeness(one, signature(copy(image))) for one, image in zip(signed, patients, strict=True)]
        assert min(alike) > THRESHOLD + 0.01, what
    different = [likeness(one, other) for index, one in enumerate(signed) for other in signed[:index]]
    assert max(different) < THRESHOLD - 0.03


def test_a_thumbnail_is_the_mean_over_equal_areas():
    image = np.random.default_rng(0).random((5 * SIDE, 3 * SIDE))
    means = duplicates._means(duplicates._sums(image), 0.0)
    np.testing.assert_allclose(means, image.reshape(SIDE, 5, -1).mean(axis=1))
    uneven = np.arange(24.0)[:, None]  # the n-th of 16 parts covers rows 1.5 n to 1.5 n + 1.5
    fine = np.repeat(uneven, 2, axis=0).reshape(SIDE, 3).mean(axis=1)
    np.testing.assert_allclose(duplicates._means(duplicates._sums(uneven), 0.0)[:, 0], fine)


def test_images_without_structure_and_small_ones_do_no_harm():
    blank = [np.full((40, 30), value) for value in (0, 7, 65535)]
    assert groups([signature(image) for image in blank]) == [0, 1, 2]
    small = np.random.default_rng(0).integers(0, 255, (9, 3), dtype=np.uint8)
    assert groups([signature(small), signature(small * 1.0)]) == [0, 0]


def test_groups_are_those_of_a_plain_search_whatever_the_tiles(patients, monkeypatch):
    images = patients[:6] + [COPIES[what](image) for what, image in zip(COPIES, patients, strict=False)]
    order = np.random.default_rng(1).permutation(len(images))
    signed = [signature(images[index]) for index in order]
    plain = [
        min(j for j in range(len(signed)) if likeness(signed[i], signed[j]) > THRESHOLD) for i in range(len(signed))
    ]
    first = sorted(set(plain))
    for tile in (512, 3):
        monkeypatch.setattr(duplicates, "_TILE", tile)
        assert groups(signed) == [first.index(member) for member in plain]


def test_what_is_linked_in_between_is_one_group(patients):
    image = patients[0]
    ends = [image, cut(image, 0.05), cut(cut(image, 0.05), 0.05)]
    signed = [signature(one) for one in ends]
    assert likeness(signed[0], signed[2]) < THRESHOLD
    assert groups([signed[0], signed[2]]) == [0, 1]
    assert groups([signed[0], signature(patients[1]), signed[2], signed[1]]) == [0, 1, 0, 0]


def test_nothing_has_no_groups():
    assert groups([]) == []
