"""SegGuidedDif: masks beside the image, ablated for whole batches in training and never in sampling."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from generators.segguided import SegGuidedConfig, SegGuidedDif
from pigbench.contracts import Task


class Watching(torch.nn.Module):
    """A denoiser that predicts nothing and remembers the masks it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[torch.Tensor] = []

    def forward(self, channels, t):
        self.shown.append(channels[:, 1:].clone())
        return torch.zeros_like(channels[:, :1])


def shown_in_training(tiny, make_batch, ablation: float, steps: int = 200) -> list[torch.Tensor]:
    network = Watching()
    generator = SegGuidedDif(SegGuidedConfig(**tiny, steps=8, ablation=ablation), Task(16))
    for step in range(steps):
        generator.loss("denoiser", network, make_batch(step), {})
    return network.shown


def test_half_of_the_batches_see_no_mask_at_all(tiny, make_batch) -> None:
    shown = shown_in_training(tiny, make_batch, 0.5)
    ablated = [not masks.any() for masks in shown]
    assert 70 < sum(ablated) < 130  # binomial(200, 1/2), beyond four standard deviations
    for step, (masks, gone) in enumerate(zip(shown, ablated, strict=True)):
        assert gone or torch.equal(masks, make_batch(step).masks)


@pytest.mark.parametrize(("ablation", "seen"), [(0.0, True), (1.0, False)])
def test_the_share_can_be_set(tiny, make_batch, ablation, seen) -> None:
    assert all(bool(masks.any()) is seen for masks in shown_in_training(tiny, make_batch, ablation, 20))


def test_sampling_shows_the_masks_at_every_step(tiny, make_request) -> None:
    masks = np.zeros((2, 1, 16, 16), np.uint8)
    masks[:, :, 3:9, 3:9] = 1
    network = Watching()
    generator = SegGuidedDif(SegGuidedConfig(**tiny, steps=8, ablation=1.0), Task(16))
    pairs = generator.sample({"denoiser": network}, make_request([0, 1], masks=masks))
    assert len(network.shown) == 8
    assert all(np.array_equal(shown.numpy(), masks) for shown in network.shown)
    assert np.array_equal(pairs.masks, masks)


def test_masks_are_augmented_only_when_asked_and_each_by_its_own_stream(tiny, make_request) -> None:
    masks = np.zeros((3, 1, 16, 16), np.uint8)
    masks[:, :, 2:7, 3:11] = 1
    trained = {"denoiser": Watching()}
    moving = SegGuidedDif(SegGuidedConfig(**tiny, steps=8, augment_masks=True), Task(16))
    first = moving.sample(trained, make_request([0, 1, 2], masks=masks)).masks
    other = moving.sample(trained, make_request([5, 1, 6], masks=masks)).masks
    assert np.array_equal(first[1], other[1])
    assert not np.array_equal(first[0], other[0])
    assert not np.array_equal(first, masks)
    assert all(0.5 < mask.sum() / 40 < 1.6 for mask in first)
    assert set(np.unique(first)) == {0, 1}
