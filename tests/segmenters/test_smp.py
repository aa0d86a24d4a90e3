from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from pigbench.contracts import Batch, Pairs, Segmenter, Task, masks_of, require_probabilities
from pigbench.errors import PigbenchError
from pigbench.imagenet import efficientnet_lite0
from pigbench.protocol import load_preset, plugin_config, preset_names
from pigbench.randomness import torch_generator
from segmenters.smp import DeepLabV3Plus, SegFormer, UNet, UNetConfig, UNetPlusPlus

SIDE = 32
SMALL = {"encoder": "tu-test_resnet", "encoder_depth": 2, "decoder_channels": (16, 8)}
ALL = [UNet, UNetPlusPlus, DeepLabV3Plus, SegFormer]
ONE_WIDTH = [DeepLabV3Plus, SegFormer]


def make(kind: type[Segmenter], side: int = SIDE, preset: str = "quick", **own) -> Segmenter:
    """A segmenter with the settings of a preset, as the suite makes it."""
    shared = load_preset(preset).segmentation.network
    return kind(plugin_config(kind.Config, kind.__name__.lower(), shared, own), Task(side))


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
    return UNet(UNetConfig(**SMALL), Task(SIDE))


@pytest.mark.process
def test_importing_the_segmenters_imports_nothing_heavy() -> None:
    code = "import sys, segmenters.smp; print({'torch', 'timm', 'segmentation_models_pytorch'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "set()"


@pytest.mark.parametrize("preset", preset_names())
@pytest.mark.parametrize("kind", ALL)
def test_probabilities_come_out_for_every_image_at_every_preset(kind, preset) -> None:
    side = min(load_preset(preset).resolution, 64)  # every preset's encoder, and no more pixels than that takes
    segmenter = make(kind, side, preset)
    network = segmenter.build().eval()
    with torch.inference_mode():
        require_probabilities(segmenter.predict(network, torch.randn(3, 1, side, side)), segmenter.task, 3)


@pytest.mark.parametrize(("kind", "upsample"), [(UNet, 2), *((kind, 1) for kind in ALL)])
def test_it_learns_bright_squares(kind, upsample) -> None:
    assert dice_after(make(kind, upsample=upsample), steps=40) > 0.8


def dice_after(segmenter: Segmenter, steps: int) -> float:
    """The Dice of all squares together that a short training reaches."""
    torch.manual_seed(0)
    network = segmenter.build().train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-2)
    pairs = squares()
    for step in range(steps):
        optimiser.zero_grad()
        segmenter.loss(network, as_batch(segmenter.augment(pairs, step))).backward()
        optimiser.step()
    with torch.inference_mode():
        predicted = masks_of(segmenter.predict(network.eval(), torch.from_numpy(pairs.images)))
    return 2 * (predicted & (pairs.masks > 0)).sum() / (predicted.sum() + pairs.masks.sum())


def test_the_loss_is_dice_plus_cross_entropy(segmenter) -> None:
    pairs = squares(2)
    logits = torch.linspace(-3, 3, 2 * SIDE * SIDE).reshape(2, 1, SIDE, SIDE)
    network = torch.nn.Module()
    network.forward = lambda images: logits
    masks, chance = torch.from_numpy(pairs.masks).double(), logits.double().sigmoid()
    dice = 1 - 2 * (chance * masks).sum() / (chance + masks).sum()
    cross_entropy = -(masks * chance.log() + (1 - masks) * (1 - chance).log()).mean()
    assert segmenter.loss(network, as_batch(pairs)).item() == pytest.approx((dice + cross_entropy).item(), rel=1e-5)
    found = segmenter.predict(network, torch.from_numpy(pairs.images))
    torch.testing.assert_close(found, torch.cat([1 - chance, chance], dim=1).float())


def test_augmentation_is_a_pure_function_of_pairs_and_seed(segmenter) -> None:
    pairs = squares()
    before = pairs.images.copy()
    first = segmenter.augment(pairs, 2**62 + 7)
    segmenter.augment(pairs, 8)
    again = UNet(segmenter.config, Task(SIDE)).augment(pairs, 2**62 + 7)
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


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("pretrained", [False, True])
def test_weights_come_from_the_seed_alone(kind, pretrained) -> None:
    segmenter = make(kind, pretrained=pretrained)
    states = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        states.append(torch.cat([weight.flatten() for weight in segmenter.build().parameters()]))
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


def test_wrong_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="decoder_channels has 2 widths, encoder_depth is 3"):
        UNetConfig(encoder_depth=3, decoder_channels=(16, 8))
    with pytest.raises(ValueError, match="unet: 30 pixels cannot be halved 2 times"):
        UNet(UNetConfig(**SMALL), Task(30)).build()
    UNet(UNetConfig(**SMALL, upsample=2), Task(30)).build()
    with pytest.raises(PigbenchError, match="encoder_depth: input should be greater than or equal to 2"):
        make(UNetPlusPlus, encoder_depth=1, decoder_channels=(8,))


