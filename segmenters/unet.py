"""U-Net (Ronneberger et al., MICCAI 2015), the segmenter of the paper's Table 2, from segmentation-models-pytorch.

Trained from scratch on Dice + cross-entropy under light augmentation. The paper states no encoder, no loss and no
augmentation, so all three are choices: the sizes come from the preset, the rest stands below.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field, PositiveInt, model_validator

from pigbench.contracts import Batch, Config, Pairs, Segmenter

if TYPE_CHECKING:
    import torch


class UNetConfig(Config):
    """Sizes of the U-Net; the defaults are smp's own."""

    encoder: str = Field("resnet34", description="an smp encoder; 'tu-NAME' takes any of timm's")
    encoder_depth: int = Field(5, ge=1, le=5, description="how often the encoder halves its input")
    decoder_channels: tuple[PositiveInt, ...] = Field((256, 128, 64, 32, 16), description="one width a level")
    upsample: PositiveInt = Field(1, description="enlarge images before the network, so that small ones keep detail")

    @model_validator(mode="after")
    def _one_width_a_level(self) -> UNetConfig:
        if len(self.decoder_channels) != self.encoder_depth:
            raise ValueError(
                f"decoder_channels has {len(self.decoder_channels)} widths, encoder_depth is {self.encoder_depth}: "
                "give one width a level"
            )
        return self


class UNet(Segmenter):
    """A U-Net that says for every pixel whether it is lesion."""

    Config = UNetConfig

    def build(self) -> torch.nn.Module:
        """The network from random weights: (N, 1, H, W) in [-1, 1], H and W enlarged by `upsample`, to logits."""
        import segmentation_models_pytorch as smp
        import torch

        depth = self.config.encoder_depth
        side = self.resolution * self.config.upsample
        if side % 2**depth:
            raise ValueError(f"unet: {side} pixels cannot be halved {depth} times: lower encoder_depth")
        network = smp.Unet(
            self.config.encoder,
            encoder_depth=depth,
            decoder_channels=self.config.decoder_channels,
            encoder_weights=None,
            in_channels=1,
            classes=1,
        )
        return network.to(memory_format=torch.channels_last)  # a fifth faster on a CPU

    def augment(self, pairs: Pairs, seed: int) -> Pairs:
        """`pairs` flipped, moved, re-exposed and made noisy, each in its own way; a pure function of (pairs, seed)."""
        assert pairs.masks is not None
        self._transform.set_random_seed(seed)
        unit = (pairs.images + 1) / 2  # albumentations' range for floats is [0, 1]
        moved = [self._transform(image=image[0], mask=mask[0]) for image, mask in zip(unit, pairs.masks, strict=True)]
        images = np.stack([case["image"] for case in moved])[:, None]
        masks = np.stack([case["mask"] for case in moved])[:, None]
        return Pairs(np.clip(images * 2 - 1, -1, 1).astype(np.float32), masks)

    def loss(self, network: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """Soft Dice over the whole batch plus binary cross-entropy, both from the logits."""
        logits = self._logits(network, batch.images)
        return self._dice(logits, batch.masks) + self._cross_entropy(logits, batch.masks)

    def predict(self, network: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
        """Lesion where its probability is at least one half: (N, 1, H, W), boolean."""
        return self._logits(network, images) >= 0  # sigmoid(0) = 1/2

    def _logits(self, network: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
        """(N, 1, H, W), whatever size the network works at."""
        from torch.nn.functional import avg_pool2d, interpolate

        factor = self.config.upsample
        if factor == 1:
            return network(images)
        return avg_pool2d(network(interpolate(images, scale_factor=factor, mode="bilinear")), factor)

    @cached_property
    def _dice(self) -> Any:
        from segmentation_models_pytorch.losses import DiceLoss

        return DiceLoss("binary", from_logits=True)

    @cached_property
    def _cross_entropy(self) -> Any:
        from torch.nn import BCEWithLogitsLoss

        return BCEWithLogitsLoss()

    @cached_property
    def _transform(self) -> Any:
        os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # or its import asks the network for a newer version
        from albumentations import Affine, Compose, GaussNoise, HorizontalFlip, RandomBrightnessContrast, VerticalFlip

        return Compose(
            [
                HorizontalFlip(p=0.5),
                VerticalFlip(p=0.5),
                Affine(scale=(0.9, 1.1), translate_percent=(-0.06, 0.06), rotate=(-10, 10), p=0.7),
                RandomBrightnessContrast(brightness_limit=0.1, contrast_limit=0.1, p=0.5),
                GaussNoise(std_range=(0.01, 0.03), p=0.3),
            ]
        )
