"""The probabilities that a segmenter predicts, and the masks that they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pigbench.contracts.arrays import to_numpy
from pigbench.contracts.task import Task
from pigbench.errors import PigbenchError

if TYPE_CHECKING:
    import torch

HALF = 0.5
BELOW_HALF = float(np.nextafter(np.float32(HALF), np.float32(0)))
TOLERANCE = 1e-3
"""So far from 1 the probabilities of a pixel may add up to."""


def lesion_probabilities(logits: torch.Tensor) -> torch.Tensor:
    """Probabilities (N, 2, H, W) float32 from one class's logits (N, 1, H, W), by the sigmoid.

    The lesion's is at least one half exactly where its logit is at least 0, although the sigmoid of a tiny negative
    number rounds to one half.
    """
    import torch

    chances = logits.float().sigmoid()
    chances = torch.where(logits < 0, chances.clamp(max=BELOW_HALF), chances.clamp(min=HALF))
    return torch.cat([1 - chances, chances], dim=1)


def masks_of(probabilities: Any) -> np.ndarray:
    """Label maps (N, 1, H, W) uint8 from probabilities (N, K + 1, H, W), an array or a tensor.

    One class: lesion where its probability is at least one half. Several: the likeliest of background and classes.
    Raises PigbenchError for masks in probabilities' place.
    """
    _refuse_masks(probabilities)
    chances = to_numpy(probabilities)
    if chances.shape[1] == 2:
        return (chances[:, 1:] >= HALF).astype(np.uint8)
    return chances.argmax(axis=1)[:, None].astype(np.uint8)


def require_probabilities(found: Any, task: Task, count: int) -> Any:
    """`found`, if it is the probabilities of `count` images of the task. Raises PigbenchError if not, and says why."""
    _refuse_masks(found)
    shape, kind, asked = tuple(found.shape), _kind(found), (count, *task.probability_shape)
    if shape != asked or kind != "float32":
        raise PigbenchError(f"predict gives {shape} {kind} where {asked} float32 was asked")
    chances = to_numpy(found)
    if not ((chances >= 0) & (chances <= 1)).all():
        raise PigbenchError(f"predict gives {chances.min():.3g} to {chances.max():.3g} where probabilities were asked")
    total = chances.sum(axis=1)
    if np.abs(total - 1).max(initial=0) > TOLERANCE:
        raise PigbenchError(f"predict gives probabilities that add up to {total.min():.3g} to {total.max():.3g}, not 1")
    return found


def _refuse_masks(found: Any) -> None:
    shape = tuple(found.shape)
    if len(shape) != 4 or shape[1] < 2 or _kind(found) == "bool":
        raise PigbenchError(
            f"predict gives {shape} {_kind(found)}: return probabilities (N, K + 1, H, W), such as "
            "`lesion_probabilities(logits)`, in place of masks"
        )


def _kind(found: Any) -> str:
    return str(found.dtype).removeprefix("torch.")