@pytest.mark.parametrize("kind", ONE_WIDTH)
def test_a_depth_below_three_becomes_three_in_the_settings(kind) -> None:
    assert [make(kind, encoder_depth=depth).config.encoder_depth for depth in (1, 2, 3, 4)] == [3, 3, 3, 4]


@pytest.mark.parametrize(
    ("side", "depth", "expected"),
    [(512, 5, [6, 12, 18]), (512, 4, [6, 12, 18]), (64, 3, [2, 3, 4]), (16, 3, [1, 1, 1])],
)
def test_dilations_are_the_published_ones_at_512_and_follow_the_map(side, depth, expected) -> None:
    network = make(DeepLabV3Plus, side, upsample=1, encoder_depth=depth).build()
    assert [branch[0][0].dilation[0] for branch in network.decoder.aspp[0].convs[1:4]] == expected


def test_segformer_takes_the_papers_encoder() -> None:
    segmenter = make(SegFormer, encoder="mit_b0")
    network = segmenter.build().eval()
    assert type(network.encoder).__name__ == "MixVisionTransformerEncoder"
    assert segmenter.predict(network, torch.zeros(2, 1, SIDE, SIDE)).shape == (2, 2, SIDE, SIDE)


@pytest.mark.parametrize(("kind", "depth"), [(UNet, 5), *((kind, 3) for kind in ALL)])
def test_a_pretrained_encoder_sees_in_grey_what_imagenets_sees_in_that_grey_in_colour(kind, depth) -> None:
    own = {"decoder_channels": (8,) * depth} if kind in (UNet, UNetPlusPlus) else {}
    encoder = make(kind, pretrained=True, encoder_depth=depth, **own).build().eval().encoder
    grey = torch.rand(2, 1, 64, 64) * 2 - 1
    with torch.inference_mode():
        found = encoder(grey)[1:]
        _, expected = efficientnet_lite0().forward_intermediates(grey.repeat(1, 3, 1, 1), indices=range(depth))
    assert len(found) == depth
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4 * float(theirs.abs().max()))


@pytest.mark.parametrize("kind", ALL)
def test_a_pretrained_encoder_trains_and_is_named_in_the_settings(kind) -> None:
    segmenter = make(kind, pretrained=True, encoder="resnet18")
    assert segmenter.config.encoder == "tu-tf_efficientnet_lite0"
    assert (segmenter.pretrained_on, make(kind).pretrained_on) == ("ImageNet", "")
    assert kind.Config(**segmenter.config.model_dump()) == segmenter.config
    assert all(weight.requires_grad for weight in segmenter.build().parameters())


# --- the plain U-Net

PLAIN = {"encoder": "plain", "widths": (8, 16, 24)}


def test_a_plain_unets_first_level_has_the_images_own_size() -> None:
    network = make(UNet, **PLAIN).build().eval()
    sizes: list[tuple[int, ...]] = []
    for level in network.levels:
        level.register_forward_hook(lambda module, given, made: sizes.append(tuple(made.shape[1:])))
    assert network(torch.zeros(2, 1, SIDE, SIDE)).shape == (2, 1, SIDE, SIDE)
    assert sizes == [(8, 32, 32), (16, 16, 16), (24, 8, 8)]


def test_a_plain_unet_learns_and_its_side_must_be_halved() -> None:
    assert dice_after(make(UNet, **PLAIN), steps=100) > 0.8
    with pytest.raises(ValueError, match="unet: 30 pixels cannot be halved 2 times"):
        make(UNet, 30, **PLAIN).build()


def test_another_encoder_takes_the_plain_ones_place() -> None:
    plain, other, pretrained = (make(UNet, **own) for own in ({}, {"encoder": "resnet18"}, {"pretrained": True}))
    assert (plain.config.encoder, plain.upsample) == ("plain", 1)  # as the preset has it
    assert (other.upsample, pretrained.upsample) == (2, 2)
    assert "resnet" in type(other.build().encoder).__name__.lower()
    assert pretrained.config.encoder.endswith("lite0")
    with pytest.raises(PigbenchError, match="widths"):
        make(UNet, widths=(8,))


# --- flips


@pytest.mark.parametrize(
    ("flips", "found"),
    [
        ("none", {(False, False)}),
        ("horizontal", {(False, False), (True, False)}),
        ("vertical", {(False, False), (False, True)}),
        ("both", {(False, False), (True, False), (False, True), (True, True)}),
    ],
)
def test_images_are_mirrored_as_was_said(flips, found) -> None:
    """A bright corner tells how an image was mirrored, whatever else was done to it."""
    images = np.full((16, 1, SIDE, SIDE), -0.8, np.float32)
    images[:, :, 8:14, 8:14] = 0.8
    pairs = Pairs(images, (images > 0).astype(np.uint8))
    segmenter, seen = make(UNet, flips=flips), set()
    for seed in range(4):
        for image in segmenter.augment(pairs, seed).images[:, 0]:
            rows, columns = np.nonzero(image > 0)
            seen.add((bool(columns.mean() > SIDE / 2), bool(rows.mean() > SIDE / 2)))
    assert seen == found
