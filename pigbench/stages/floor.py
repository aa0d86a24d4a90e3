"""Stage `floor`: what real images score against real images in one fold, alike for every generator of one n."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from pigbench.stages import base
from pigbench.stages.job import Job, read_json

if TYPE_CHECKING:
    from pigbench.metrics.fidelity import RealStatistics

SEED = 0
"""The random subsets of real images are the same in every run."""


@dataclass(frozen=True)
class RealFeatures:
    """The features of a fold's real images: what is compared against, what the generator saw, what it did not."""

    reference: np.ndarray
    training: np.ndarray
    heldout: np.ndarray
    reference_is: str


class FloorSpec(base.Spec):
    """m: how many reference images, at most. fold: whose held-out patients."""

    m: int
    fold: int


class FloorNumbers(base.Result):
    """The floor, and what of the reference every distance of the same m needs."""

    NUMBERS, REFERENCE = "floor.json", "reference.npz"

    @property
    def statistics(self) -> RealStatistics:
        """The real-against-real distance, how far new patients are from training images, mean and covariance."""
        from pigbench.metrics.fidelity import Distance, RealStatistics

        numbers = read_json(self.directory / self.NUMBERS)
        with np.load(self.directory / self.REFERENCE) as reference:
            floor = Distance(**numbers["floor"])
            return RealStatistics(floor, numbers["nearest"], reference["mu"], reference["sigma"])


class Floor(base.Stage):
    """Alike for every generator."""

    name = "floor"
    version = 2
    Spec = FloorSpec
    Result = FloorNumbers
    seconds = 5.0

    def run(self, job: Job[FloorSpec]) -> None:
        """Write the numbers, and mean and covariance of the m reference images."""
        import torch

        from pigbench.metrics.fidelity import real_statistics

        torch.set_num_threads(1)
        real = real_features(job)
        m = min(job.spec.m, len(real.reference))
        found = real_statistics(real.reference, real.training, real.heldout, m, SEED)
        job.write_json(FloorNumbers.NUMBERS, {"floor": asdict(found.floor), "nearest": found.nearest})
        np.savez(job.directory / FloorNumbers.REFERENCE, mu=found.mu, sigma=found.sigma)


def real_features(job: Job) -> RealFeatures:
    """The real features of the job's fold. Without fresh patients, the held-out images are the reference."""
    features = job.result("real").features
    training = features[job.prepared.rows(job.train_patients)]
    heldout = features[job.prepared.rows(job.held_out)]
    if "reference" in job.inputs:
        return RealFeatures(np.array(job.result("reference").features), training, heldout, "fresh patients")
    return RealFeatures(heldout, training, heldout, "held-out")


STAGE = Floor()
