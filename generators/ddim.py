"""DDIM: Song, Meng, Ermon, "Denoising diffusion implicit models", ICLR 2021. DDPM's denoiser in fewer steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from generators.diffusion import SCHEDULE, DDIMGenerator, SampledByDDIM, check_steps
from pigbench.contracts import Component, Pairs, SampleRequest

if TYPE_CHECKING:
    import torch
    from diffusers import DDIMScheduler


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


def sample_images(
    denoiser: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    scheduler: DDIMScheduler,
    x_T: torch.Tensor,
    *,
    steps: int,
    masks: torch.Tensor | None = None,
    on_step: Callable[..., None] | None = None,
) -> torch.Tensor:
    """Eq. (12) without noise, from t = T down: x_0 of x_T's shape, raw. As in the authors' code, x̂0 is never clipped.

    on_step(step, t, masks, x̂0) is called at every step; `masks` are what a conditioned denoiser makes images for, and
    are only passed on. Raises ValueError if `steps` does not divide T.
    """
    import torch

    check_steps(steps, scheduler.config.num_train_timesteps)
    scheduler.set_timesteps(steps)
    x = x_T
    with torch.no_grad():
        for step, t in enumerate(scheduler.timesteps.tolist()):
            noise = denoiser(x, torch.full((len(x),), t, device=x.device))
            x, clean = scheduler.step(noise, t, x, return_dict=False)
            if on_step is not None:
                on_step(step, t, masks, clean)
    return x
