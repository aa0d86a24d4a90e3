"""Stage `prepare`: a dataset, or fresh reference cases of it, at one resolution as memory-mapped arrays."""

from __future__ import annotations

from pigbench.stages.job import Job


def run(job: Job) -> None:
    """Writes images.npy, masks.npy and index.csv."""
    from pigbench.data.catalogue import open_dataset
    from pigbench.data.prepare import prepare

    source = open_dataset(job.dataset, job.store)
    if "reference" in job.spec:
        fresh = source.reference(job.spec["reference"])
        assert fresh is not None, f"{job.dataset} makes no reference cases"
        source = fresh
    prepare(source, job.spec["resolution"], job.directory, lambda done, of: job.progress(done / of, f"{done}/{of}"))
