from __future__ import annotations

import numpy as np
import pytest

from pigbench.data.dicom.breast import breast_box, only_breast, otsu


def spread_within(image: np.ndarray, threshold: float) -> float:
    """What Otsu's threshold makes smallest: the variance that is left inside the two classes."""
    classes = image[image > threshold], image[image <= threshold]
    return sum(len(values) * values.var() for values in classes if len(values))


@pytest.mark.parametrize("seed", range(5))
def test_otsu_leaves_the_least_variance_within_the_classes(seed):
    random = np.random.default_rng(seed)
    image = np.concatenate([random.normal(900, 200, 3000), random.normal(3000, 400, 500 + 700 * seed)])
    image = image.clip(0, 4095).astype(np.uint16)
    least = min(spread_within(image, threshold) for threshold in np.linspace(image.min(), image.max(), 257)[1:-1])
    assert spread_within(image, otsu(image)) == pytest.approx(least, rel=1e-3)  # it is found to a 256th of the range


@pytest.mark.parametrize("scale", [1, 9])
def test_the_largest_object_alone_is_kept(scale):
    image = np.zeros((300 * scale, 200 * scale), np.uint16)
    breast = slice(50 * scale, 250 * scale), slice(0, 120 * scale)
    image[breast] = 3000
    image[5 * scale : 20 * scale, 150 * scale : 190 * scale] = 4095
    for box, exact in zip(breast_box(image), breast, strict=True):
        assert exact.start - 3 <= box.start <= exact.start and exact.stop <= box.stop <= exact.stop + 3
    alone = only_breast(image)
    assert alone.dtype == image.dtype
    np.testing.assert_array_equal(alone, np.where(image == 3000, 3000, 0))


def test_a_constant_image_stays():
    image = np.full((20, 30), 7, np.uint16)
    np.testing.assert_array_equal(only_breast(image), image)
