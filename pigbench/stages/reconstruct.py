"""Stage `reconstruct`: what a generator's own compression makes of held-out images, the ceiling of all it can generate.

The generator never sees them while it learns; they only pass through what it has learnt.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pigbench import registry
from pigbench.contracts import instance, to_unit_range
from pigbench.stages import base
from pigbench.stages.job import Job, StageFailed
from pigbench.stages.node import Node
from pigbench.stages.train import load_networks


class ReconstructSpec(base.PluginSpec):
    """batch: images at once. fold: whose held-out patients."""

    batch: int
    fold: int


class Reconstruction(base.Numbers):
    """mae and rmse, both as a part of the intensity range, and psnr in dB."""

    FILE = "reconstruction.json"


class Reconstruct(base.Stage):
    """One pass over the held-out images."""

    name = "reconstruct"
    Spec = ReconstructSpec
    Result = Reconstruction
    plugins = "generators"
    seconds = 5.0
    table = "reconstructions"

    def run(self, job: Job[ReconstructSpec]) -> None:
        """Write the errors over all held-out images."""
        import torch

        from pigbench.metrics.reconstruction import errors

        spec, device = job.spec, job.device
        plugin = registry.find("generators", spec.plugin).load()
        generator = instance(plugin, plugin.Config(**spec.settings), spec.task)
        trained = load_networks(job, device)
        rows = job.prepared.rows(job.held_out)
        images = to_unit_range(job.prepared.images[rows])
        rebuilt = np.empty_like(images)
        for start in range(0, len(images), spec.batch):
            padded = np.zeros((spec.batch, *images.shape[1:]), np.float32)  # one fixed shape, the last one padded
            part = images[start : start + spec.batch]
            padded[: len(part)] = part
            with torch.inference_mode(), job.autocast():
                made = generator.reconstruct(trained, torch.from_numpy(padded).to(device))
            rebuilt[start : start + spec.batch] = made[: len(part)].float().cpu().numpy()
        if not np.isfinite(rebuilt).all():
            raise StageFailed(f"generator '{spec.plugin}' reconstructed NaN or infinite intensities")
        job.write_json(Reconstruction.FILE, errors(images, rebuilt))

    def row(self, node: Node, result: Reconstruction | None) -> dict[str, Any]:
        """One generator, seed and fold."""
        return node.purpose.told("generator", "seed", "fold", "train_patients") | (result.numbers if result else {})


STAGE = Reconstruct()
