"""Jobs of a cluster's queue that end while a run goes on, as at their time limit, are replaced by others."""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from pigbench.errors import in_a_line

LOOK = 2.0  # seconds between two looks at which jobs have workers
GONE = 30.0  # seconds without a worker after which a job has ended; a worker that died takes less to be started again
SOON = 300.0  # seconds of a job's life below which it is not replaced at once
LONGEST = 900.0  # seconds between two replacements at most, also for jobs that did not end soon


class Renewal:
    """Replaces jobs whose workers are gone, as at their time limit.

    Dask looks for them only where it adapts their number, and then misses those with several workers: each of these has
    another name than its job. Jobs that it retired itself are not in its plan (`worker_spec`) any more.
    """

    def __init__(self, cluster: Any, fewest: int) -> None:
        """fewest: jobs that there must be, running or in the queue."""
        self.cluster, self.fewest = cluster, fewest
        self.served: set[str] = set()
        """Ids of the jobs that have had workers. Others may be in the queue, and would lose their place."""
        self.idle: dict[str, float] = {}
        """Since when jobs have no workers any more, or could not be submitted, by the job's name."""
        self.failing = False
        self.began: dict[str, float] = {}
        """When jobs were first seen to have workers, by the job's name."""
        self.seen: dict[str, float] = {}
        """When they were last seen to have workers."""
        self.pause, self.due = 0.0, 0.0

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Within it jobs are replaced."""
        self.cluster.sync(self._begin)
        try:
            yield
        finally:
            self.cluster.sync(self._end)

    async def _begin(self) -> None:
        self.over = asyncio.Event()
        self.looking = asyncio.create_task(self._look_on())

    async def _end(self) -> None:
        self.over.set()
        await self.looking  # not cancelled: what it is just submitting must become known, to be cancelled too

    async def _look_on(self) -> None:
        while not self.over.is_set():
            await self._look()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.over.wait(), LOOK)

    async def _look(self) -> None:
        try:
            ended = self._ended()
            gone = ended | (self.cluster.worker_spec.keys() - self.cluster.workers.keys())
            if gone and time.monotonic() >= self.due:
                self._take_time(gone)
                await self._replace(ended)
                self.failing = False
        except Exception as error:  # of whatever kind: a run without these looks could wait for ever
            if not self.failing:
                warnings.warn(f"no job could be submitted, trying on: {in_a_line(error)}", stacklevel=2)
            self.failing = True

    def _ended(self) -> set[str]:
        """Names of the jobs that have been idle for long."""
        plan, here, now = self.cluster.worker_spec, self.cluster.observed, time.monotonic()
        jobs = {name: job.job_id for name, job in self.cluster.workers.items() if name in plan}
        serving = {name for name in jobs if here & {f"{name}{end}" for end in plan[name].get("group", [""])}}
        self.served |= {jobs[name] for name in serving}
        self.began |= dict.fromkeys(serving - self.began.keys(), now)
        self.seen |= dict.fromkeys(serving, now)
        idle = {name for name in jobs.keys() - serving if jobs[name] is None or jobs[name] in self.served}
        self.idle = {name: self.idle.get(name, now) for name in idle}
        return {name for name in idle if now - self.idle[name] >= GONE}

    def _take_time(self, gone: set[str]) -> None:
        """Wait longer before the next replacement, where jobs end soon: on a node, say, that cannot serve the run."""
        lived = [self.seen.pop(name) - self.began.pop(name) for name in gone & self.began.keys()]
        self.pause = min(max(GONE, 2 * self.pause), LONGEST) if min(lived, default=SOON) < SOON else 0.0
        self.due = time.monotonic() + self.pause

    async def _replace(self, ended: set[str]) -> None:
        """Forget jobs, and submit what is then missing, also of jobs that Dask itself has noticed to be gone."""
        for _ in range(self.fewest + len(ended) - len(self.cluster.worker_spec)):
            self.cluster.worker_spec.update(self.cluster.new_worker_spec())  # under new names: the old are still there
        await self.cluster.scale_down(ended)
