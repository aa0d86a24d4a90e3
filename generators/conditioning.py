"""What the generators that make images for given masks share: the masks, augmented if asked for, and their sampling."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from generators.diffusion import DiffusionConfig, SampledConfig
from generators.samplers import sample_images
from pigbench.contracts import Pairs, SampleRequest, planes

if TYPE_CHECKING:
    import torch

    from generators.samplers import Scheduler


class ConditionedConfig(DiffusionConfig, SampledConfig):
    """A denoiser's settings, the sampler's, and what becomes of the masks that are given."""

    augment_masks: bool = Field(
        False, description="flip, turn, move and scale the masks that are sampled for, a little"
    )


def masks_to_make(request: SampleRequest, augment: bool) -> np.ndarray:
    """(count, 1, H, W) uint8: the request's masks, each augmented by its own stream if `augment`."""
    assert request.masks is not None, "this generator makes images for given masks"
    if not augment:
        return request.masks
    moved = [_moved(mask[0], stream) for mask, stream in zip(request.masks, request.streams, strict=True)]
    return np.stack(moved)[:, None]


def as_condition(masks: np.ndarray, request: SampleRequest) -> torch.Tensor:
    """Label maps (N, 1, H, W) as planes (N, K, H, W) float32, 0 or 1, on the request's device."""
    import torch

    return torch.as_tensor(planes(masks, request.task.planes), dtype=torch.float32, device=request.device)


def images_for_masks(
    denoiser: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor],
    scheduler: Scheduler,
    request: SampleRequest,
    config: ConditionedConfig,
) -> Pairs:
    """Images for the request's masks, and those masks; the denoiser takes x_t, the masks' planes, 0 or 1, and t."""
    masks = masks_to_make(request, config.augment_masks)
    condition = as_condition(masks, request)
    images = sample_images(
        lambda x, times: denoiser(x, condition, times),
        scheduler,
        request.noise(),
        steps=config.steps,
        masks=2 * condition - 1,
        on_step=request.on_step,
    )
    return Pairs.clipped(images, masks)


def _moved(mask: np.ndarray, stream: torch.Generator) -> np.ndarray:
    """One mask (H, W): perhaps mirrored, turned by up to 10°, scaled by up to 10 %, moved by up to 5 % of the side.

    A mask of which a class would leave the image stays as it was.
    """
    import torch
    from scipy.ndimage import affine_transform

    mirror, turn, scale, down, right = torch.rand(5, generator=stream).tolist()
    angle, factor = np.deg2rad(20 * turn - 10), 0.9 + 0.2 * scale
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / factor
    centre = (np.array(mask.shape) - 1) / 2
    shift = np.array([down - 0.5, right - 0.5]) * 0.1 * np.array(mask.shape)
    source = mask[:, ::-1] if mirror < 0.5 else mask
    moved = affine_transform(source, matrix, centre - matrix @ (centre + shift), order=0)
    return moved if np.isin(mask[mask > 0], moved).all() else mask
