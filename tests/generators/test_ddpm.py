"""DDPM and DDIM against diffusers' own pipelines, with the same noise."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers import DDIMPipeline, DDIMScheduler, DDPMPipeline, DDPMScheduler, UNet2DModel

from generators.ddim import DDIM, DDIMConfig
from generators.ddpm import DDPM, DDPMConfig
from pigbench.contracts import Task
from pigbench.randomness import torch_generator

STEPS = [16, 4]


@pytest.fixture
def ddpm(tiny) -> DDPM:
    return DDPM(DDPMConfig(**tiny, ddpm_steps=16), Task(16))


def pipeline_images(pipeline, network, indices, **more) -> np.ndarray:
    """What a diffusers pipeline makes of `network`: images in [0, 1], as (N, 1, H, W)."""

    class Adapter(UNet2DModel):
        def forward(self, sample, timestep, **_):
            times = timestep.expand(len(sample))
            return SimpleNamespace(sample=network(sample, times))

    unet = Adapter(
        sample_size=16,
        in_channels=1,
        out_channels=1,
        block_out_channels=(8,),
        layers_per_block=1,
        down_block_types=("DownBlock2D",),
        up_block_types=("UpBlock2D",),
        norm_num_groups=1,
    )
    pipe = pipeline(unet, more.pop("scheduler"))
    pipe.set_progress_bar_config(disable=True)
    streams = [torch_generator(0, "test sample", index) for index in indices]
    images = pipe(batch_size=len(streams), generator=streams, output_type="np", **more).images
    return images.transpose(0, 3, 1, 2)


@pytest.mark.parametrize("steps", STEPS)
def test_ddpm_makes_what_the_diffusers_pipeline_makes(tiny, networks, make_request, steps) -> None:
    generator = DDPM(DDPMConfig(**tiny, ddpm_steps=steps), Task(16))
    trained = networks(generator)
    images = generator.sample(trained, make_request([0, 1, 2])).images
    expected = pipeline_images(
        DDPMPipeline,
        trained["denoiser"],
        [0, 1, 2],
        scheduler=DDPMScheduler(num_train_timesteps=16),
        num_inference_steps=steps,
    )
    np.testing.assert_allclose((images + 1) / 2, expected, atol=1e-5)


@pytest.mark.parametrize("steps", STEPS)
def test_ddim_makes_what_the_diffusers_pipeline_makes(ddpm, networks, make_request, steps) -> None:
    trained = networks(ddpm)
    generator = DDIM(DDIMConfig(timesteps=16, steps=steps), Task(16))
    images = generator.sample(trained, make_request([0, 1, 2])).images
    pipeline = {
        "scheduler": DDIMScheduler(num_train_timesteps=16, clip_sample=False),
        "num_inference_steps": steps,
        "eta": 0.0,
    }
    expected = pipeline_images(DDIMPipeline, trained["denoiser"], [0, 1, 2], **pipeline)
    np.testing.assert_allclose((images + 1) / 2, expected, atol=1e-5)


def samplers(ddpm):
    return [ddpm, DDIM(DDIMConfig(timesteps=16, steps=8), Task(16))]


def test_same_seed_same_sample(ddpm, networks, make_request) -> None:
    trained = networks(ddpm)
    for generator in samplers(ddpm):
        first, again = (generator.sample(trained, make_request([0, 1], seed=3)).images for _ in range(2))
        other = generator.sample(trained, make_request([0, 1], seed=4)).images
        assert np.array_equal(first, again)
        assert not np.allclose(first, other)


def test_a_sample_does_not_depend_on_its_batch_mates(ddpm, networks, make_request) -> None:
    trained = networks(ddpm)
    for generator in samplers(ddpm):
        first = generator.sample(trained, make_request([0, 1, 2, 3])).images
        other = generator.sample(trained, make_request([0, 7, 8, 2])).images
        assert np.array_equal(first[0], other[0])
        np.testing.assert_allclose(first[2], other[3], atol=1e-4)


def test_images_are_clipped_and_counted(ddpm, networks, make_request) -> None:
    pairs = DDIM(DDIMConfig(timesteps=16, steps=8), Task(16)).sample(networks(ddpm), make_request([0, 1]))
    assert pairs.masks is None
    assert pairs.images.shape == (2, 1, 16, 16)
    assert abs(pairs.images).max() <= 1
    assert 0 < pairs.clipped_fraction <= 1


def test_the_loss_is_the_error_in_the_noise(ddpm, make_batch) -> None:
    zero = torch.nn.Module()
    zero.forward = lambda noised, t: torch.zeros_like(noised)
    assert ddpm.loss("denoiser", zero, make_batch(), {}).item() == pytest.approx(1, abs=0.1)  # E‖ε‖² = 1


def test_training_reads_only_the_declared_settings(tiny, train_once) -> None:
    assert train_once(DDPM, DDPMConfig(**tiny, ddpm_steps=16))["denoiser"] > 0


def test_the_note_tells_respacing(tiny) -> None:
    assert DDPM(DDPMConfig(**tiny, ddpm_steps=4), Task(16)).note == "4 of 16 steps, respaced"
    assert DDPM(DDPMConfig(**tiny, ddpm_steps=16), Task(16)).note == ""


def test_the_sampler_is_told_with_its_steps() -> None:
    def told(steps: int) -> str:
        return DDPM(DDPMConfig(ddpm_steps=steps), Task(32)).sampler

    assert (told(1024), told(128)) == ("DDPM, 1,024 steps", "DDPM, 128 of 1,024 steps")
    assert DDIM(DDIMConfig(steps=32), Task(32)).sampler == "DDIM, 32 steps"


def test_ddim_trains_nothing_of_its_own() -> None:
    assert [(component.name, component.owner) for component in DDIM.components] == [("denoiser", "ddpm")]


@pytest.mark.parametrize(("config", "steps"), [(DDPMConfig, "ddpm_steps"), (DDIMConfig, "steps")])
def test_steps_that_do_not_divide_are_refused(config, steps) -> None:
    with pytest.raises(ValueError, match="5 steps do not divide T = 1024: take 4"):
        config(**{steps: 5})


def test_every_step_is_reported(ddpm, networks, make_request) -> None:
    trained = networks(ddpm)
    for generator, times in zip(samplers(ddpm), (range(15, -1, -1), range(14, -1, -2)), strict=True):
        seen = []
        generator.sample(trained, make_request([0], on_step=lambda *step, seen=seen: seen.append(step)))
        assert [step for step, *_ in seen] == list(range(len(times)))
        assert [t for _, t, *_ in seen] == list(times)
        assert all(mask is None and image.shape == (1, 1, 16, 16) for *_, mask, image in seen)
