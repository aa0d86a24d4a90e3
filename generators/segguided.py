"""SegGuidedDif: Konz, Chen, Dong, Mazurowski, "Anatomically-controllable medical image generation with
segmentation-guided diffusion models", MICCAI 2024. Images for given masks, which stand beside the noised image.

In training each class of the mask is ablated for half of the batches, so that the model also learns images for unknown
masks; in sampling never. (The authors' sampler draws the ablation again at every step where its flag is on.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from generators.conditioning import ConditionedConfig, images_for_masks
from generators.diffusion import DENOISER, DiffusionGenerator, build_unet
from pigbench.contracts import Batch, Component, Pairs, Range, SampleRequest, planes

if TYPE_CHECKING:
    import torch


class SegGuidedConfig(ConditionedConfig):
    """The denoiser's and the sampler's settings, and mask-ablated training."""

    ablation: Annotated[float, Range(0.0, 0.8)] = Field(
        0.5, ge=0, le=1, description="share of the training batches that do not see a class"
    )


class SegGuidedDif(DiffusionGenerator):
    """Images for given masks, whose planes stand beside the noised image."""

    kind = "images-for-masks"
    channels = (1, 3)
    most_classes = None
    Config = SegGuidedConfig
    components = (Component("denoiser", settings=(*DENOISER, "ablation")),)

    def build(self, component: str) -> torch.nn.Module:
        """ε_θ(x_t, m, t): C + K channels in, the noised image first."""
        images = self.task.channels
        return build_unet(self.config, self.resolution, inputs=images + self.task.planes, outputs=images)

    def loss(
        self, component: str, network: torch.nn.Module, batch: Batch, trained: Mapping[str, torch.nn.Module]
    ) -> torch.Tensor:
        """‖ε - ε_θ(x_t, m, t)‖², m the mask's planes; one by one, with the chance `ablation`, 0 for a whole batch."""
        import torch
        from torch.nn.functional import mse_loss

        shown = [batch.chance() >= self.config.ablation for _ in self.task.classes]
        masks = planes(batch.masks, self.task.planes) * torch.tensor(shown).view(1, -1, 1, 1).to(batch.masks)
        noise, t = batch.noise(), batch.timesteps(self.config.timesteps)
        noised = self.schedule.add_noise(batch.images, noise, t)
        return mse_loss(network(torch.cat([noised, masks], dim=1), t), noise)

    def sample(self, trained: Mapping[str, torch.nn.Module], request: SampleRequest) -> Pairs:
        """Images for the request's masks."""
        import torch

        def denoiser(x: torch.Tensor, masks: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
            return trained["denoiser"](torch.cat([x, masks], dim=1), times)

        return images_for_masks(denoiser, self.scheduler, request, self.config)
