"""Stage `embed`: an extractor's features of a set of images, real or generated, computed once."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from pigbench import stages
from pigbench.contracts import to_unit_range
from pigbench.stages import base
from pigbench.stages.job import Job
from pigbench.stages.node import Node

SLICE = 256  # images decoded at once, so that memory does not grow with the set
WHOLE_SET = 10.0
"""The urgency of embedding a whole set of real images, which all distances wait for."""


class EmbedSpec(base.Spec):
    """extractor: by the name that stands for its exact weights. mirrored: left to right, before they are embedded."""

    extractor: str
    numerics: base.Numerics
    mirrored: bool = False


class Features(base.Result):
    """(N, D) float32, in the order of the images."""

    FILE = "features.npy"

    @property
    def features(self) -> np.ndarray:
        """(n, D) float32, memory-mapped."""
        return np.load(self.directory / self.FILE, mmap_mode="r")


class Embed(base.Stage):
    """A unit of work is an image, whatever it shows."""

    name = "embed"
    Spec = EmbedSpec
    Result = Features
    urgency = 2.0
    grows = True
    probed = True

    def run(self, job: Job[EmbedSpec]) -> None:
        """Write the features of all images of the input."""
        device = job.device
        images = job.result("images").images
        parts = []
        for start in range(0, len(images), SLICE):
            part = images[start : start + SLICE]
            part = part[..., ::-1] if job.spec.mirrored else part
            parts.append(job.kept(f"from-{start}", partial(_features, part, job.spec.extractor, device)))
            job.progress(min(1.0, (start + SLICE) / len(images)), f"{min(start + SLICE, len(images))}/{len(images)}")
        np.save(job.directory / Features.FILE, np.concatenate([part["features"] for part in parts]))

    def like(self, node: Node) -> str:
        """Alike for all images."""
        return self.name

    def units(self, node: Node, size: base.Size) -> float:
        """The images."""
        images = node.inputs["images"]
        return float(stages.find(images.stage).images(images, size) or size.every)

    def units_of(self, spec: Any, result: Features) -> float:
        """The images that were embedded."""
        return float(len(result.features))

    def urgency_of(self, node: Node) -> float:
        """All distances wait for a whole set of real images."""
        return self.urgency if node.purpose.generator else WHOLE_SET


def _features(images: np.ndarray, extractor: str, device: str) -> dict[str, np.ndarray]:
    from pigbench.metrics.extractors import features

    return {"features": features(to_unit_range(images), extractor, device)}


STAGE = Embed()
