"""Stage `embed`: an extractor's features of a set of images, real or generated, computed once."""

from __future__ import annotations

from functools import partial

import numpy as np

from pigbench.contracts import to_unit_range
from pigbench.stages.job import Job

SLICE = 256  # images decoded at once, so that memory does not grow with the set


def run(job: Job) -> None:
    """Writes features.npy (n, D) float32."""
    device = job.device
    images = np.load(job.input("images") / "images.npy", mmap_mode="r")
    parts = []
    for start in range(0, len(images), SLICE):
        part = images[start : start + SLICE]
        parts.append(job.kept(f"from-{start}", partial(_features, part, job.spec["extractor"], device)))
        job.progress(min(1.0, (start + SLICE) / len(images)), f"{min(start + SLICE, len(images))}/{len(images)}")
    np.save(job.directory / "features.npy", np.concatenate([part["features"] for part in parts]))


def _features(images: np.ndarray, extractor: str, device: str) -> dict[str, np.ndarray]:
    from pigbench.metrics.extractors import features

    return {"features": features(to_unit_range(images), extractor, device)}
