"""Masks as diffusion models see them: one plane a class, 1 in the class and -1 outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pigbench.contracts import Task, planes

if TYPE_CHECKING:
    import torch


def as_planes(masks: torch.Tensor, task: Task) -> torch.Tensor:
    """Label maps (N, 1, H, W) of any float type as planes (N, K, H, W), -1 or 1."""
    return 2 * planes(masks, task.planes) - 1


def as_labels(found: torch.Tensor) -> torch.Tensor:
    """Planes (N, K, H, W) of any numbers as label maps (N, 1, H, W): the highest plane's class, or 0 if none is above
    0."""
    highest, label = found.max(dim=1, keepdim=True)
    return (label + 1) * (highest > 0)
