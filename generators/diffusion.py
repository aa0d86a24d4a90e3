"""What the diffusion generators share: their settings, the noise schedule β_1..β_T, and the U-Net made from them.

T is `timesteps`; ᾱ_t = Π(1 - β_i). Code counts t from 0 to T - 1 where the papers count from 1 to T.

Every denoiser gives ε and is trained on the error of ε. With `parametrisation="velocity"` its last layer gives
v = √ᾱ ε - √(1-ᾱ) x_0 (Salimans, Ho, ICLR 2022), from which ε follows. An error of ε at t near T grows by 1/√ᾱ, up to
180 times, on its way into x̂0; an error of v does not grow. So networks of minutes can be sampled without clipping x̂0.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from generators.samplers import NAMES, Sampler, check_steps, ddim_schedule, scheduler_of
from pigbench.contracts import Config, Generator, TrainedConfig

if TYPE_CHECKING:
    import torch
    from diffusers import DDIMScheduler

    from generators.networks import UNet
    from generators.samplers import Scheduler


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


class SampledConfig(ScheduleConfig):
    """How samples are made, for the Config of every generator that lets its user choose."""

    sampler: Sampler = Field("ddim", description="how noise becomes an image")
    steps: PositiveInt = Field(256, description="sampling steps; DDIM's divide T, the others' are from 2 to T")

    @model_validator(mode="after")
    def _can_be_taken(self) -> Self:
        check_steps(self.steps, self.timesteps, self.sampler)
        return self


SCHEDULE = ("timesteps", "beta_start", "beta_end")
"""The settings that a component and whoever samples from it must share."""

DENOISER = (*SCHEDULE, "channels", "layers", "attention", "norm_groups", "space_to_depth", "parametrisation")
"""The settings that training any denoiser reads."""


class DiffusionGenerator(Generator, ABC):
    """A generator whose Config names a `sampler` and its `steps`, as a `SampledConfig` does."""

    @cached_property
    def schedule(self) -> DDIMScheduler:
        """β_1..β_T, for training and sampling alike."""
        return ddim_schedule(self.config)

    @property
    def scheduler(self) -> Scheduler:
        """What `sampler` names, over `schedule`."""
        return scheduler_of(self.config.sampler, self.schedule)

    @property
    def sampler(self) -> str:
        """Its name and its steps, such as "UniPC, 16 steps"."""
        return f"{NAMES[self.config.sampler]}, {self.config.steps:,} steps"


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
