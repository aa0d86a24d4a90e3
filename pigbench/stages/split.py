"""Stage `split`: the folds, as lists of held-out patients. Made before preparation, so alike at every resolution."""

from __future__ import annotations

from pigbench.stages.job import Job


def run(job: Job) -> None:
    """Writes folds.json: for each fold its held-out patients.

    Where patients are set aside, the folds are the other patients', or with `tuning` theirs alone.
    """
    from pigbench.data.datasets import open_dataset
    from pigbench.data.splits import make_folds, part

    spec, cases = job.spec, open_dataset(job.dataset, job.store).cases()
    if "set_aside" in spec:
        cases = part(cases, spec["set_aside"], spec["seed"], tuning=spec["tuning"])
    job.write_json("folds.json", make_folds(cases, spec["folds"], spec["seed"]))
