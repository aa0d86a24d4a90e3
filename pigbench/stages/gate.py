"""Stage `gate`: whether a generator's lesions are where its masks are, beside the fold's real training pairs."""

from __future__ import annotations

import math
from dataclasses import asdict

from pigbench.contracts import to_unit_range
from pigbench.stages.job import Job, load_chunks

SEED = 0
"""Chance pairs the same images with the same other masks in every run."""


def run(job: Job) -> None:
    """Writes gate.json: contrast, real, ratio (null where it cannot be told) and verdict."""
    from pigbench.metrics.contrast import gate

    images, masks, _ = load_chunks(job.numbered("chunk"), job.spec["n"])
    assert masks is not None, "a gate needs masks"
    rows = job.prepared.rows(job.train_patients)
    prepared = job.prepared
    real = to_unit_range(prepared.images[rows]), prepared.masks[rows], [prepared.patients[row] for row in rows]
    found = gate(to_unit_range(images), masks, *real, SEED)
    numbers = asdict(found)
    job.write_json(
        "gate.json", {name: None if isinstance(v, float) and math.isnan(v) else v for name, v in numbers.items()}
    )
