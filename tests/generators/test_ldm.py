"""LDM: latents of unit SD, an autoencoder that learns, a mask that is heard, an adversary that plays by the rules."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from generators.latent import Autoencoder, PatchCritic
from generators.ldm import LDM, LDMConfig, _adversarial
from pigbench.contracts import Task, TrainView, to_stored
from pigbench.protocol import Training
from pigbench.training import Loop

SIDE = 16


@pytest.fixture
def settings(tiny) -> dict:
    return tiny | {
        "space_to_depth": 1,
        "autoencoder_channels": (8, 8),
        "autoencoder_layers": 1,
        "latent_channels": 2,
        "perceptual_weight": 0.0,
        "steps": 8,
    }


@pytest.fixture
def view() -> TrainView:
    """Smooth images: a bright square on a slope."""
    random = np.random.default_rng(0)
    images = np.tile(np.linspace(-0.5, 0.2, SIDE, dtype=np.float32), (16, 1, SIDE, 1))
    masks = np.zeros(images.shape, np.uint8)
    for image, mask in zip(images, masks, strict=True):
        top, left = random.integers(1, 9, 2)
        image[0, top : top + 6, left : left + 6] = 0.8
        mask[0, top : top + 6, left : left + 6] = 1
    return TrainView(to_stored(images), masks, [str(i) for i in range(16)], "d")


def trained_autoencoder(generator: LDM, view: TrainView, steps: int) -> torch.nn.Module:
    torch.manual_seed(0)
    loop = Loop(Training(images=16 * steps, batch=16, learning_rate=1e-2, ema=False), steps, ("test",))
    return generator.train("autoencoder", view, {}, loop)


def test_the_autoencoder_learns_and_its_latents_have_unit_sd(settings, view) -> None:
    generator = LDM(LDMConfig(**settings), Task(SIDE))
    images = torch.from_numpy(view.pairs(range(16)).images)
    short, long = (trained_autoencoder(generator, view, steps) for steps in (1, 60))
    errors = [(generator.reconstruct({"autoencoder": net}, images) - images).abs().mean() for net in (short, long)]
    assert errors[1] < 0.5 * errors[0]
    assert long.encode(images).std(correction=0).item() == pytest.approx(1, abs=1e-4)
    assert long.encode(images).shape == (16, 2, SIDE // 2, SIDE // 2)


def test_the_measured_sd_is_part_of_the_weights(settings, view) -> None:
    generator = LDM(LDMConfig(**settings), Task(SIDE))
    network = trained_autoencoder(generator, view, 2)
    again = generator.build("autoencoder")
    again.load_state_dict(network.state_dict())
    assert again.deviation == network.deviation != 1


@pytest.mark.parametrize(("channels", "factor"), [((8, 8), 2), ((8, 8, 8), 4)])
def test_the_factor_follows_the_levels(channels, factor) -> None:
    network = Autoencoder(1, channels=channels, layers=1, latent_channels=3, norm_groups=4)
    images = torch.zeros(2, 1, SIDE, SIDE)
    assert network.encode(images).shape == (2, 3, SIDE // factor, SIDE // factor)
    assert network.decode(network.encode(images)).shape == images.shape


def test_training_reads_only_the_declared_settings(settings, train_once) -> None:
    losses = train_once(LDM, LDMConfig(**settings))
    assert all(np.isfinite(value) for value in losses.values())


def test_the_mask_is_heard_and_an_l1_of_zero_prediction_is_that_of_the_noise(settings, make_batch, networks) -> None:
    generator = LDM(LDMConfig(**settings), Task(SIDE))
    trained = networks(generator)
    latents, t = torch.randn(2, 2, SIDE // 2, SIDE // 2), torch.tensor([3, 3])
    masks = torch.zeros(2, 1, SIDE, SIDE)
    masks[:, :, 4:12, 4:12] = 1
    denoiser = trained["denoiser"]
    assert not torch.allclose(denoiser(latents, masks, t), denoiser(latents, 0 * masks, t))
    zero = torch.nn.Module()
    zero.forward = lambda noised, masks, t: torch.zeros_like(noised)
    loss = generator.loss("denoiser", zero, make_batch(count=32), trained).item()
    assert loss == pytest.approx(np.sqrt(2 / np.pi), abs=0.03)  # E|ε| of a standard normal


def test_samples_are_images_for_the_masks(settings, networks, make_request) -> None:
    generator = LDM(LDMConfig(**settings), Task(SIDE))
    masks = np.ones((2, 1, SIDE, SIDE), np.uint8)
    steps = []
    request = make_request([0, 1], masks=masks, on_step=lambda *step: steps.append(step))
    pairs = generator.sample(networks(generator), request)
    assert pairs.images.shape == (2, 1, SIDE, SIDE)
    assert np.array_equal(pairs.masks, masks)
    assert [t for _, t, *_ in steps] == list(range(15, 0, -2))  # leading, one step later
    assert all(image.shape == (2, 1, SIDE, SIDE) for *_, image in steps)


def test_the_adversary_moves_each_side_by_its_own_term() -> None:
    torch.manual_seed(0)
    critic = PatchCritic(1, 4)
    images, made = torch.rand(2, 1, SIDE, SIDE), torch.rand(2, 1, SIDE, SIDE, requires_grad=True)
    _adversarial(critic, made, images, 0.5).backward()
    to_image, to_critic = made.grad.clone(), [p.grad.clone() for p in critic.parameters()]
    made.grad = None
    critic.zero_grad()
    (-0.5 * critic(made).mean()).backward()
    assert torch.allclose(to_image, made.grad)
    critic.zero_grad()
    ((1 - critic(images)).relu().mean() + (1 + critic(made.detach())).relu().mean()).backward()
    assert all(torch.allclose(ours, p.grad) for ours, p in zip(to_critic, critic.parameters(), strict=True))


def test_perceptual_and_adversarial_terms_can_be_asked_for(settings, make_batch) -> None:
    plain, rich = (
        LDM(LDMConfig(**(settings | {"perceptual_weight": weight, "adversarial_weight": weight})), Task(SIDE))
        for weight in (0.0, 1.0)
    )
    torch.manual_seed(0)
    network = rich.build("autoencoder")
    assert not hasattr(plain.build("autoencoder"), "critic")
    ours, bare = (generator.loss("autoencoder", network, make_batch(), {}) for generator in (rich, plain))
    assert ours > bare
    ours.backward()
    assert all(p.grad is not None for p in network.critic.parameters())


def test_a_side_that_cannot_be_halved_is_refused(settings) -> None:
    with pytest.raises(ValueError, match="15 pixels cannot be halved 1 times"):
        LDM(LDMConfig(**settings), Task(15)).build("autoencoder")


def test_sampling_at_every_step_is_refused(settings) -> None:
    with pytest.raises(ValueError, match="take fewer than T"):
        LDMConfig(**(settings | {"steps": settings["timesteps"]}))
