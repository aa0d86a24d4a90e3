"""Stage `embed`: an extractor's features of a set of images, real or generated, computed once."""

from __future__ import annotations

import numpy as np

from pigbench.contracts import to_unit_range
from pigbench.stages.job import Job

SLICE = 256  # images decoded at once, so that memory does not grow with the set


def run(job: Job) -> None:
    """Writes features.npy (n, D) float32."""
    from pigbench.metrics.extractors import features

    device = job.device
    images = np.load(job.input("images") / "images.npy", mmap_mode="r")
    parts = []
    for start in range(0, len(images), SLICE):
        parts.append(features(to_unit_range(images[start : start + SLICE]), job.spec["extractor"], device))
        job.progress(min(1.0, (start + SLICE) / len(images)), f"{min(start + SLICE, len(images))}/{len(images)}")
    np.save(job.directory / "features.npy", np.concatenate(parts))
