"""The U-Net of the paper, in small: every level two convolutions at its own size, the first at that of the image.

The encoders of segmentation-models-pytorch begin with a stride of two, so at 32 x 32 nothing sees single pixels unless
the image is enlarged first; this network has its first level there, at a fraction of the cost.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from segmentation_models_pytorch.base import SegmentationHead
from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder
from torch import nn


class PlainUNet(nn.Module):
    """From (N, channels, H, W) to logits (N, classes, H, W).

    H and W are divisible by 2 to the number of levels less one.
    """

    def __init__(self, widths: Sequence[int], channels: int = 1, classes: int = 1) -> None:
        """widths: of the levels, the largest map first; on the way back each level has half that of the one below."""
        super().__init__()
        decoder = [width // 2 for width in widths[:0:-1]]
        inputs = (channels, *widths)
        self.levels = nn.ModuleList(_two_convolutions(*pair) for pair in zip(inputs, widths, strict=False))
        self.decoder = UnetDecoder(inputs, decoder, n_blocks=len(decoder))  # smp's, which takes the image and drops it
        self.segmentation_head = SegmentationHead(decoder[-1], classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The logits."""
        maps = [images]
        for number, level in enumerate(self.levels):
            maps.append(level(nn.functional.max_pool2d(maps[-1], 2) if number else images))
        return self.segmentation_head(self.decoder(maps))


def _two_convolutions(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in (inputs, outputs):
        layers += [nn.Conv2d(width, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)
