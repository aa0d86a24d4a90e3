"""Stage `reconstruct`: what a generator's own compression makes of held-out images, the ceiling of all it can generate.

The generator never sees them while it learns; they only pass through what it has learnt.
"""

from __future__ import annotations

import numpy as np

from pigbench import registry
from pigbench.contracts import to_unit_range
from pigbench.stages.job import Job, StageFailed
from pigbench.stages.train import load_networks


def run(job: Job) -> None:
    """Writes reconstruction.json: mae and rmse, both as a part of the intensity range, and psnr in dB."""
    import torch

    from pigbench.metrics.reconstruction import errors

    spec, device = job.spec, job.device
    plugin = registry.find("generators", spec["plugin"]).load()
    generator = plugin(plugin.Config(**spec["settings"]), spec["resolution"])
    trained = load_networks(job, device)
    rows = job.prepared.rows(job.held_out)
    images = to_unit_range(job.prepared.images[rows])
    rebuilt = np.empty_like(images)
    batch = spec["batch"]
    for start in range(0, len(images), batch):
        padded = np.zeros((batch, *images.shape[1:]), np.float32)  # one fixed shape, the last one padded
        part = images[start : start + batch]
        padded[: len(part)] = part
        with torch.inference_mode(), job.autocast():
            made = generator.reconstruct(trained, torch.from_numpy(padded).to(device))
        rebuilt[start : start + batch] = made[: len(part)].float().cpu().numpy()
    if not np.isfinite(rebuilt).all():
        raise StageFailed(f"generator '{spec['plugin']}' reconstructed NaN or infinite intensities")
    job.write_json("reconstruction.json", errors(images, rebuilt))
