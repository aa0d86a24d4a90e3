"""Near-identical images: copies of every kind are found, and different patients are not, however alike in build."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from pigbench.data import duplicates, likeness
from pigbench.data.duplicates import groups, links, signature
from pigbench.data.phantom.dataset import Phantom


@pytest.fixture(scope="module")
def patients() -> list[np.ndarray]:
    """An image of each of 24 patients, (256, 256) float32."""
    source = Phantom(patients=24)
    first = {case.patient_id: index for index, case in reversed(list(enumerate(source.cases())))}
    return [source.read(index, 64)[0] for index in first.values()]


@pytest.fixture(scope="module")
def signed(patients: list[np.ndarray]) -> list[np.ndarray]:
    return [signature(image) for image in patients]


def eight_bit(image: np.ndarray) -> np.ndarray:
    return (image / image.max() * 255).astype(np.uint8)


def resized(image: np.ndarray, factor: float) -> np.ndarray:
    size = tuple(round(side * factor) for side in image.T.shape)
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


def compressed(image: np.ndarray, quality: int = 40) -> np.ndarray:
    file = BytesIO()
    Image.fromarray(eight_bit(image)).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def cut(image: np.ndarray, part: float) -> np.ndarray:
    rows, columns = (round(part * side) for side in image.shape)
    return image[rows:-rows, columns:-columns]


def moved(image: np.ndarray, down: int, right: int) -> np.ndarray:
    """By a number of pixels; black comes in."""
    canvas = np.pad(image, 16)
    return canvas[16 - down : 16 - down + len(image), 16 - right : 16 - right + image.shape[1]]


def relit(image: np.ndarray, contrast: float, brightness: float) -> np.ndarray:
    return np.clip((eight_bit(image) - 127.5) * contrast + 127.5 + 255 * brightness, 0, 255).astype(np.uint8)


COPIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as JPEG": lambda image: compressed(image, 75),
    "as poor JPEG": compressed,
    "moved by 2 %": lambda image: moved(image, 5, -5),
    "moved by 1 %": lambda image: moved(image, -3, 2),
    "brighter, with less contrast": lambda image: relit(image, 0.9, 0.1),
    "darker, with more contrast": lambda image: relit(image, 1.1, -0.1),
    "mirrored": lambda image: image[:, ::-1],
    "upside down": lambda image: image[::-1],
    "turned by 180°": lambda image: image[::-1, ::-1],
    "noisy": lambda image: image + np.random.default_rng(0).normal(0, 0.05 * image.max(), image.shape),
    "halved": lambda image: resized(image, 0.5),
    "enlarged": lambda image: resized(image, 1.7),
    "cut by 1 %": lambda image: cut(image, 0.01),
    "cut by 2 %": lambda image: cut(image, 0.02),
    "cut by 3.5 %": lambda image: cut(image, 0.035),
    "cut by 5.5 %": lambda image: cut(image, 0.055),
    "with a lower gamma": lambda image: (image / image.max()) ** 0.8,
    "with a higher gamma": lambda image: (image / image.max()) ** 1.3,
    "at 16 bits": lambda image: (image / image.max() * 65535).astype(np.uint16),
    "mirrored, moved, as JPEG": lambda image: compressed(moved(image, 3, 3)[:, ::-1], 75),
}


@pytest.mark.parametrize("what", COPIES)
def test_copies_are_found_and_nobody_else(patients, signed, what):
    copies = [signature(COPIES[what](image)) for image in patients]
    found = {(link.one, link.other) for link in links(copies, signed)}
    own = {(index, index) for index in range(len(patients))}
    assert len(found & own) >= 0.8 * len(own)
    assert not found - own


def stretched_contrast(images: list[np.ndarray]) -> list[np.ndarray]:
    """The patients' mean and little beside it: they share their anatomy."""
    mean = np.mean(images, axis=0)
    return [mean + 0.3 * (image - mean) for image in images]


