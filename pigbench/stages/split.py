"""Stage `split`: the folds, as lists of held-out patients. Made before preparation, so alike at every resolution."""

from __future__ import annotations

from pigbench.stages.job import Job


def run(job: Job) -> None:
    """Writes folds.json: for each fold its held-out patients."""
    from pigbench.data.catalogue import open_dataset
    from pigbench.data.splits import make_folds

    source = open_dataset(job.dataset, job.store)
    job.write_json("folds.json", make_folds(source.cases(), job.spec["folds"], job.spec["seed"]))
