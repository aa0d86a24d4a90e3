"""A perceptual distance that needs no download: EfficientNet-Lite0's features. Importing this file imports torch."""

from __future__ import annotations

import torch

from pigbench.imagenet import efficientnet_lite0

LEVELS = (0, 1, 2)
"""The first levels, at 1/2, 1/4 and 1/8 of the side: textures and edges, which small images still have."""


class PerceptualDistance:
    """The mean squared distance of features, each position scaled to unit length (as LPIPS does, Zhang et al., CVPR
    2018, but without its learned weights)."""

    def __init__(self) -> None:
        self.network = efficientnet_lite0().to(memory_format=torch.channels_last)  # twice as fast on a CPU

    def __call__(self, images: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
        """A scalar for images (N, C, H, W) in [-1, 1], C = 1 or 3; gradients reach both."""
        self.network.to(images.device)
        pairs = zip(self._features(images), self._features(others), strict=True)
        return torch.stack([(a - b).square().sum(dim=1).mean() for a, b in pairs]).mean()

    def _features(self, images: torch.Tensor) -> list[torch.Tensor]:
        in_colour = images.repeat(1, 3 // images.shape[1], 1, 1)
        levels = self.network.forward_intermediates(in_colour, indices=LEVELS, intermediates_only=True)
        return [level / (level.square().sum(dim=1, keepdim=True).sqrt() + 1e-8) for level in levels]
