"""What the diffusion generators share: their settings, the noise schedule β_1..β_T, and the U-Net made from them.

T is `timesteps`; ᾱ_t = Π(1 - β_i). Code counts t from 0 to T - 1 where the papers count from 1 to T.

Every denoiser gives ε and is trained on the error of ε. With `parametrisation="velocity"` its last layer gives
v = √ᾱ ε - √(1-ᾱ) x_0 (Salimans, Ho, ICLR 2022), from which ε follows. An error of ε at t near T grows by 1/√ᾱ, up to
180 times, on its way into x̂0; an error of v does not grow. So networks of minutes can be sampled without clipping x̂0.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from pigbench.contracts import Config, Generator, TrainedConfig

if TYPE_CHECKING:
    import torch
    from diffusers import DDIMScheduler, DDPMScheduler

    from generators.networks import UNet


class ScheduleConfig(Config):
    """The noise schedule."""

    timesteps: PositiveInt = Field(1024, description="T")
    beta_start: PositiveFloat = Field(1e-4, description="β_1; β grows linearly")
    beta_end: PositiveFloat = Field(0.02, description="β_T")


class DiffusionConfig(ScheduleConfig, TrainedConfig):
    """The schedule and the network. The defaults are PIG's at 512²: 7.1 million parameters, attention at 16²."""

    channels: tuple[PositiveInt, ...] = Field((32, 32, 64, 64, 128, 128), description="one width a level")
    layers: PositiveInt = Field(2, description="residual blocks a level")
    attention: tuple[bool, ...] = Field((False,) * 5 + (True,), description="self-attention, level by level")
    norm_groups: PositiveInt = Field(32, description="groups of every group norm")
    space_to_depth: PositiveInt = Field(1, description="fold blocks of this side into channels before the network")
    parametrisation: Literal["noise", "velocity"] = Field("noise", description="what the network's last layer means")

    @model_validator(mode="after")
    def _levels_agree(self) -> DiffusionConfig:
        if len(self.attention) != len(self.channels):
            raise ValueError(f"channels has {len(self.channels)} levels, attention has {len(self.attention)}")
        if any(width % self.norm_groups for width in self.channels):
            raise ValueError(f"norm_groups = {self.norm_groups} does not divide every one of channels {self.channels}")
        return self


class SampledByDDIM(ScheduleConfig):
    """The steps of DDIM's sampler, for the Config of every generator that samples so."""

    ddim_steps: PositiveInt = Field(256, description="sampling steps, a divisor of T")

    @model_validator(mode="after")
    def _steps_divide(self) -> Self:
        check_steps(self.ddim_steps, self.timesteps)
        return self


SCHEDULE = ("timesteps", "beta_start", "beta_end")
"""The settings that a component and whoever samples from it must share."""

DENOISER = (*SCHEDULE, "channels", "layers", "attention", "norm_groups", "space_to_depth", "parametrisation")
"""The settings that training any denoiser reads."""


def check_steps(steps: int, timesteps: int) -> None:
    """Refuse a number of sampling steps that does not divide T, for then the last stretch would be skipped."""
    if not 1 <= steps <= timesteps or timesteps % steps:
        divisors = [n for n in range(1, timesteps + 1) if timesteps % n == 0]
        nearest = min(divisors, key=lambda n: abs(n - steps))
        raise ValueError(f"{steps} steps do not divide T = {timesteps}: take {nearest}, or another divisor")


class DDIMGenerator(Generator, ABC):
    """A generator whose Config is a `SampledByDDIM`."""

    @cached_property
    def schedule(self) -> DDIMScheduler:
        """β_1..β_T, for training and sampling alike."""
        return ddim_schedule(self.config)

    @property
    def sampler(self) -> str:
        """DDIM and its steps."""
        return f"DDIM, {self.config.ddim_steps:,} steps"


