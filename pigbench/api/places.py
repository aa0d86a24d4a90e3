"""Where a run computes: on this machine, or with the workers of a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pigbench.api.refusals import require_known
from pigbench.errors import PigbenchError

if TYPE_CHECKING:
    from pigbench.engine.dask.clusters import Place


def chosen_place(
    engine: str | None, scheduler: str | None, cluster: str | Path | None, workers: int | None = None
) -> Place | None:
    """Where a cluster's workers come from; None for this machine. Raises PigbenchError for what does not fit."""
    require_known("engine", [engine or "local"], ["local", "dask"])
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
        return read_queue(Path(cluster))
    assert scheduler
    return Scheduler(scheduler)
