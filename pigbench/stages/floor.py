"""Stage `floor`: what real images score against real images in one fold, alike for every generator of one n."""

from __future__ import annotations

from typing import Any

import numpy as np

from pigbench.contracts.metric import Sets
from pigbench.metrics import set_metrics
from pigbench.metrics.comparing import OfReals, known_and_floors
from pigbench.stages import base
from pigbench.stages.job import Job, read_json

SEED = 0
"""The random subsets of real images are the same in every run."""


class FloorSpec(base.FoldSpec):
    """metrics: the hash of each one's source, by name. m: how many reference images, at most. fold: whose patients."""

    metrics: dict[str, str]
    m: int


class FloorNumbers(base.Result):
    """The floors, and what else of the real images every generator of the same m needs."""

    NUMBERS, KNOWN = "floor.json", "known.npz"

    @property
    def of_reals(self) -> OfReals:
        """The floors, how many training images they are of, and what each metric knows of the real images."""
        numbers = read_json(self.directory / self.NUMBERS)
        known: dict[str, dict[str, np.ndarray]] = {name: {} for name in numbers["known"]}
        with np.load(self.directory / self.KNOWN) as arrays:
            for name in arrays:
                metric, _, part = name.partition(" ")
                known[metric][part] = arrays[name]
        return OfReals(numbers["floor_m"], known, numbers["floors"], numbers["refused"])


class Floor(base.Stage):
    """Alike for every generator."""

    name = "floor"
    version = 3
    Spec = FloorSpec
    Result = FloorNumbers
    seconds = 5.0

    def run(self, job: Job[FloorSpec]) -> None:
        """Write the floors, and what each metric wants to know of the real images."""
        import torch

        torch.set_num_threads(1)
        found = known_and_floors(set_metrics(job.spec.metrics), real_sets(job, job.spec.m))
        numbers = {"floors": found.floors, "floor_m": found.floor_m, "refused": found.refused}
        job.write_json(FloorNumbers.NUMBERS, numbers | {"known": list(found.known)})
        known = {f"{name} {part}": array for name, parts in found.known.items() for part, array in parts.items()}
        np.savez(job.directory / FloorNumbers.KNOWN, allow_pickle=False, **known)


def real_sets(job: Job[Any], m: int) -> Sets:
    """The real features of the job's fold, at m images at most, and none generated.

    Without fresh patients, the held-out images are the reference.
    """
    features, mirrored = job.result("real").features, job.result("mirrored").features
    seen, heldout = job.prepared.rows(job.train_patients), features[job.prepared.rows(job.held_out)]
    reference = np.array(job.result("reference").features) if "reference" in job.inputs else heldout
    return Sets(
        generated=features[:0],
        reference=reference,
        training=features[seen],
        mirrored=mirrored[seen],
        heldout=heldout,
        m=min(m, len(reference)),
        seed=SEED,
    )


STAGE = Floor()
