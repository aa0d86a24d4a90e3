"""The gate: lesions under their masks pass and lesions elsewhere do not, whatever their sign and their usual place."""

from __future__ import annotations

import numpy as np
import pytest

from pigbench.metrics.contrast import contrasts
from pigbench.metrics.contrast import gate as gate_of_patients

SIDE = 24


def gate(images, masks, real_images, real_masks, seed):
    """The gate with two real pairs a patient."""
    return gate_of_patients(
        images, masks, real_images, real_masks, [str(i // 2) for i in range(len(real_images))], seed
    )


def pairs(count: int, lesion: float, seed: int, background: np.ndarray | float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Noise of SD 0.1 on a background, `lesion` brighter inside a square."""
    random = np.random.default_rng(seed)
    masks = np.zeros((count, 1, SIDE, SIDE), np.uint8)
    for mask in masks:
        top, left = random.integers(3, SIDE - 9, 2)
        mask[0, top : top + 6, left : left + 6] = 1
    images = background + random.normal(0, 0.1, masks.shape) + lesion * masks
    return images.clip(-1, 1).astype(np.float32), masks


@pytest.mark.parametrize("lesion", [0.4, -0.4])
def test_as_real_is_conditioned(lesion) -> None:
    found = gate(*pairs(64, lesion, 1), *pairs(64, lesion, 2), seed=0)
    assert found.verdict == "conditioned"
    assert found.ratio == pytest.approx(1, abs=0.15)
    assert np.sign(found.contrast) == np.sign(lesion)


@pytest.mark.parametrize("lesion", [0.4, -0.4])
def test_ignored_masks_and_lesions_of_the_wrong_sign_are_not(lesion) -> None:
    images, masks = pairs(64, lesion, 1)
    real = pairs(64, lesion, 2)
    assert gate(images, np.roll(masks, 1, axis=0), *real, seed=0).verdict == "not conditioned"
    assert gate(-images, masks, *real, seed=0).verdict == "not conditioned"
    assert gate(0 * images, masks, *real, seed=0).verdict == "not conditioned"


def test_a_bright_place_that_masks_prefer_earns_nothing() -> None:
    """Lesions lie in a bright disc, whose edge every mask's ring crosses; images without lesions must not pass."""
    rows, columns = np.indices((SIDE, SIDE)) - SIDE / 2
    disc = np.where(rows**2 + columns**2 < 64, 0.5, -0.5)
    real = pairs(200, 0.3, 2, disc)
    without = pairs(200, 0.0, 3, disc)
    assert np.nanmean(contrasts(*without)) > 0.03  # what a gate without chance would have believed
    assert gate(*without, *real, seed=0).verdict == "not conditioned"
    assert gate(*pairs(200, 0.3, 4, disc), *real, seed=0).verdict == "conditioned"


def test_without_real_contrast_nothing_can_be_told() -> None:
    found = gate(*pairs(64, 0.4, 1), *pairs(64, 0.0, 2), seed=0)
    assert found.verdict == "cannot tell"
    assert np.isnan(found.ratio)


def test_empty_masks_are_left_out() -> None:
    images, masks = pairs(64, 0.4, 1)
    real = pairs(64, 0.4, 2)
    with_empty = np.concatenate([images, images]), np.concatenate([masks, 0 * masks])
    assert gate(*with_empty, *real, seed=0) == gate(images, masks, *real, seed=0)
    assert gate(images, 0 * masks, *real, seed=0).verdict == "cannot tell"


def test_contrast_is_inside_minus_ring_as_a_part_of_the_range() -> None:
    image = np.full((1, 1, SIDE, SIDE), -1, np.float32)
    mask = np.zeros(image.shape, np.uint8)
    mask[..., 8:14, 8:14] = 1
    image[mask > 0] = 1
    assert contrasts(image, mask) == pytest.approx([1.0])
    assert np.isnan(contrasts(image, 0 * mask)).all()
    assert np.isnan(contrasts(image, 0 * mask + 1)).all()


def test_many_slices_of_few_patients_are_few() -> None:
    """Contrast that differs from patient to patient, around 0: forty slices of each make it no surer."""
    rng = np.random.default_rng(5)
    lesions = np.repeat(rng.normal(0.1, 0.3, 6), 40)
    images, masks = pairs(240, 0.0, 6)
    images = np.clip(images + lesions[:, None, None, None] * masks, -1, 1).astype(np.float32)
    patients = [str(i // 40) for i in range(240)]
    made = pairs(64, 0.4, 7)
    assert gate_of_patients(*made, images, masks, patients, 0).verdict == "cannot tell"
    assert gate_of_patients(*made, images, masks, [str(i) for i in range(240)], 0).verdict != "cannot tell"
