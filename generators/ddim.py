"""DDIM: Song, Meng, Ermon, "Denoising diffusion implicit models", ICLR 2021. DDPM's denoiser in fewer steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, PositiveInt, model_validator

from generators.diffusion import SCHEDULE, DiffusionGenerator, ScheduleConfig
from generators.samplers import Sampler, check_steps, sample_images
from pigbench.contracts import Component, Pairs, SampleRequest

if TYPE_CHECKING:
    import torch


class DDIMConfig(ScheduleConfig):
    """The sampler's steps; the schedule must be the one that DDPM trained with."""

    sampler: ClassVar[Sampler] = "ddim"
    steps: PositiveInt = Field(256, description="sampling steps, a divisor of T")

    @model_validator(mode="after")
    def _steps_divide(self) -> DDIMConfig:
        check_steps(self.steps, self.timesteps)
        return self


class DDIM(DiffusionGenerator):
    """Unconditional images by deterministic sampling (η = 0) from the denoiser that DDPM trained."""

    kind = "images"
    channels = (1, 3)
    most_classes = None
    Config = DDIMConfig
    components = (Component("denoiser", settings=SCHEDULE, owner="ddpm"),)

    def sample(self, trained: Mapping[str, torch.nn.Module], request: SampleRequest) -> Pairs:
        """Images alone, from `steps` steps."""
        images = sample_images(
            trained["denoiser"],
            self.scheduler,
            request.noise(),
            steps=self.config.steps,
            on_step=request.on_step,
        )
        return Pairs.clipped(images)
