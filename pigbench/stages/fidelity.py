"""Stage `fidelity`: how near one generator's images are to real ones, in one fold, at one n."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from pigbench.stages.floor import SEED, real_features
from pigbench.stages.job import Job, load_masks, read_json


def run(job: Job) -> None:
    """Writes fidelity.json: the row of the record."""
    import torch

    from pigbench.metrics.fidelity import Distance, RealStatistics, fidelity

    torch.set_num_threads(1)
    n = job.spec["n"]
    generated = np.concatenate([np.load(path / "features.npy") for path in job.numbered("features")])[:n]
    floor = read_json(job.input("floor") / "floor.json")
    with np.load(job.input("floor") / "reference.npz") as reference:
        known = RealStatistics(Distance(**floor["floor"]), floor["nearest"], reference["mu"], reference["sigma"])
    real = real_features(job)
    found = fidelity(generated, real.reference, real.training, real.heldout, SEED, known)
    masks, chunks = load_masks(job.numbered("chunk"), n)
    about = {
        "reference": real.reference_is,
        "clipped_fraction": _mean_if_known([chunk["clipped_fraction"] for chunk in chunks]),
        "empty_masks": 0 if masks is None else int((~masks.any(axis=(1, 2, 3))).sum()),
    }
    job.write_json("fidelity.json", asdict(found) | about)


def _mean_if_known(shares: list[float | None]) -> float | None:
    known = [share for share in shares if share is not None]
    return float(np.mean(known)) if known else None
