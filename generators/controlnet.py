"""ControlNet: Zhang, Rao, Agrawala, "Adding conditional control to text-to-image diffusion models", ICCV 2023.

A frozen denoiser, a trainable copy of its encoder that sees the mask, and zero convolutions between them. The original
stands on Stable Diffusion; in a domain without such a model the base is this fold's own DDPM, which is trained once for
all that use it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from generators.conditioning import ConditionedConfig, images_for_masks
from generators.diffusion import DENOISER, DiffusionGenerator, build_unet
from pigbench.contracts import Batch, Component, Pairs, SampleRequest, TrainView, planes

if TYPE_CHECKING:
    import torch

    from pigbench.training import Loop


class ControlNetConfig(ConditionedConfig):
    """The base's settings, which are DDPM's, and the sampler's."""


class ControlNet(DiffusionGenerator):
    """Images for given masks: a frozen DDPM, steered by a trained copy of its encoder."""

    kind = "images-for-masks"
    channels = (1, 3)
    most_classes = None
    Config = ControlNetConfig
    components = (
        Component("denoiser", settings=DENOISER, owner="ddpm"),
        Component("control", needs=("denoiser",), settings=DENOISER),
    )

    @property
    def note(self) -> str:
        """What its base is, which the reader of a paper's ControlNet row would not guess."""
        return "its frozen base is this fold's own DDPM, not a model trained on the world's images"

    def build(self, component: str) -> torch.nn.Module:
        """The control of an untrained base; `train` gives it the trained one's weights."""
        from generators.control import Control

        images = self.task.channels
        base = build_unet(self.config, self.resolution, inputs=images, outputs=images)
        return Control(base, hint_channels=self.task.planes)

    def train(
        self, component: str, view: TrainView, trained: Mapping[str, torch.nn.Module], loop: Loop
    ) -> torch.nn.Module:
        """As every component, but from the base's weights."""
        control = self.build(component)
        control.copy_from(trained["denoiser"])
        return loop.fit(control, lambda network, batch: self.loss(component, network, batch, trained), view)

    def loss(
        self, component: str, network: torch.nn.Module, batch: Batch, trained: Mapping[str, torch.nn.Module]
    ) -> torch.Tensor:
        """‖ε - ε_θ(x_t, mask, t)‖², of which only the control learns."""
        from torch.nn.functional import mse_loss

        from generators.control import controlled

        noise, t = batch.noise(), batch.timesteps(self.config.timesteps)
        noised, hint = self.schedule.add_noise(batch.images, noise, t), planes(batch.masks, self.task.planes)
        return mse_loss(controlled(trained["denoiser"], network, noised, hint, t), noise)

    def sample(self, trained: Mapping[str, torch.nn.Module], request: SampleRequest) -> Pairs:
        """Images for the request's masks."""
        from generators.control import controlled

        def denoiser(x: torch.Tensor, masks: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
            return controlled(trained["denoiser"], trained["control"], x, masks, times)

        return images_for_masks(denoiser, self.scheduler, request, self.config)
