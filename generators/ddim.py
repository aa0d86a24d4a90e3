"""DDIM: Song, Meng, Ermon, "Denoising diffusion implicit models", ICLR 2021. DDPM's denoiser in fewer steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from generators.diffusion import SCHEDULE, DDIMGenerator, SampledByDDIM, sample_images
from pigbench.contracts import Component, Pairs, SampleRequest

if TYPE_CHECKING:
    import torch


class DDIMConfig(SampledByDDIM):
    """The sampler's settings; the schedule must be the one that DDPM trained with."""


class DDIM(DDIMGenerator):
    """Unconditional images by deterministic sampling (η = 0) from the denoiser that DDPM trained."""

    kind = "images"
    Config = DDIMConfig
    components = (Component("denoiser", settings=SCHEDULE, owner="ddpm"),)

    def sample(self, trained: Mapping[str, torch.nn.Module], request: SampleRequest) -> Pairs:
        """Images alone, from `ddim_steps` steps."""
        images = sample_images(
            trained["denoiser"],
            self.schedule,
            request.noise(),
            steps=self.config.ddim_steps,
            on_step=request.on_step,
        )
        return Pairs.clipped(images)
