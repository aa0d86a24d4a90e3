"""The options that say where a run computes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pigbench.errors import PigbenchError, did_you_mean

if TYPE_CHECKING:
    from pigbench.engine.dask.clusters import Place

Engine = Annotated[
    str | None,
    typer.Option("--engine", help="local or dask (default: dask with --scheduler or --cluster, otherwise local)."),
]
SchedulerAddress = Annotated[
    str | None, typer.Option("--scheduler", metavar="tcp://HOST:PORT", help="A running Dask scheduler.")
]
ClusterFile = Annotated[
    Path | None,
    typer.Option("--cluster", metavar="FILE", help="A job queue for Dask workers, described in a TOML file."),
]


def chosen_place(
    engine: str | None, scheduler: str | None, cluster: Path | None, workers: int | None = None
) -> Place | None:
    """Where a cluster's workers come from; None for this machine. Raises PigbenchError for what does not fit."""
    if engine not in ("local", "dask", None):
        raise PigbenchError(did_you_mean("engine", engine, ["local", "dask"]))
    if scheduler and cluster:
        raise PigbenchError("--scheduler and --cluster: give one")
    if not scheduler and not cluster:
        if engine == "dask":
            raise PigbenchError("--engine dask needs --scheduler tcp://HOST:PORT or --cluster FILE")
        return None
    if engine == "local":
        raise PigbenchError("--scheduler and --cluster are for --engine dask")
    if workers:
        raise PigbenchError("--workers is for this machine: a cluster's workers are started there, or by --cluster")
    from pigbench.engine.dask.clusters import Scheduler, read_queue, require_dask

    require_dask()
    if cluster:
        return read_queue(cluster)
    assert scheduler
    return Scheduler(scheduler)


def print_job(place: Place | None) -> None:
    """Print the script of a job as it would be submitted, if jobs would be."""
    from pigbench.engine.dask.clusters import JobQueue

    if isinstance(place, JobQueue):
        jobs = f"{place.most}" if place.fewest == place.most else f"{place.fewest} to {place.most}"
        print(f"\n{jobs} jobs of {place.queue} would be submitted, each with this script:\n\n{place.job_script()}")
