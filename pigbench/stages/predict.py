"""Stage `predict`: what a trained segmenter says of the fold's held-out cases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from pigbench.contracts import LESION, require_probabilities, to_unit_range
from pigbench.data import probabilities
from pigbench.stages import base
from pigbench.stages.fit import FittedSegmenter, load_segmenter
from pigbench.stages.job import Job
from pigbench.stages.node import Node

BATCH = 64
"""One fixed shape, the last batch padded."""
BYTES_A_PIXEL = 0.15
"""About what is left of a probability after compression, for estimates: most of an image is surely background."""


class PredictSpec(base.PluginSpec):
    """fold: whose held-out patients."""

    fold: int


class Predictions(base.Result):
    """The class probabilities of every held-out case, in the order of the prepared rows."""

    FILE = "probabilities.npz"

    @property
    def coded(self) -> np.ndarray:
        """(n, C, R, R) uint8, as `data.probabilities.code` has it."""
        with np.load(self.directory / self.FILE) as arrays:
            return arrays["coded"]


class Predict(base.Stage):
    """One pass over the held-out cases."""

    name = "predict"
    Spec = PredictSpec
    Result = Predictions
    plugins = "segmenters"
    seconds = 3.0

    def run(self, job: Job[PredictSpec]) -> None:
        """Write the probabilities, compressed."""
        rows, coded = job.prepared.rows(job.held_out), []
        for part in predicted(job, job.result("fit"), job.prepared.images, rows):
            coded.append(part)
            done = min(BATCH * len(coded), len(rows))
            job.progress(done / len(rows), f"{done}/{len(rows)}")
        np.savez_compressed(job.directory / Predictions.FILE, allow_pickle=False, coded=np.concatenate(coded))

    def bytes_of(self, node: Node, size: base.Size) -> float | None:
        """The held-out cases', compressed."""
        classes = len(node.spec.get("classes", LESION))
        planes = 1 if classes == 1 else classes + 1
        return planes * BYTES_A_PIXEL * node.spec["resolution"] ** 2 * (size.every - size.training)


def predicted(job: Job[Any], fitted: FittedSegmenter, images: np.ndarray, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Batch by batch, what a trained segmenter says of these rows of images (N, C, R, R) uint16: (n, C, R, R) uint8, as
    `data.probabilities.code` has it."""
    import torch

    segmenter, device = load_segmenter(job.spec), job.device
    network = segmenter.build()
    network.load_state_dict(fitted.weights)
    network = network.to(device).eval().requires_grad_(False)
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        batch = np.zeros((BATCH, *images.shape[1:]), np.float32)
        batch[: len(part)] = to_unit_range(images[part])
        with torch.inference_mode(), job.autocast():
            found = segmenter.predict(network, torch.from_numpy(batch).to(device))
        checked = require_probabilities(found, job.spec.task, BATCH)
        yield probabilities.code(checked[: len(part)].cpu().numpy())


STAGE = Predict()
