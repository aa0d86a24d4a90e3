"""Scores of several classes."""

from __future__ import annotations

import numpy as np

from pigbench.metrics.agreement import dices
from pigbench.metrics.classes import over_classes
from pigbench.metrics.contrast import gate

NAN = np.nan


def test_a_cases_score_is_the_mean_over_the_classes_that_have_one() -> None:
    scores = np.array([[0.2, 0.6], [NAN, 0.5], [NAN, NAN]])
    np.testing.assert_array_equal(over_classes(scores), [0.4, 0.5, NAN])
    assert over_classes(np.empty((0, 2))).shape == (0,)


def test_agreement_is_the_mean_over_the_classes_of_mask_and_prediction() -> None:
    masks = np.zeros((3, 1, 4, 4), np.uint8)
    masks[0, 0, :2], masks[0, 0, 2:] = 1, 2
    masks[1, 0, :2] = 2
    found = masks.copy()
    found[0, 0, 2:] = 1  # class 1: 2 · 8 / (8 + 16); class 2: 0
    np.testing.assert_allclose(dices(found, masks, 2), [1 / 3, 1.0, NAN])
    found[1, 0, 3] = 1  # a class that the mask lacks
    np.testing.assert_allclose(dices(found, masks, 2), [1 / 3, 0.5, NAN])


def test_bright_and_dark_classes_do_not_cancel_out() -> None:
    """Class 1 is bright, class 2 as dark: intact pairs are conditioned, pairs with exchanged labels are not."""
    draw = np.random.default_rng(0)
    images, masks = draw.normal(0, 0.02, (24, 1, 32, 32)).astype(np.float32), np.zeros((24, 1, 32, 32), np.uint8)
    for image, mask in zip(images, masks, strict=True):
        for label, shift in ((1, 0.4), (2, -0.4)):
            top, left = draw.integers(0, 26, 2)
            mask[0, top : top + 6, left : left + 6] = label
            image[0][mask[0] == label] = shift
    patients = [f"p{number // 2}" for number in range(24)]
    intact = gate(images, masks, images, masks, patients, 0, classes=2)
    assert intact.verdict == "conditioned" and intact.ratio > 0.9 and intact.tells
    exchanged = np.where(masks > 0, 3 - masks, 0).astype(np.uint8)
    assert gate(images, exchanged, images, masks, patients, 0, classes=2).verdict == "not conditioned"


def test_many_classes_of_noise_are_no_evidence() -> None:
    draw = np.random.default_rng(3)
    verdicts = set()
    for _ in range(3):
        images = draw.normal(0, 0.3, (40, 1, 32, 32)).astype(np.float32)
        masks = np.repeat(np.repeat(draw.integers(0, 16, (40, 1, 8, 8)), 4, axis=2), 4, axis=3).astype(np.uint8)
        verdicts.add(gate(images, masks, images, masks, [f"p{number}" for number in range(40)], 0, classes=15).verdict)
    assert verdicts == {"cannot tell"}


def test_a_faint_class_counts_like_a_strong_one() -> None:
    """Generated pairs that have lost the faint class do not pass by the strong one."""
    draw = np.random.default_rng(0)
    real, masks = draw.normal(0, 0.02, (24, 1, 32, 32)).astype(np.float32), np.zeros((24, 1, 32, 32), np.uint8)
    made = real.copy()
    for row, mask in enumerate(masks):
        for label, shift in ((1, 0.3), (2, 0.9)):
            top, left = draw.integers(0, 26, 2)
            mask[0, top : top + 6, left : left + 6] = label
            real[row, 0][mask[0] == label] += shift
            made[row, 0][mask[0] == label] += shift * (label == 2)
    found = gate(made, masks, real, masks, [f"p{number}" for number in range(24)], 0, classes=2)
    assert found.ratio < 0.7
