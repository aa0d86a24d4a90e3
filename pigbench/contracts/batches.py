"""What a loss and a sampler are given, with their random numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pigbench.contracts.pairs import TrainView
from pigbench.contracts.task import Task

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Batch:
    """What a loss is given: one training batch on the right device, and its own random numbers.

    images: (N, C, H, W) float32 in [-1, 1]. masks: label maps (N, 1, H, W) float32, 0 background, 1..K. step: the
    optimiser step, from 0.
    """

    images: torch.Tensor
    masks: torch.Tensor
    step: int
    generator: torch.Generator  # on the CPU, a stream of this step's own

    def noise(self, like: torch.Tensor | None = None) -> torch.Tensor:
        """Fresh standard normal noise of the shape of `like` (the images'), drawn on the CPU, on the images' device."""
        import torch

        shape = (self.images if like is None else like).shape
        return to_device(torch.randn(shape, generator=self.generator), self.images.device)

    def chance(self) -> float:
        """One number uniform in [0, 1), the same for the whole batch."""
        import torch

        return float(torch.rand((), generator=self.generator))

    def timesteps(self, total: int) -> torch.Tensor:
        """(N,) integers uniform in 0..total-1."""
        import torch

        drawn = torch.randint(total, (len(self.images),), generator=self.generator)
        return to_device(drawn, self.images.device)


@dataclass
class SampleRequest:
    """What a sampler is asked for: `count` samples of a task, each with a random stream of its own.

    The stream of a sample descends from (seed, role, fold, index), so a sample is the same in every chunk and for
    every n. masks: (count, 1, H, W) uint8 to make images for, if the generator takes masks, else None. view: the fold's
    training cases. cases: (count,) indices into the view, from successive seeded permutations, for generators that
    start from training cases. on_step: if given, call it at each denoising step with what the trace figure shows.
    """

    count: int
    task: Task
    device: torch.device
    streams: Sequence[torch.Generator]
    masks: np.ndarray | None = None
    view: TrainView | None = None
    cases: np.ndarray = field(default_factory=lambda: np.empty(0, int))
    on_step: Callable[..., None] | None = None

    @property
    def resolution(self) -> int:
        """The side of the images that are asked for, in pixels."""
        return self.task.resolution

    def noise(self, shape: tuple[int, ...] | None = None) -> torch.Tensor:
        """(count, *shape) float32 standard normal, the next draw of every sample's own stream, on `device`.

        shape: of one sample; by default an image's, (C, H, W).
        """
        import torch

        shape = shape or self.task.image_shape
        drawn = torch.stack([torch.randn(shape, generator=stream) for stream in self.streams])
        return to_device(drawn, self.device)


def to_device(values: torch.Tensor, device: torch.device | str) -> torch.Tensor:
    """`values`, made on the CPU, on `device`; a GPU fetches them while it works on."""
    if str(device) == "cpu":
        return values
    return values.pin_memory().to(device, non_blocking=True)
