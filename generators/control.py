"""ControlNet's network: a trainable copy of a denoiser's encoder, and the frozen denoiser that listens to it.

Importing this file imports torch. diffusers' own `ControlNetModel` copies text-to-image networks only, and
`UNet2DModel` takes no residuals, so the frozen base is run here part by part.
"""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import nn

from generators.networks import UNet

Residuals = tuple[list[torch.Tensor], torch.Tensor]
"""What a control adds to its base: to every skip connection, and to the middle."""


class Control(nn.Module):
    """A copy of a U-Net's encoder and middle block, a hint encoder, and zero convolutions on all that comes out."""

    def __init__(self, base: UNet, hint_channels: int = 1) -> None:
        """base: the U-Net to copy; call again with a trained one, or `copy_from` it, before training."""
        super().__init__()
        unet = deepcopy(base.unet)
        self.time_proj, self.time_embedding = unet.time_proj, unet.time_embedding
        self.conv_in, self.down_blocks, self.mid_block = unet.conv_in, unet.down_blocks, unet.mid_block
        widths = _skip_widths(base)
        self.hint = nn.Sequential(
            nn.Conv2d(hint_channels * base.fold**2, widths[0], kernel_size=3, padding=1),
            nn.SiLU(),
            nn.Conv2d(widths[0], widths[0], kernel_size=3, padding=1),
            nn.SiLU(),
            _zero_convolution(widths[0], kernel_size=3),
        )
        self.to_skips = nn.ModuleList(_zero_convolution(width) for width in widths)
        self.to_middle = _zero_convolution(widths[-1])

    def copy_from(self, base: UNet) -> None:
        """Take over the weights of a trained base."""
        for name in ("time_embedding", "conv_in", "down_blocks", "mid_block"):
            getattr(self, name).load_state_dict(getattr(base.unet, name).state_dict())

    def forward(self, folded: torch.Tensor, hint: torch.Tensor, t: torch.Tensor) -> Residuals:
        """folded: noised images as the base folds them; hint: mask planes 0 or 1, folded alike; t: (N,)."""
        embedding = _embed(self, folded, t)
        hidden, skips = _encode(self, self.conv_in(folded) + self.hint(hint), embedding)
        added = [zero(skip) for zero, skip in zip(self.to_skips, skips, strict=True)]
        return added, self.to_middle(self.mid_block(hidden, embedding))


def controlled(base: UNet, control: Control, noised: torch.Tensor, hint: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """ε (N, C, H, W) of the base with the control's residuals added; with zero residuals, the base's own to the bit.

    noised: (N, C, H, W); hint: (N, K, H, W); t: (N,) integers.
    """
    unet, folded = base.unet, base.folded(noised)
    added, to_middle = control(folded, base.folded(hint), t)
    embedding = _embed(unet, folded, t)
    hidden, skips = _encode(unet, unet.conv_in(folded), embedding)
    hidden = unet.mid_block(hidden, embedding) + to_middle
    skips = [skip + residual for skip, residual in zip(skips, added, strict=True)]
    for block in unet.up_blocks:
        count = len(block.resnets)
        skips, taken = skips[:-count], skips[-count:]
        hidden = block(hidden, tuple(taken), embedding)
    output = unet.conv_out(unet.conv_act(unet.conv_norm_out(hidden)))
    return base.unfolded(output, noised, t)


def _embed(parts: nn.Module, folded: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    return parts.time_embedding(parts.time_proj(t).to(folded.dtype))


def _encode(parts: nn.Module, hidden: torch.Tensor, embedding: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The encoder's end, and every skip connection on the way."""
    skips = [hidden]
    for block in parts.down_blocks:
        hidden, passed = block(hidden, embedding)
        skips += passed
    return hidden, skips


def _skip_widths(base: UNet) -> list[int]:
    """The channels of every skip connection, found by a look at the blocks."""
    widths = [base.unet.conv_in.out_channels]
    for block in base.unet.down_blocks:
        width = block.resnets[-1].out_channels
        widths += [width] * (len(block.resnets) + (block.downsamplers is not None))
    return widths


def _zero_convolution(width: int, kernel_size: int = 1) -> nn.Conv2d:
    convolution = nn.Conv2d(width, width, kernel_size=kernel_size, padding=kernel_size // 2)
    nn.init.zeros_(convolution.weight)
    nn.init.zeros_(convolution.bias)
    return convolution
