from __future__ import annotations

import pytest
import torch
from torch.nn.functional import pixel_unshuffle

from generators.diffusion import DiffusionConfig, build_unet, predict_clean
from generators.samplers import check_steps, ddim_schedule, ddpm_schedule


def test_defaults_are_the_release_network() -> None:
    with torch.device("meta"):
        network = build_unet(DiffusionConfig(), 512, inputs=2)
    assert sum(weight.numel() for weight in network.parameters()) == 7_125_409


def test_time_is_embedded_as_in_the_release(tiny) -> None:
    network = build_unet(DiffusionConfig(**tiny), 16, inputs=1)
    t = torch.tensor([0.0, 3.0, 15.0])[:, None]
    frequencies = 10_000 ** (-torch.arange(4) / 3)  # from 1 down to 1/10000, both included; sines first
    expected = torch.cat([torch.sin(t * frequencies), torch.cos(t * frequencies)], dim=1)
    torch.testing.assert_close(network.unet.time_proj(t[:, 0]), expected, rtol=0, atol=1e-5)


def test_halving_pads_at_the_far_edges_alone(tiny) -> None:
    network = build_unet(DiffusionConfig(**tiny), 16, inputs=1)
    (halving,) = network.unet.down_blocks[0].downsamplers
    torch.nn.init.ones_(halving.conv.weight)
    torch.nn.init.zeros_(halving.conv.bias)
    halved = halving(torch.ones(1, 8, 4, 4))
    assert (halved[0, 0] / 8).tolist() == [[9, 6], [6, 4]]


@pytest.mark.parametrize("inputs", [1, 2])
@pytest.mark.parametrize("fold", [1, 2, 4])
def test_one_channel_of_the_input_size_comes_out(tiny, inputs, fold) -> None:
    network = build_unet(DiffusionConfig(**tiny | {"space_to_depth": fold}), 16, inputs=inputs)
    noise = network(torch.randn(3, inputs, 16, 16), torch.tensor([0, 7, 15]))
    assert noise.shape == (3, 1, 16, 16)
    assert noise.dtype == torch.float32


def test_folding_keeps_every_pixel_where_it_was(tiny) -> None:
    network = build_unet(DiffusionConfig(**tiny), 16, inputs=1)
    network.unet.forward = lambda folded, t, return_dict: (folded,)
    images = torch.randn(2, 1, 16, 16)
    assert pixel_unshuffle(images, 2).shape == (2, 4, 8, 8)
    assert torch.equal(network(images, torch.zeros(2)), images)


def test_time_matters(tiny) -> None:
    network = build_unet(DiffusionConfig(**tiny), 16, inputs=1)
    images = torch.randn(1, 1, 16, 16)
    assert not torch.allclose(network(images, torch.tensor([0])), network(images, torch.tensor([15])))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"attention": (True,)}, "channels has 2 levels, attention has 1"),
        ({"norm_groups": 3}, "norm_groups = 3 does not divide"),
        ({"timesteps": 0}, "timesteps"),
        ({"chanels": (8,)}, "chanels"),
    ],
)
def test_wrong_settings_are_refused(tiny, wrong, message) -> None:
    with pytest.raises(ValueError, match=message):
        DiffusionConfig(**tiny | wrong)


def test_a_resolution_that_cannot_be_halved_is_refused(tiny) -> None:
    with pytest.raises(ValueError, match="18 pixels cannot be folded"):
        build_unet(DiffusionConfig(**tiny), 18, inputs=1)


def test_steps_must_divide_the_schedule() -> None:
    for steps in (1, 32, 256, 1024):
        check_steps(steps, 1024)
    for steps in (0, 250, 2048):
        with pytest.raises(ValueError, match=f"{steps} steps do not divide T = 1024"):
            check_steps(steps, 1024)
    with pytest.raises(ValueError, match="take 256"):
        check_steps(250, 1024)


@pytest.mark.parametrize("schedule", [ddim_schedule, ddpm_schedule])
def test_the_noise_schedule_is_the_papers(schedule) -> None:
    beta = torch.linspace(1e-4, 0.02, 1024, dtype=torch.float64)
    expected = torch.cumprod(1 - beta, dim=0)
    torch.testing.assert_close(schedule(DiffusionConfig()).alphas_cumprod.double(), expected, rtol=1e-4, atol=0)


def test_clean_estimate_inverts_the_forward_process() -> None:
    schedule = ddim_schedule(DiffusionConfig())
    clean, noise, t = torch.randn(4, 1, 8, 8), torch.randn(4, 1, 8, 8), torch.tensor([0, 100, 500, 800])
    noised = schedule.add_noise(clean, noise, t)
    torch.testing.assert_close(predict_clean(schedule, noised, noise, t), clean, rtol=0, atol=1e-4)


def test_a_velocity_network_gives_noise_all_the_same(tiny) -> None:
    config = DiffusionConfig(**tiny, parametrisation="velocity")
    network, schedule = build_unet(config, 16, inputs=2), ddim_schedule(config)
    clean, noise, t = torch.randn(3, 1, 16, 16), torch.randn(3, 1, 16, 16), torch.tensor([0, 7, 15])
    noised = torch.cat([schedule.add_noise(clean, noise, t), torch.randn(3, 1, 16, 16)], dim=1)
    velocity = schedule.get_velocity(clean, noise, t)
    network.unet.forward = lambda folded, t, return_dict: (pixel_unshuffle(velocity, 2),)
    torch.testing.assert_close(network(noised, t), noise, rtol=0, atol=1e-5)
