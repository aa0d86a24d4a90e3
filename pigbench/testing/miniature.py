"""A fold in miniature: some cases, and a training of a few steps that can be stopped before its end."""

from __future__ import annotations

import numpy as np

from pigbench.contracts import Task, TrainView, to_stored
from pigbench.randomness import numpy_generator
from pigbench.training import LOSS_WINDOW

CASES = 12
STEPS = LOSS_WINDOW + 1
"""The shortest training that leaves a checkpoint before its end."""


def make_view(task: Task) -> TrainView:
    """Dark noise with a bright square, which is the mask, its classes case by case; 6 patients. The first case is flat
    grey, its mask empty."""
    draw, resolution = numpy_generator("miniature", task.resolution), task.resolution
    images = draw.normal(-0.6, 0.1, (CASES, *task.image_shape)).astype(np.float32)
    masks = np.zeros((CASES, *task.mask_shape), np.uint8)
    side = max(1, resolution // 4)
    for number, mask in enumerate(masks):
        top, left = draw.integers(0, resolution - side + 1, 2)
        mask[0, top : top + side, left : left + side] = 1 + number % task.planes
    images[np.broadcast_to(masks > 0, images.shape)] = 0.5
    images[0], masks[0] = 0.0, 0
    return TrainView(to_stored(images), masks, [f"p{case // 2}" for case in range(CASES)], "miniature")


class Stopped(BaseException):
    """A training is stopped here on purpose; no plugin catches it by accident."""


def stop_at_the_end(step: int, steps: int, loss: float) -> None:
    """A loop's `progress` that stops it at its last step, when the last checkpoint is a step behind."""
    if step == steps:
        raise Stopped
