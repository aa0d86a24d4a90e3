"""Stage `fidelity`: how near one generator's images are to real ones, in one fold, at one n."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from pigbench.stages import base
from pigbench.stages.floor import SEED, real_features
from pigbench.stages.job import Job
from pigbench.stages.node import Node
from pigbench.stages.sample import load_masks


class FidelitySpec(base.Spec):
    """n: how many samples. fold: whose training patients they were made from."""

    n: int
    fold: int


class Distances(base.Numbers):
    """The distances."""

    FILE = "fidelity.json"

    @property
    def kid(self) -> float:
        """The kernel distance."""
        return self.numbers["kid"]


class Fidelity(base.Stage):
    """From features alone."""

    name = "fidelity"
    Spec = FidelitySpec
    Result = Distances
    seconds = 5.0
    table = "fidelity"

    def run(self, job: Job[FidelitySpec]) -> None:
        """Write the distances, what was clipped and how many masks are empty."""
        import torch

        from pigbench.metrics.fidelity import fidelity

        torch.set_num_threads(1)
        n = job.spec.n
        generated = np.concatenate([result.features for result in job.results("features")])[:n]
        real = real_features(job)
        known = job.result("floor").statistics
        found = fidelity(generated, real.reference, real.training, real.heldout, SEED, known)
        chunks = job.results("chunk")
        masks = load_masks(chunks, n)
        about = {
            "reference": real.reference_is,
            "clipped_fraction": _mean_if_known([chunk.clipped_fraction for chunk in chunks]),
            "empty_masks": 0 if masks is None else int((~masks.any(axis=(1, 2, 3))).sum()),
        }
        job.write_json(Distances.FILE, asdict(found) | about)

    def row(self, node: Node, result: Distances | None) -> dict[str, Any]:
        """One generator, n, seed and fold."""
        about = node.purpose.told("generator", "n", "seed", "fold")
        about["extractor"] = node.inputs["features:0"].spec["extractor"]
        return about | (result.numbers if result else {})


def _mean_if_known(shares: list[float | None]) -> float | None:
    known = [share for share in shares if share is not None]
    return float(np.mean(known)) if known else None


STAGE = Fidelity()