def ddim_schedule(config: Any, **changed: Any) -> DDIMScheduler:
    """DDIM over evenly spaced steps 0, T/S, 2T/S, …; x̂0 is never clipped and the last step returns it (ᾱ = 1).

    changed: arguments of diffusers' scheduler that are others.
    """
    from diffusers import DDIMScheduler

    usual = {"beta_schedule": "linear", "steps_offset": 0, "set_alpha_to_one": True}
    return DDIMScheduler(
        num_train_timesteps=config.timesteps,
        beta_start=config.beta_start,
        beta_end=config.beta_end,
        timestep_spacing="leading",
        clip_sample=False,
        **(usual | changed),
    )


def ddpm_schedule(config: Any) -> DDPMScheduler:
    """Ho et al.: x̂0 clipped to [-1, 1], the posterior's own variance β̃_t; evenly respaced for fewer than T steps."""
    from diffusers import DDPMScheduler

    return DDPMScheduler(
        num_train_timesteps=config.timesteps,
        beta_start=config.beta_start,
        beta_end=config.beta_end,
        beta_schedule="linear",
        timestep_spacing="leading",
        variance_type="fixed_small",
        clip_sample=True,
    )


def build_unet(
    config: Any,
    resolution: int,
    *,
    inputs: int,
    outputs: int = 1,
    channels: Sequence[int] | None = None,
    schedule: DDIMScheduler | None = None,
) -> UNet:
    """The U-Net of `config` for a side of `resolution`: (N, inputs, H, W) and t (N,) to ε (N, outputs, H, W).

    channels: widths in place of the config's, as many. schedule: the noise schedule, if it is not `ddim_schedule`.
    Raises ValueError if the side cannot be halved as often as there are levels.
    """
    from generators.networks import UNet

    schedule = schedule or ddim_schedule(config)
    halvings = len(config.channels) - 1
    if resolution % (config.space_to_depth * 2**halvings):
        raise ValueError(
            f"{resolution} pixels cannot be folded by space_to_depth = {config.space_to_depth} and then halved "
            f"{halvings} times: use fewer channels (levels) or another resolution"
        )
    return UNet(
        inputs,
        outputs=outputs,
        alphas_cumprod=schedule.alphas_cumprod if config.parametrisation == "velocity" else None,
        channels=channels or config.channels,
        layers=config.layers,
        attention=config.attention,
        norm_groups=config.norm_groups,
        space_to_depth=config.space_to_depth,
    )


def predict_clean(schedule: DDIMScheduler, noised: torch.Tensor, noise: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """x̂0 = (x_t - √(1-ᾱ_t) ε) / √ᾱ_t, not clipped; t (N,) may differ from sample to sample."""
    alpha_bar = schedule.alphas_cumprod.to(noised)[t].view(-1, 1, 1, 1)
    return (noised - (1 - alpha_bar).sqrt() * noise) / alpha_bar.sqrt()


def sample_images(
    denoiser: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    scheduler: DDIMScheduler | DDPMScheduler,
    x_T: torch.Tensor,
    *,
    steps: int,
    streams: Sequence[torch.Generator] | None = None,
    masks: torch.Tensor | None = None,
    on_step: Callable[..., None] | None = None,
) -> torch.Tensor:
    """From t = T down, by a scheduler of this file: x_0 of x_T's shape, raw.

    DDIM's is Eq. (12) of its paper without noise; as in the authors' code, x̂0 is never clipped. DDPM's is Algorithm 2,
    which clips it. streams: where the scheduler adds noise, each sample's is from its own. on_step(step, t, masks, x̂0)
    is called at every step; `masks` are what a conditioned denoiser makes images for, and are only passed on. Raises
    ValueError if `steps` does not divide T.
    """
    import torch

    check_steps(steps, scheduler.config.num_train_timesteps)
    scheduler.set_timesteps(steps)
    x, generators = x_T, list(streams) if streams else None
    with torch.no_grad():
        for step, t in enumerate(scheduler.timesteps.tolist()):
            noise = denoiser(x, torch.full((len(x),), t, device=x.device))
            x, clean = scheduler.step(noise, t, x, generator=generators, return_dict=False)
            if on_step is not None:
                on_step(step, t, masks, clean)
    return x
