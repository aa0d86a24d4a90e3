"""Stage `fidelity`: how near one generator's images are to real ones, in one fold, at one n."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from pigbench.metrics import set_metrics
from pigbench.metrics.comparing import compare_sets
from pigbench.stages import base
from pigbench.stages.floor import real_sets
from pigbench.stages.job import Job
from pigbench.stages.node import Node
from pigbench.stages.sample import load_masks


class FidelitySpec(base.FoldSpec):
    """metrics: the hash of each one's source, by name. n: how many samples. fold: whose training patients they were
    made from."""

    metrics: dict[str, str]
    n: int


class SetNumbers(base.Numbers):
    """What every set metric says, with what it takes to read it."""

    FILE = "fidelity.json"

    def value(self, metric: str) -> float:
        """The value of a metric."""
        return self.numbers["values"][metric]


class Fidelity(base.Stage):
    """From features alone."""

    name = "fidelity"
    version = 2
    Spec = FidelitySpec
    Result = SetNumbers
    seconds = 5.0
    table = "fidelity"

    def run(self, job: Job[FidelitySpec]) -> None:
        """Write values and floors, what was clipped and how many masks are empty."""
        import torch

        torch.set_num_threads(1)
        n = job.spec.n
        generated = np.concatenate([result.features for result in job.results("features")])[:n]
        floor, real = job.result("floor").of_reals, real_sets(job, n)
        found = compare_sets(set_metrics(job.spec.metrics), replace(real, generated=generated), floor)
        chunks = job.results("chunk")
        masks = load_masks(chunks, n)
        about = {
            "dimension": generated.shape[1],
            "m": real.m,
            "n_reference": len(real.reference),
            "reference": "fresh patients" if "reference" in job.inputs else "held-out",
            "values": found.values,
            "biased": found.biased,
            "floors": floor.floors,
            "floor_m": floor.floor_m,
            "refused": found.refused,
            "clipped_fraction": _mean_if_known([chunk.clipped_fraction for chunk in chunks]),
            "empty_masks": 0 if masks is None else int((~masks.any(axis=(1, 2, 3))).sum()),
        }
        job.write_json(SetNumbers.FILE, about)

    def row(self, node: Node, result: SetNumbers | None) -> dict[str, Any]:
        """One generator, n, seed and fold."""
        about = node.purpose.told("generator", "n", "seed", "fold", "train_patients")
        about["extractor"] = node.inputs["features:0"].spec["extractor"]
        return about | (result.numbers if result else {})


def _mean_if_known(shares: list[float | None]) -> float | None:
    known = [share for share in shares if share is not None]
    return float(np.mean(known)) if known else None


STAGE = Fidelity()
