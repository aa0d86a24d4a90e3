"""DDIM, DPM-Solver++ and UniPC: against an exact solution, in lockstep, and as a user asks for them."""

from __future__ import annotations

import math
from functools import partial
from itertools import pairwise
from typing import get_args

import numpy as np
import pytest
import torch

from generators.controlnet import ControlNet, ControlNetConfig
from generators.ddim import DDIM, DDIMConfig
from generators.diffusion import DiffusionConfig
from generators.joint import Joint, JointConfig
from generators.ldm import LDM, LDMConfig
from generators.pig import PIG, PIGConfig, sample_pairs
from generators.samplers import NAMES, Sampler, check_steps, ddim_schedule, sample_images, scheduler_of
from generators.segguided import SegGuidedConfig, SegGuidedDif
from pigbench.contracts import Task
from pigbench.errors import PigbenchError
from pigbench.planning.configured import choose_generator
from pigbench.protocol import load_preset

SIDE = 16
SOLVERS = ["dpm++", "unipc"]
GENERATORS = {
    "pig": (PIG, PIGConfig),
    "joint": (Joint, JointConfig),
    "segguided": (SegGuidedDif, SegGuidedConfig),
    "controlnet": (ControlNet, ControlNetConfig),
    "ldm": (LDM, LDMConfig),
}
OF_LDM = {"space_to_depth": 1, "autoencoder_channels": (8, 8), "autoencoder_layers": 1, "latent_channels": 2}


class Mixture:
    """Images (N, 1, 2, 4) from three Gaussians, with their exact ε."""

    CENTRES = torch.tensor([[1.0, 1, -1, -1, 0.8, 0.2, -0.5, 0.1], [-1, 1, 1, -1, -0.7, 0.4, 0.1, 0.6], [-1] * 8])

    def __init__(self) -> None:
        self.centres = self.CENTRES.double().view(3, 1, 2, 4)
        self.variance = torch.tensor([0.04, 0.02, 0.09], dtype=torch.float64)

    def noise(self, noised: torch.Tensor, alpha_bar: float) -> torch.Tensor:
        """E[ε | x_t]."""
        away = noised[:, None] - math.sqrt(alpha_bar) * self.centres
        spread = alpha_bar * self.variance + 1 - alpha_bar
        squares = away.square().flatten(2)
        weights = (-0.5 * (squares.sum(-1) / spread + squares.shape[-1] * spread.log())).softmax(1) / spread
        return math.sqrt(1 - alpha_bar) * (weights[..., None, None, None] * away).sum(1)

    def solution(self, x_T: torch.Tensor, alpha_bar: float) -> torch.Tensor:
        """The exact ODE's x_0: Heun's rule in 600 steps of log σ, from ᾱ_T to σ = 1e-3, then straight to 0."""

        def slope(z: torch.Tensor, log_sigma: float) -> torch.Tensor:
            sigma = math.exp(log_sigma)
            known = 1 / (1 + sigma**2)
            return sigma * self.noise(z * math.sqrt(known), known)

        start = math.log(math.sqrt((1 - alpha_bar) / alpha_bar))
        z, grid = x_T / math.sqrt(alpha_bar), np.linspace(start, math.log(1e-3), 601).tolist()
        for now, then in pairwise(grid):
            guess = z + (then - now) * slope(z, now)
            z = z + (then - now) / 2 * (slope(z, now) + slope(guess, then))
        return z - slope(z, grid[-1])


@pytest.fixture(scope="module")
def schedule():
    return ddim_schedule(DiffusionConfig())