def labelled(image: np.ndarray) -> np.ndarray:
    """With a black frame and two patterned marks, as scanners burn them in: the same ones for everybody."""
    marked = eight_bit(image)
    marked[:12], marked[-12:], marked[:, :30] = 0, 0, 0
    marked[20:60, 200:240] = 255 * (np.indices((40, 40)).sum(axis=0) // 5 % 2)
    marked[200:240, 40:120] = 255 * (np.indices((40, 80)).sum(axis=0) // 4 % 2)
    return marked


def same_outline(seed: int) -> np.ndarray:
    """A breast's outline, the same for every seed, with a texture of its own."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:256, :256] / 256
    inside = (x / 0.75) ** 2 + ((y - 0.5) / 0.45) ** 2 < 1
    texture = sum(scale * gaussian_filter(random.normal(size=x.shape), scale) for scale in (1, 3, 10))
    return np.where(inside, 6000 + 1500 * texture + 60 * random.normal(size=x.shape), 0)


ALIKE: dict[str, Callable[[list[np.ndarray]], list[np.ndarray]]] = {
    "as they are": lambda images: images,
    "sharing their anatomy": stretched_contrast,
    "blurred": lambda images: [gaussian_filter(image, 4) for image in images],
    "blurred beyond detail": lambda images: [gaussian_filter(image, 16) for image in images],
    "with a frame and marks": lambda images: [labelled(image) for image in images],
    "at 32 × 32": lambda images: [image.reshape(32, 8, 32, 8).mean(axis=(1, 3)) for image in images],
    "of one outline": lambda images: [same_outline(seed) for seed in range(len(images))],
    "slopes": lambda images: [a * np.mgrid[:99, :99][0] + np.mgrid[:99, :99][1] for a in range(2, 12)],
}


@pytest.mark.parametrize("what", ALIKE)
def test_different_patients_are_told_apart_however_alike(patients, what):
    assert links([signature(image) for image in ALIKE[what](patients)]) == []


def test_a_thumbnail_is_the_mean_over_equal_areas():
    image = np.random.default_rng(0).random((5 * 16, 3 * 16))
    means = likeness._means(image, 16)
    np.testing.assert_allclose(means, image.reshape(16, 5, -1).mean(axis=1))
    uneven = np.arange(24.0)[:, None]  # the n-th of 16 parts covers rows 1.5 n to 1.5 n + 1.5
    fine = np.repeat(uneven, 2, axis=0).reshape(16, 3).mean(axis=1)
    np.testing.assert_allclose(likeness._means(uneven, 16)[:, 0], fine)


def test_likeness_is_the_correlation_of_noise_that_two_images_share_wherever_it_lies():
    random = np.random.default_rng(0)
    shared, own = random.normal(size=(40, 96, 96)), random.normal(size=(40, 96, 96))
    ones = (20 * shared).astype(np.int8)
    for part in (0.0, 0.5, 0.9, 1.0):
        mixed = (20 * (part * shared + np.sqrt(1 - part**2) * own)).astype(np.int8)
        overall, places = likeness.likeness(ones, np.roll(mixed, (2, -1), axis=(1, 2)), 0.0)
        assert np.mean(overall) == pytest.approx(max(part, 0.07), abs=0.06)
        assert np.all(places <= overall + 0.1)


def test_memory_stays_small(patients, signed):
    huge = np.zeros((3000, 2000), np.uint16)
    huge[::7, ::3] = 9
    assert max(one.nbytes for one in [*signed, signature(huge)]) < 10_000


def test_images_without_structure_and_small_ones_do_no_harm():
    blank = [np.full((40, 30), value) for value in (0, 7, 65535)]
    assert groups([signature(image) for image in blank]) == [0, 1, 2]
    small = np.random.default_rng(0).integers(0, 255, (9, 5), dtype=np.uint8)
    assert groups([signature(small), signature(small * 1.0), signature(small.T)]) == [0, 0, 1]


def test_images_of_different_sizes_are_compared(patients, signed):
    small = [signature(resized(image, 0.25)) for image in patients]
    found = {(link.one, link.other) for link in links(small, signed)}
    assert {len(one) for one in small} == {64}
    assert found == {(index, index) for index in range(len(patients))}


def test_links_do_not_depend_on_tiles_or_batches(patients, signed, monkeypatch):
    images = [COPIES[what](image) for what, image in zip(COPIES, patients, strict=False)]
    mixed = [*signed[:8], *(signature(image) for image in images)]
    mixed = [mixed[index] for index in np.random.default_rng(1).permutation(len(mixed))]
    found = links(mixed)
    monkeypatch.setattr(duplicates, "_TILE", 5)
    monkeypatch.setattr(duplicates, "_BATCH", 3)
    again = links(mixed)
    assert [(link.one, link.other) for link in again] == [(link.one, link.other) for link in found]
    assert len(found) == 8


def test_what_is_linked_in_between_is_one_group(patients):
    image = patients[0]
    ends = [signature(one) for one in (image, cut(image, 0.05), cut(cut(image, 0.05), 0.05))]
    assert groups([ends[0], ends[2]]) == [0, 1]
    assert groups([ends[0], signature(patients[1]), ends[2], ends[1]]) == [0, 1, 0, 0]


def test_nothing_has_no_groups():
    assert groups([]) == []
    assert links([], []) == []
