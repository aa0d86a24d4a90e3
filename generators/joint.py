"""Joint: one unconditional diffusion model over the mask and the image, channel beside channel.

The obvious rival of PIG's guidance, which the paper does not test: does it take two models that guide each other, or
would one model of the pair do? It is as large as PIG's two denoisers together, and sampled like them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from math import sqrt
from typing import TYPE_CHECKING

from generators.diffusion import DENOISER, DiffusionConfig, DiffusionGenerator, SampledConfig, build_unet
from generators.mask_planes import as_labels, as_planes
from generators.samplers import sample_images
from pigbench.contracts import Batch, Component, Pairs, SampleRequest

if TYPE_CHECKING:
    import torch


class JointConfig(DiffusionConfig, SampledConfig):
    """The denoiser's settings, as for one of PIG's, and the sampler's."""


class Joint(DiffusionGenerator):
    """Pairs from one denoiser of both."""

    kind = "pairs"
    channels = (1, 3)
    most_classes = None
    Config = JointConfig
    components = (Component("denoiser", settings=DENOISER),)

    def build(self, component: str) -> torch.nn.Module:
        """ε_θ(z_t, t) of all K + C channels, √2 times as wide as one of PIG's denoisers: as many weights as both."""
        channels, together = (
            widened(self.config.channels, self.config.norm_groups),
            self.task.planes + self.task.channels,
        )
        return build_unet(self.config, self.resolution, inputs=together, outputs=together, channels=channels)

    def loss(
        self, component: str, network: torch.nn.Module, batch: Batch, trained: Mapping[str, torch.nn.Module]
    ) -> torch.Tensor:
        """DDPM's L_simple over all channels, each weighing the same."""
        import torch
        from torch.nn.functional import mse_loss

        pairs = torch.cat([as_planes(batch.masks, self.task), batch.images], dim=1)
        noise, t = batch.noise(like=pairs), batch.timesteps(self.config.timesteps)
        return mse_loss(network(self.schedule.add_noise(pairs, noise, t), t), noise)

    def sample(self, trained: Mapping[str, torch.nn.Module], request: SampleRequest) -> Pairs:
        """Pairs, sampled together; the mask from its planes, see `as_labels`."""
        on_step, planes = request.on_step, self.task.planes

        def watch(step: int, t: int, _: None, clean: torch.Tensor) -> None:
            if on_step is not None:
                on_step(step, t, clean[:, :planes], clean[:, planes:])

        side = self.resolution
        pairs = sample_images(
            trained["denoiser"],
            self.scheduler,
            request.noise((planes + self.task.channels, side, side)),
            steps=self.config.steps,
            on_step=watch,
        )
        return Pairs.clipped(pairs[:, planes:], as_labels(pairs[:, :planes]))


def widened(channels: Sequence[int], groups: int) -> tuple[int, ...]:
    """Widths about √2 times as large, multiples of `groups`, whose squares add up nearest to twice as much.

    A convolution's weights grow with the square of its width, so the network has about twice as many.
    """
    least = [int(sqrt(2) * width / groups) * groups for width in channels]
    twice = 2 * sum(width**2 for width in channels)
    return min(
        product(*((width, width + groups) for width in least)),
        key=lambda widths: abs(sum(width**2 for width in widths) - twice),
    )
