"""torch.compile as the suite uses it. On a GPU the compiled kernels are replayed as one CUDA graph.

Launching the kernels of a small network one by one takes the host several times as long as they take the GPU. A graph
gives its results in memory that its next replay overwrites.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

GRAPHS = "reduce-overhead"
"""What torch calls compiling into CUDA graphs."""


def compile_for_training(network: torch.nn.Module, device: str) -> None:
    """Compile forward and backward. What `network` returns must have been used when it is called for the next step."""
    _be_quiet()
    network.compile(mode=None if device == "cpu" else GRAPHS)


def compile_frozen(network: torch.nn.Module, device: str) -> None:
    """Compile the forward of a network that is not trained. What it returns stays what it is."""
    _be_quiet()
    if device == "cpu":
        network.compile()
        return
    import torch
    from torch.utils._pytree import tree_map_only

    compiled = torch.compile(network.forward, mode=GRAPHS)

    def forward(*arguments: Any, **named: Any) -> Any:
        return tree_map_only(torch.Tensor, torch.Tensor.clone, compiled(*arguments, **named))

    network.forward = forward  # type: ignore[method-assign]


def _be_quiet() -> None:
    """Of what diffusers' layers ask about torch's version, which does not change."""
    warnings.filterwarnings("ignore", message="Dynamo detected a call to a `functools.lru_cache`")
