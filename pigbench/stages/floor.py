"""Stage `floor`: what real images score against real images in one fold, alike for every generator of one n."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from pigbench.stages.job import Job

SEED = 0
"""The random subsets of real images are the same in every run."""


@dataclass(frozen=True)
class RealFeatures:
    """The features of a fold's real images: what is compared against, what the generator saw, what it did not."""

    reference: np.ndarray
    training: np.ndarray
    heldout: np.ndarray
    reference_is: str


def run(job: Job) -> None:
    """Writes floor.json, the real-against-real distance and how far new patients are from training images, and
    reference.npz, mean and covariance of the m reference images.
    """
    import torch

    from pigbench.metrics.fidelity import real_statistics

    torch.set_num_threads(1)
    real = real_features(job)
    m = min(job.spec["m"], len(real.reference))
    found = real_statistics(real.reference, real.training, real.heldout, m, SEED)
    job.write_json("floor.json", {"floor": asdict(found.floor), "nearest": found.nearest})
    np.savez(job.directory / "reference.npz", mu=found.mu, sigma=found.sigma)


def real_features(job: Job) -> RealFeatures:
    """The real features of the job's fold. Without fresh patients, the held-out images are the reference."""
    features = np.load(job.input("real") / "features.npy", mmap_mode="r")
    training = features[job.prepared.rows(job.train_patients)]
    heldout = features[job.prepared.rows(job.held_out)]
    if "reference" in job.inputs:
        return RealFeatures(np.load(job.input("reference") / "features.npy"), training, heldout, "fresh patients")
    return RealFeatures(heldout, training, heldout, "held-out")
