"""The networks of latent diffusion. Importing this file imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from diffusers import AutoencoderKL
from torch import nn
from torch.nn.functional import interpolate

from generators.networks import UNet


class Autoencoder(nn.Module):
    """diffusers' KL autoencoder; its latents are divided by the SD measured on the training images."""

    def __init__(
        self, images: int, *, channels: Sequence[int], layers: int, latent_channels: int, norm_groups: int
    ) -> None:
        """images: their channels. channels: width of each level; the side is halved between two, three make f = 4."""
        super().__init__()
        levels = len(channels)
        self.vae = AutoencoderKL(
            in_channels=images,
            out_channels=images,
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            block_out_channels=tuple(channels),
            layers_per_block=layers,
            latent_channels=latent_channels,
            norm_num_groups=norm_groups,
        )
        self.register_buffer("deviation", torch.ones(()))  # diffusers applies no scaling factor by itself

    def posterior(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and log-variance (N, C, H/f, W/f) of the latents of images, not scaled."""
        found = self.vae.encode(images).latent_dist
        return found.mean, found.logvar

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        """Scaled latents (N, C, H/f, W/f): the posterior's mean."""
        return self.posterior(images)[0] / self.deviation

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Images, not clipped, of scaled latents."""
        return self.vae.decode(latents * self.deviation).sample


def draw(mean: torch.Tensor, log_variance: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """A draw from a posterior by standard normal noise of its shape."""
    return mean + (0.5 * log_variance).exp() * noise


class MaskedLatentDenoiser(nn.Module):
    """ε of noised latents beside the mask, which is halved to their side and passed through a 1×1 convolution."""

    def __init__(self, unet: UNet, halvings: int, planes: int, mask_channels: int) -> None:
        """unet: takes latent channels and then `mask_channels`. halvings: log2 of the autoencoder's factor. planes: of
        the masks."""
        super().__init__()
        self.unet = unet
        self.halvings = halvings
        self.rescale = nn.Conv2d(planes, mask_channels, kernel_size=1, bias=False)

    def forward(self, noised: torch.Tensor, masks: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """noised: (N, C, h, w); masks: (N, K, H, W), 0 or 1; t: (N,) integers. Returns ε: (N, C, h, w)."""
        for _ in range(self.halvings):
            masks = interpolate(masks, scale_factor=0.5, mode="bilinear")
        return self.unet(torch.cat([noised, self.rescale(masks)], dim=1), t)


class PatchCritic(nn.Module):
    """Says of every patch how real it looks (Isola et al., CVPR 2017): three strided convolutions and a score."""

    def __init__(self, images: int, width: int) -> None:
        """images: their channels. width: those after the first convolution, doubled by each further one."""
        super().__init__()
        widths = [images, width, 2 * width, 4 * width]
        layers: list[nn.Module] = []
        for inside, outside in pairwise(widths):
            layers += [nn.Conv2d(inside, outside, kernel_size=4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        self.score = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, kernel_size=3, padding=1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 1, H/8, W/8) scores, above 0 for real."""
        return self.score(images)
