"""The network of the diffusion generators. Importing this file imports torch; `diffusion.build_unet` does it late."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from diffusers import UNet2DModel
from torch import nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle


class UNet(nn.Module):
    """Predicts ε from noised channels and t, with an optional space-to-depth before and depth-to-space after.

    The flags make diffusers' `UNet2DModel` the network of Ho et al. (NeurIPS 2020) and of PIG's release; with its own
    defaults it is another. A middle block with attention follows the last level.
    """

    def __init__(
        self,
        inputs: int,
        *,
        channels: Sequence[int],
        layers: int,
        attention: Sequence[bool],
        norm_groups: int,
        outputs: int = 1,
        space_to_depth: int = 1,
        alphas_cumprod: torch.Tensor | None = None,
    ) -> None:
        """inputs: channels that come in, the noised ones first. outputs: the number of those, whose ε goes out.

        channels: width of each level, each at half the side before. layers: residual blocks a level. attention: which
        levels attend. space_to_depth: side of the pixel blocks that become channels, so that the network works on a
        grid as many times smaller; each pixel of a block is a channel of its own then, and short trainings leave a
        checkerboard. alphas_cumprod: (T,) if the last layer is to give velocities; what comes out is ε all the same.
        """
        super().__init__()
        self.register_buffer("alphas_cumprod", alphas_cumprod, persistent=False)
        self.outputs = outputs
        self.fold = space_to_depth
        self.unet = UNet2DModel(
            in_channels=inputs * space_to_depth**2,
            out_channels=outputs * space_to_depth**2,
            block_out_channels=tuple(channels),
            layers_per_block=layers,
            down_block_types=tuple("AttnDownBlock2D" if attends else "DownBlock2D" for attends in attention),
            up_block_types=tuple("AttnUpBlock2D" if attends else "UpBlock2D" for attends in reversed(attention)),
            norm_num_groups=norm_groups,
            norm_eps=1e-6,
            attention_head_dim=None,
            downsample_padding=0,
            flip_sin_to_cos=False,
            freq_shift=1,
        )

    def forward(self, noised: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """noised: (N, inputs, H, W); t: (N,) integers. Returns ε: (N, outputs, H, W)."""
        return self.unfolded(self.unet(self.folded(noised), t, return_dict=False)[0], noised, t)

    def folded(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pixel blocks as channels: (N, C, H, W) to (N, C·f², H/f, W/f)."""
        return pixel_unshuffle(pixels, self.fold)

    def unfolded(self, output: torch.Tensor, noised: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """ε (N, outputs, H, W) from what the network's last layer gives."""
        output = pixel_shuffle(output, self.fold)
        if self.alphas_cumprod is None:
            return output
        alpha_bar = self.alphas_cumprod[t].view(-1, 1, 1, 1)
        return alpha_bar.sqrt() * output + (1 - alpha_bar).sqrt() * noised[:, : self.outputs]  # ε from v and x_t
