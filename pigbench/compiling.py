"""torch.compile as the suite uses it. On a GPU the compiled kernels are replayed as one CUDA graph.

Launching the kernels of a small network one by one takes the host several times as long as they take the GPU. A graph
gives its results in memory that its next replay overwrites.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from pigbench.compiled_code import Compilation

if TYPE_CHECKING:
    import torch

GRAPHS = "reduce-overhead"
"""What torch calls compiling into CUDA graphs."""


def compile_for_training(network: torch.nn.Module, device: str) -> Callable[[], AbstractContextManager[None]]:
    """Compile forward and backward. What `network` returns must have been used when it is called for the next step.

    Each step, forward and backward, belongs within what the returned function gives.
    """
    _be_quiet()
    compilation = Compilation(network, "training", device)
    network.compile(mode=None if device == "cpu" else GRAPHS)
    return compilation.first


def compile_frozen(network: torch.nn.Module, device: str) -> None:
    """Compile the forward of a network that is not trained. What it returns stays what it is."""
    import torch
    from torch.utils._pytree import tree_map_only

    _be_quiet()
    compilation = Compilation(network, "inference", device)
    on_gpu = device != "cpu"
    compiled = torch.compile(network.forward, mode=GRAPHS if on_gpu else None)

    def forward(*arguments: Any, **named: Any) -> Any:
        with nullcontext() if torch.compiler.is_compiling() else compilation.first():  # within another network's
            given = compiled(*arguments, **named)
        return tree_map_only(torch.Tensor, torch.Tensor.clone, given) if on_gpu else given

    network.forward = forward  # type: ignore[method-assign]


def _be_quiet() -> None:
    """Of what diffusers' layers ask about torch's version, which does not change."""
    warnings.filterwarnings("ignore", message="Dynamo detected a call to a `functools.lru_cache`")