@pytest.fixture(scope="module")
def toy(schedule):
    """Noise (128, 1, 2, 4), what the exact ODE makes of it, and the denoiser."""
    mixture, alphas = Mixture(), schedule.alphas_cumprod.double()
    x_T = torch.randn(128, 1, 2, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return x_T, mixture.solution(x_T, float(alphas[-1])), lambda x, t: mixture.noise(x, float(alphas[t[0]]))


def errors(found, expected):
    return (found - expected).square().flatten(1).mean(1).sqrt().median().item()


def test_every_sampler_comes_to_the_exact_solution_and_unipc_at_16_beats_ddim_at_64(schedule, toy) -> None:
    x_T, exact, denoiser = toy

    def off(sampler: Sampler, steps: int) -> float:
        return errors(sample_images(denoiser, scheduler_of(sampler, schedule), x_T, steps=steps), exact)

    found = {(sampler, steps): off(sampler, steps) for sampler in NAMES for steps in (8, 16, 64)}
    for sampler in NAMES:
        assert found[sampler, 8] > found[sampler, 16] > found[sampler, 64]
        assert found[sampler, 64] < 0.03
    assert found["unipc", 16] < found["dpm++", 16] < found["ddim", 16]
    assert found["unipc", 16] <= found["ddim", 64]


def as_pair(guider, conditional):
    """Denoisers of channels (target, condition) from functions of a target, a condition and ᾱ."""

    def wrapped(model, alphas):
        return lambda channels, t: model(channels[:, :1], channels[:, 1:], float(alphas[t[0]]))

    alphas = ddim_schedule(DiffusionConfig()).alphas_cumprod.double()
    return wrapped(guider, alphas), wrapped(conditional, alphas)


@pytest.mark.parametrize("sampler", NAMES)
def test_a_pair_walks_in_lockstep_each_on_its_own_trajectory(schedule, toy, sampler) -> None:
    x_T, exact, _ = toy
    mixture, flipped = Mixture(), x_T.flip(0)

    def alone(target, condition, alpha_bar):  # no notice of each other: each must come out as by itself
        return mixture.noise(target, alpha_bar)

    scheduler = scheduler_of(sampler, schedule)
    masks, images = sample_pairs(*as_pair(alone, alone), scheduler, x_T, flipped, steps=16)
    single = sample_images(toy[2], scheduler, x_T, steps=16)
    torch.testing.assert_close(masks, single)
    torch.testing.assert_close(images, single.flip(0))
    assert errors(masks, exact) < 0.07


@pytest.mark.parametrize("sampler", SOLVERS)
def test_a_coupled_pair_comes_to_the_solution_sooner(schedule, toy, sampler) -> None:
    """The image is told its mask, whose estimate is the guider's: against many steps, where all samplers agree."""
    x_T, _, _ = toy
    mixture = Mixture()

    def guider(mask, image, alpha_bar):
        return mixture.noise(mask, alpha_bar) + 0.1 * math.sqrt(1 - alpha_bar) * torch.tanh(image)

    def conditional(image, mask, alpha_bar):
        return (
            math.sqrt(1 - alpha_bar) * (image - math.sqrt(alpha_bar) * 0.5 * torch.tanh(mask)) / (1 - 0.9 * alpha_bar)
        )

    def run(sampler: Sampler, steps: int):
        return sample_pairs(
            *as_pair(guider, conditional), scheduler_of(sampler, schedule), x_T, x_T.flip(0), steps=steps
        )

    exact, ours, ddim = run("ddim", 1024), run(sampler, 32), run("ddim", 32)
    for found, usual, expected in zip(ours, ddim, exact, strict=True):
        assert errors(found, expected) < 0.5 * errors(usual, expected)
    lesions, truth = ours[0] > 0, exact[0] > 0
    assert (lesions != truth).double().mean() < 0.01


def test_ddim_gives_what_one_shared_scheduler_gave_to_the_last_digit(schedule) -> None:
    """As `sample_pairs` was before it gave each side a scheduler of its own."""

    def model(channels, t):
        return torch.tanh(0.7 * channels[:, :1] - 0.2 * channels[:, 1:] + 0.001 * t.view(-1, 1, 1, 1))

    x_T, y_T = torch.randn(2, 3, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    shared = ddim_schedule(DiffusionConfig())
    shared.set_timesteps(32)
    x, y = x_T, y_T
    for t in shared.timesteps:
        times = t.expand(3)
        x, mask = shared.step(model(torch.cat([x, y], 1), times), t, x, return_dict=False)
        y, image = shared.step(model(torch.cat([y, mask], 1), times), t, y, return_dict=False)
    masks, images = sample_pairs(model, model, schedule, x_T, y_T, steps=32)
    assert torch.equal(masks, mask)
    assert torch.equal(images, image)


def _told(seen: list[tuple], *step) -> None:
    seen.append(step)


@pytest.mark.parametrize("sampler", SOLVERS)
@pytest.mark.parametrize("total", [16, 1024])
def test_every_number_of_steps_that_is_allowed_works(sampler, total) -> None:
    scheduler = scheduler_of(sampler, ddim_schedule(DiffusionConfig(timesteps=total)))
    for steps in {2, 3, 15, 16, total - 1, total}:
        seen: list[tuple] = []
        told = partial(_told, seen)
        x = sample_images(lambda x, t: torch.tanh(3 * x), scheduler, torch.ones(1, 1, 2, 2), steps=steps, on_step=told)
        assert [step for step, *_ in seen] == list(range(steps))
        times = [t for _, t, *_ in seen]
        assert times == sorted(times, reverse=True)
        assert times[0] >= total - 2
        assert times[-1] == 0
        torch.testing.assert_close(x, seen[-1][3])
        assert x.isfinite().all()
    for steps in (0, 1, total + 1):
        with pytest.raises(ValueError, match=f"takes 2 to T = {total} steps, not {steps}"):
            sample_images(lambda x, t: x, scheduler, torch.ones(1, 1, 2, 2), steps=steps)


def test_only_ddim_asks_for_a_divisor() -> None:
    with pytest.raises(ValueError, match="20 steps do not divide T = 1024"):
        check_steps(20, 1024)
    for sampler in SOLVERS:
        assert PIGConfig(sampler=sampler, steps=20).steps == 20
        with pytest.raises(ValueError, match="takes 2 to T = 1024 steps, not 1"):
            PIGConfig(sampler=sampler, steps=1)
    with pytest.raises(ValueError, match="'ddim', 'dpm\\+\\+' or 'unipc'"):
        PIGConfig(sampler="euler")


@pytest.mark.parametrize("sampler", SOLVERS)
def test_nothing_is_clipped_and_the_noise_of_16_bits_is_stepped_in_32(schedule, sampler) -> None:
    scheduler = scheduler_of(sampler, schedule)
    x_T = torch.randn(4, 1, 4, 4, generator=torch.Generator().manual_seed(2))

    def rounded(x, t):
        return (-x).to(torch.bfloat16)

    plain = sample_images(rounded, scheduler, x_T, steps=8)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = sample_images(rounded, scheduler, x_T, steps=8)
    assert plain.dtype == mixed.dtype == torch.float32
    assert torch.equal(plain, mixed)
    assert plain.abs().max() > 1


def generator_of(name: str, tiny: dict, sampler: Sampler, steps: int = 6):
    plugin, config = GENERATORS[name]
    return plugin(config(**tiny | (OF_LDM if name == "ldm" else {}), sampler=sampler, steps=steps), Task(SIDE))


def trained_for(generator, networks) -> dict[str, torch.nn.Module]:
    if not isinstance(generator, ControlNet):
        return networks(generator)
    base = generator.build("control")
    return {"denoiser": networks_of_base(generator), "control": base.eval().requires_grad_(False)}


def networks_of_base(generator) -> torch.nn.Module:
    from generators.diffusion import build_unet

    torch.manual_seed(0)
    return build_unet(generator.config, SIDE, inputs=1).eval().requires_grad_(False)


@pytest.mark.parametrize("sampler", SOLVERS)
@pytest.mark.parametrize("name", GENERATORS)
def test_every_generator_samples_so_whatever_the_batch_mates(name, sampler, tiny, networks, make_request) -> None:
    generator = generator_of(name, tiny, sampler)
    trained = trained_for(generator, networks)
    masks = np.zeros((4, 1, SIDE, SIDE), np.uint8)
    masks[:, :, 4:9, 5:12] = 1
    given = {} if generator.kind == "pairs" else {"masks": masks}
    seen = []
    first = generator.sample(trained, make_request([0, 1, 2, 3], on_step=lambda *s: seen.append(s), **given))
    again = generator.sample(trained, make_request([0, 7, 8, 9], **given))
    assert np.array_equal(first.images[0], again.images[0])
    assert np.array_equal(first.masks[0], again.masks[0])
    assert not np.array_equal(first.images[1], again.images[1])
    assert [step for step, *_ in seen] == list(range(6))
    np.testing.assert_allclose(seen[-1][3].clamp(-1, 1), first.images, atol=1e-6)
    if name == "pig":
        assert np.array_equal(seen[-1][2] > 0, first.masks)
    ddim = generator_of(name, tiny, "ddim", 8).sample(trained, make_request([0, 1, 2, 3], **given))
    assert not np.allclose(first.images, ddim.images)


@pytest.mark.parametrize("sampler", SOLVERS)
def test_ldm_keeps_its_own_noise_schedule(sampler) -> None:
    ldm = LDM(LDMConfig(timesteps=1000, sampler=sampler, steps=25), Task(32))
    betas = torch.linspace(0.0015**0.5, 0.0205**0.5, 1000, dtype=torch.float64).square()
    torch.testing.assert_close(ldm.scheduler.betas.double(), betas, rtol=1e-5, atol=1e-8)
    assert LDMConfig(timesteps=1000, sampler=sampler, steps=1000).steps == 1000, "only DDIM starts one step late"
    assert LDM(LDMConfig(timesteps=1000, steps=250), Task(32)).scheduler.config.steps_offset == 1


def test_a_row_says_how_it_was_sampled() -> None:
    shared = load_preset("quick").diffusion
    usual = choose_generator("pig", shared, {})
    changed = choose_generator("pig", shared, {"pig": {"sampler": "ddim", "steps": 32}})
    assert (usual.label, changed.label) == ("pig", "pig(sampler=ddim,steps=32)")
    assert usual.info(Task(32))["sampler"] == "UniPC, 16 steps"
    assert changed.info(Task(32))["sampler"] == "DDIM, 32 steps"
    assert changed.signature != usual.signature
    of_all = choose_generator("joint", load_preset("quick", {"diffusion.sampler": "dpm++"}).diffusion, {})
    assert of_all.info(Task(32))["sampler"] == "DPM-Solver++, 16 steps"


def test_ddim_stays_ddim() -> None:
    shared = load_preset("quick", {"diffusion.sampler": "unipc"}).diffusion
    assert choose_generator("ddim", shared, {}).info(Task(32))["sampler"] == "DDIM, 64 steps"
    with pytest.raises(PigbenchError, match="unknown setting of 'ddim' 'sampler'"):
        choose_generator("ddim", shared, {"ddim": {"sampler": "unipc"}})
    assert DDIM(DDIMConfig(), Task(32)).scheduler.config.timestep_spacing == "leading"


def test_the_samplers_are_those_that_can_be_named() -> None:
    assert set(NAMES) == set(get_args(Sampler))
