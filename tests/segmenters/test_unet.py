from __future__ import annotations

import numpy as np
import pytest
import torch

from pigbench.contracts import Batch, Pairs
from pigbench.randomness import torch_generator
from segmenters.unet import UNet, UNetConfig

SIDE = 32
SMALL = {"encoder": "tu-test_resnet", "encoder_depth": 2, "decoder_channels": (16, 8)}


def squares(count: int = 8) -> Pairs:
    """Dark noise with one bright square a case, and that square as the mask."""
    random = np.random.default_rng(0)
    images = random.normal(-0.6, 0.05, (count, 1, SIDE, SIDE)).astype(np.float32)
    masks = np.zeros(images.shape, dtype=np.uint8)
    for mask in masks:
        top, left = random.integers(6, SIDE - 14, 2)
        mask[0, top : top + 8, left : left + 8] = 1
    return Pairs(np.where(masks > 0, 0.5, images).astype(np.float32), masks)


def as_batch(pairs: Pairs) -> Batch:
    images, masks = torch.from_numpy(pairs.images), torch.from_numpy(pairs.masks).float()
    return Batch(images, masks, 0, torch_generator("unused"))


@pytest.fixture(scope="module")
def segmenter() -> UNet:
    return UNet(UNetConfig(**SMALL), SIDE)


@pytest.mark.parametrize("upsample", [1, 2])
def test_a_mask_comes_out_for_every_image(upsample) -> None:
    segmenter = UNet(UNetConfig(**SMALL, upsample=upsample), SIDE)
    network = segmenter.build().eval()
    with torch.inference_mode():
        masks = segmenter.predict(network, torch.randn(3, 1, SIDE, SIDE))
    assert masks.shape == (3, 1, SIDE, SIDE)
    assert masks.dtype == torch.bool


@pytest.mark.parametrize("upsample", [1, 2])
def test_it_learns_bright_squares(upsample) -> None:
    segmenter = UNet(UNetConfig(**SMALL, upsample=upsample), SIDE)
    torch.manual_seed(0)
    network = segmenter.build().train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-2)
    pairs = squares()
    for step in range(40):
        optimiser.zero_grad()
        segmenter.loss(network, as_batch(segmenter.augment(pairs, step))).backward()
        optimiser.step()
    with torch.inference_mode():
        predicted = segmenter.predict(network.eval(), torch.from_numpy(pairs.images)).numpy()
    overlap = (predicted & (pairs.masks > 0)).sum()
    assert 2 * overlap / (predicted.sum() + pairs.masks.sum()) > 0.8


def test_the_loss_is_dice_plus_cross_entropy(segmenter) -> None:
    pairs = squares(2)
    logits = torch.linspace(-3, 3, 2 * SIDE * SIDE).reshape(2, 1, SIDE, SIDE)
    network = torch.nn.Module()
    network.forward = lambda images: logits
    masks, chance = torch.from_numpy(pairs.masks).double(), logits.double().sigmoid()
    dice = 1 - 2 * (chance * masks).sum() / (chance + masks).sum()
    cross_entropy = -(masks * chance.log() + (1 - masks) * (1 - chance).log()).mean()
    assert segmenter.loss(network, as_batch(pairs)).item() == pytest.approx((dice + cross_entropy).item(), rel=1e-5)
    assert torch.equal(segmenter.predict(network, torch.from_numpy(pairs.images)), chance >= 0.5)


def test_augmentation_is_a_pure_function_of_pairs_and_seed(segmenter) -> None:
    pairs = squares()
    before = pairs.images.copy()
    first = segmenter.augment(pairs, 2**62 + 7)
    segmenter.augment(pairs, 8)
    again = UNet(segmenter.config, SIDE).augment(pairs, 2**62 + 7)
    assert np.array_equal(first.images, again.images)
    assert np.array_equal(first.masks, again.masks)
    assert np.array_equal(pairs.images, before)
    assert not np.array_equal(first.images, segmenter.augment(pairs, 8).images)


def test_augmentation_leaves_global_random_states_alone(segmenter) -> None:
    np.random.seed(0)
    torch.manual_seed(0)
    expected = np.random.random(), torch.rand(1)
    np.random.seed(0)
    torch.manual_seed(0)
    segmenter.augment(squares(), 1)
    assert (np.random.random(), torch.rand(1)) == expected


@pytest.mark.parametrize("seed", range(5))
def test_augmentation_keeps_images_and_masks_what_they_are(segmenter, seed) -> None:
    pairs = squares()
    augmented = segmenter.augment(pairs, seed)
    assert augmented.images.shape == pairs.images.shape
    assert augmented.images.dtype == np.float32
    assert abs(augmented.images).max() <= 1
    assert augmented.masks.shape == pairs.masks.shape
    assert augmented.masks.dtype == np.uint8
    assert set(np.unique(augmented.masks)) <= {0, 1}
    for image, mask in zip(augmented.images, augmented.masks, strict=True):
        assert image[mask > 0].mean() - image[mask == 0].mean() > 0.5  # the mask moved with the image


def test_weights_come_from_the_seed_alone(segmenter) -> None:
    states = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        states.append(torch.cat([weight.flatten() for weight in segmenter.build().parameters()]))
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


def test_wrong_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="decoder_channels has 2 widths, encoder_depth is 3"):
        UNetConfig(encoder_depth=3, decoder_channels=(16, 8))
    with pytest.raises(ValueError, match="30 pixels cannot be halved 2 times"):
        UNet(UNetConfig(**SMALL), 30).build()
    UNet(UNetConfig(**SMALL, upsample=2), 30).build()
