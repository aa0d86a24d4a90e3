"""Stage `gate`: whether a generator's lesions are where its masks are, and how many masks have each of several classes,
beside the fold's real training pairs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from pigbench.contracts import to_unit_range
from pigbench.stages import base
from pigbench.stages.job import Job
from pigbench.stages.node import Node
from pigbench.stages.sample import load_images, load_masks

SEED = 0
"""Chance pairs the same images with the same other masks in every run."""


class GateSpec(base.FoldSpec):
    """n: how many pairs. fold: whose training patients they were made from. classes: how many."""

    n: int
    classes: int = 1


class ContrastNumbers(base.Numbers):
    """What `metrics.contrast.Gate` says, None where there is no number; of several classes also `shares`, of the masks
    that have each, and `real_shares`."""

    FILE = "gate.json"


class Gate(base.Stage):
    """From pixels alone."""

    name = "gate"
    version = 2
    Spec = GateSpec
    Result = ContrastNumbers
    seconds = 2.0
    table = "gates"

    def run(self, job: Job[GateSpec]) -> None:
        """Write the contrast of generated and of real pairs."""
        from pigbench.metrics.contrast import gate

        chunks = job.results("chunk")
        images, masks = load_images(chunks, job.spec.n), load_masks(chunks, job.spec.n)
        assert masks is not None, "a gate needs masks"
        prepared = job.prepared
        rows = prepared.rows(job.train_patients)
        real = to_unit_range(prepared.images[rows]), prepared.masks[rows], [prepared.patients[row] for row in rows]
        found = asdict(gate(to_unit_range(images), masks, *real, SEED, job.spec.classes))
        if job.spec.classes > 1:
            found |= {"shares": _shares(masks, job.spec.classes), "real_shares": _shares(real[1], job.spec.classes)}
        job.write_json(ContrastNumbers.FILE, base.defined(found))

    def row(self, node: Node, result: ContrastNumbers | None) -> dict[str, Any]:
        """One generator, n, seed and fold."""
        return node.purpose.told("generator", "n", "seed", "fold", "train_patients") | (
            result.numbers if result else {}
        )


def _shares(masks: np.ndarray, classes: int) -> list[float]:
    """The share of label maps (N, 1, H, W) that have each class."""
    return [float((masks == label).any(axis=(1, 2, 3)).mean()) for label in range(1, classes + 1)]


STAGE = Gate()
