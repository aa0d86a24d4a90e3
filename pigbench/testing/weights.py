"""What becomes of a network's weights: through a file and back, and through a training that is stopped and resumed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pigbench.contracts import rule
from pigbench.testing.miniature import Stopped, stop_at_the_end
from pigbench.testing.results import Fault, promised
from pigbench.training import CHECKPOINT

if TYPE_CHECKING:
    import torch


def require_finite(name: str, network: torch.nn.Module, promise: object) -> None:
    """Raises Fault where a network has come out of its training with a weight that is no number."""
    for key, value in network.state_dict().items():
        if not value.isfinite().all():
            raise Fault(f"{name} comes out with NaN or infinite {key}", promised(promise))


def require_one_number(name: str, loss: torch.Tensor, promise: object) -> None:
    """Raises Fault for a loss that is anything else."""
    if loss.ndim or not loss.isfinite():
        raise Fault(f"{name} is {loss}: not one finite number", promised(promise))


def through_a_file(name: str, trained: torch.nn.Module, built: torch.nn.Module) -> torch.nn.Module:
    """`built` with the weights of `trained`, which went through safetensors; frozen, as sampling gets it.

    Raises Fault where they cannot be saved, or do not fit.
    """
    from safetensors.torch import load, save

    sentence = rule("A network's weights")
    try:
        saved = save({key: value.contiguous() for key, value in trained.state_dict().items()})
    except Exception as error:
        raise Fault(f"the weights of {name} cannot be saved: {error}", sentence) from error
    try:
        built.load_state_dict(load(saved))
    except Exception as error:
        raise Fault(f"the weights of {name} do not fit what build makes: {error}", sentence) from error
    return built.eval().requires_grad_(False)


def require_resumable(name: str, expected: torch.nn.Module, train: Callable[..., torch.nn.Module], steps: int) -> str:
    """What was seen of a training that is stopped at its last step and gone on with from its last checkpoint.

    expected: what it gives undisturbed. train: trains with `checkpoints` in a directory and a loop's `progress`. Raises
    Fault if the weights differ.
    """
    import torch

    with TemporaryDirectory() as place:
        directory = Path(place)
        with suppress(Stopped):
            train(checkpoints=directory, progress=stop_at_the_end)
        kept = (directory / CHECKPOINT).is_file()
        found = train(checkpoints=directory).state_dict()
    undisturbed = expected.state_dict()
    how = f"stopped after {steps - 1} of {steps} steps and gone on with" if kept else "done again"
    different = [key for key, value in undisturbed.items() if not torch.equal(found[key], value)]
    if different:
        raise Fault(
            f"the training of {name}, {how}, gives other weights ({different[0]}): it remembers something besides the "
            "network and the batch",
            rule("Take every random number"),
        )
    return f"{name} {how}"
