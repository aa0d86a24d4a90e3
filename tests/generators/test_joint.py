"""Joint: both channels from one denoiser, as large as PIG's two together."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from generators.joint import Joint, JointConfig
from generators.pig import PIG, PIGConfig
from pigbench.contracts import Task
from pigbench.protocol import load_preset, plugin_config


def weights(generator) -> int:
    return sum(p.numel() for c in generator.components for p in generator.build(c.name).parameters())


@pytest.mark.parametrize("preset", ["quick", "small", "paper"])
def test_it_is_as_large_as_pig(preset) -> None:
    loaded = load_preset(preset)
    with torch.device("meta"):
        ours, theirs = (
            weights(plugin(plugin_config(plugin.Config, name, loaded.diffusion, {}), Task(loaded.resolution)))
            for name, plugin in (("joint", Joint), ("pig", PIG))
        )
    assert ours == pytest.approx(theirs, rel=0.12)


def test_the_loss_is_the_error_in_the_noise_of_both_channels(tiny, make_batch) -> None:
    zero = torch.nn.Module()
    zero.forward = lambda noised, t: torch.zeros_like(noised)
    generator = Joint(JointConfig(**tiny, steps=8), Task(16))
    assert generator.loss("denoiser", zero, make_batch(count=16), {}).item() == pytest.approx(1, abs=0.05)


def test_a_perfect_denoiser_gives_the_pair_back(tiny, make_request) -> None:
    """With ε computed from a known pair, DDIM must end at that pair, mask and image each in its place."""
    generator = Joint(JointConfig(**tiny, steps=8), Task(16))
    mask = torch.full((1, 1, 16, 16), -1.0)
    mask[..., 4:9, 4:9] = 1
    image = torch.linspace(-0.9, 0.9, 256).reshape(1, 1, 16, 16)
    pair = torch.cat([mask, image], dim=1)

    def denoiser(z, t):
        alpha_bar = generator.schedule.alphas_cumprod[t].view(-1, 1, 1, 1)
        return (z - alpha_bar.sqrt() * pair) / (1 - alpha_bar).sqrt()

    steps = []
    request = make_request([0, 1], on_step=lambda *step: steps.append(step))
    pairs = generator.sample({"denoiser": denoiser}, request)
    np.testing.assert_allclose(pairs.images, image.expand(2, -1, -1, -1), atol=1e-4)
    assert np.array_equal(pairs.masks, (mask > 0).numpy().astype(np.uint8).repeat(2, axis=0))
    assert torch.allclose(steps[-1][2], mask, atol=1e-4)
    assert torch.allclose(steps[-1][3], image, atol=1e-4)


def test_training_reads_only_the_declared_settings(tiny, train_once) -> None:
    assert train_once(Joint, JointConfig(**tiny, steps=8))["denoiser"] > 0


def test_pig_stands_beside_it_with_the_same_settings() -> None:
    assert set(JointConfig.model_fields) <= set(PIGConfig.model_fields)
