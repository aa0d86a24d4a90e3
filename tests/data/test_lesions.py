"""Small lesions are counted at the size at which a run would see them."""

from __future__ import annotations

import numpy as np
import pytest

from pigbench.data.lesions import inverted, prepared_fraction, small
from pigbench.data.prepare import prepare_case
from pigbench.reporting.lesions import large_masks, small_lesions


def case(lesion: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture of 128 × 96 in a blank border of 64, with a square lesion of that side."""
    image = np.zeros((256, 224), np.float32)
    image[64:192, 64:160] = np.random.default_rng(0).random((128, 96)) + 1
    mask = np.zeros(image.shape, np.uint8)
    mask[64 : 64 + lesion, 80 : 80 + lesion] = 1
    return image, mask


@pytest.mark.parametrize("lesion", [8, 16, 32])
def test_a_share_is_of_the_square_that_is_prepared(lesion: int) -> None:
    image, mask = case(lesion)
    _, prepared = prepare_case(image, mask, 32)
    assert prepared_fraction(image, mask) * 32**2 == pytest.approx(prepared.sum())


def test_of_several_classes_the_smallest_counts() -> None:
    image, mask = case(32)
    mask[70:72, 90:93] = 2
    assert prepared_fraction(image, mask) == pytest.approx(6 / 128**2)
    assert small_lesions([6 / 128**2, 0.1], 32, classes=2).startswith("Careful: in 1 of 2 images a class has fewer")  # type: ignore[union-attr]


def test_lesions_of_fewer_than_four_pixels_are_small_and_empty_masks_are_none() -> None:
    fractions = [0.0, None, 3.9 / 1024, 4 / 1024, 0.5]
    assert small(fractions, 32) == 1
    assert small(fractions, 64) == 0


def test_a_sentence_says_what_would_keep_them() -> None:
    fractions = [1 / 128**2, 3 / 64**2, 0.1, 0.2, 0.0]
    said = small_lesions(fractions, 32)
    assert said is not None
    assert "in 2 of 4 images the lesion has fewer than 4 pixels at 32 × 32; " in said
    assert "; 2 at 64 × 64 (small), 1 at 128 × 128 (medium), " in said
    assert "none at 512 × 512 (paper)" in said
    assert small_lesions([0.1], 32) is None
    assert small_lesions([3 / 32**2], 32).endswith("at 32 × 32; none at 64 × 64 (small).")  # type: ignore[union-attr]
    tiny = small_lesions([1e-9], 32)
    assert tiny is not None
    assert "none from 63246 × 63246 on (--set resolution=…)" in tiny


def test_masks_over_more_than_half_of_the_image_may_be_inverted() -> None:
    assert inverted([0.0, 0.5, 0.51, 1.0]) == 2
    said = large_masks([0.8, 0.9], "mine")
    assert said is not None
    assert "2 of 2 masks cover more than half of the image" in said
    assert "--foreground 0" in said
    assert "--foreground" not in large_masks([0.8, 0.9], "mine", classes=2)
    assert "--" not in large_masks([0.8, 0.9], "mine", has_values=False)  # type: ignore[operator]
    assert large_masks([0.1, 0.4], "mine") is None
    few = large_masks([0.1, 0.4, 0.9], "mine")
    assert few == "1 of 3 masks covers more than half of the image: look at `pigbench data show mine`."
