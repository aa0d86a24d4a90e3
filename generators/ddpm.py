"""DDPM: Ho, Jain, Abbeel, "Denoising diffusion probabilistic models", NeurIPS 2020. Images without masks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import Field, PositiveInt, model_validator

from generators.diffusion import DENOISER, DiffusionConfig, build_unet
from generators.samplers import check_steps, ddpm_schedule, sample_images
from pigbench.contracts import Batch, Component, Generator, Pairs, SampleRequest

if TYPE_CHECKING:
    import torch
    from diffusers import DDPMScheduler


class DDPMConfig(DiffusionConfig):
    """The denoiser's settings, and how many of the T steps sampling takes."""

    ddpm_steps: PositiveInt = Field(1024, description="sampling steps; fewer than T are respaced evenly")

    @model_validator(mode="after")
    def _steps_divide(self) -> DDPMConfig:
        check_steps(self.ddpm_steps, self.timesteps)
        return self


class DDPM(Generator):
    """Unconditional images by ancestral sampling."""

    kind = "images"
    channels = (1, 3)
    most_classes = None
    Config = DDPMConfig
    components = (Component("denoiser", settings=DENOISER),)

    @property
    def note(self) -> str:
        """What a reader of its numbers must know: whether the published number of steps was cut."""
        steps, total = self.config.ddpm_steps, self.config.timesteps
        return "" if steps == total else f"{steps} of {total} steps, respaced"

    @property
    def sampler(self) -> str:
        """DDPM, and how many of its steps."""
        steps, total = self.config.ddpm_steps, self.config.timesteps
        return f"DDPM, {total:,} steps" if steps == total else f"DDPM, {steps:,} of {total:,} steps"

    @cached_property
    def schedule(self) -> DDPMScheduler:
        """β_1..β_T."""
        return ddpm_schedule(self.config)

    def build(self, component: str) -> torch.nn.Module:
        """ε_θ(x_t, t)."""
        return build_unet(self.config, self.resolution, inputs=self.task.channels, outputs=self.task.channels)

    def loss(
        self, component: str, network: torch.nn.Module, batch: Batch, trained: Mapping[str, torch.nn.Module]
    ) -> torch.Tensor:
        """L_simple, Eq. (14): the mean of ‖ε - ε_θ(√ᾱ_t x_0 + √(1-ᾱ_t) ε, t)‖²."""
        from torch.nn.functional import mse_loss

        noise, t = batch.noise(), batch.timesteps(self.config.timesteps)
        noised = self.schedule.add_noise(batch.images, noise, t)
        return mse_loss(network(noised, t), noise)

    def sample(self, trained: Mapping[str, torch.nn.Module], request: SampleRequest) -> Pairs:
        """Images alone, from `ddpm_steps` ancestral steps."""

        def denoiser(x: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
            return trained["denoiser"](x, times).to(x.dtype)

        images = sample_images(
            denoiser,
            self.schedule,
            request.noise(),
            streams=request.streams,
            steps=self.config.ddpm_steps,
            on_step=request.on_step,
        )
        return Pairs.clipped(images)
