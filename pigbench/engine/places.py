"""Where the Dask engine's workers come from: a scheduler that runs already, or a job queue that a file describes."""

from __future__ import annotations

import asyncio
import inspect
import shutil
import time
import tomllib
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from pigbench.errors import PigbenchError, did_you_mean

QUEUES = {
    "slurm": "SLURMCluster",
    "pbs": "PBSCluster",
    "lsf": "LSFCluster",
    "sge": "SGECluster",
    "oar": "OARCluster",
    "htcondor": "HTCondorCluster",
}
"""The tables that a cluster's file may have, and the classes of dask_jobqueue that take their keys."""

NOT_FOR_FILES = {
    *(
        "self",
        "kwargs",
        "base_class_kwargs",
        "job_kwargs",
        "scheduler",
        "scheduler_cls",
        "job_cls",
        "name",
        "n_workers",
    ),
    *("n_workers", "loop", "asynchronous", "silence_logs", "config_name", "security", "host", "dashboard_address"),
    *("extra", "job_extra", "env_extra", "header_skip", "project"),
}
"""Parameters of those classes that a file cannot give, or that have a newer name."""

LOOK = 2.0  # seconds between two looks at which jobs have workers
GONE = 30.0  # seconds without a worker after which a job has ended; a worker that died takes less to be started again


@dataclass(frozen=True)
class Workers:
    """A cluster's scheduler, how many workers it has, and how many it may yet start if there is work."""

    address: str
    number: int
    at_most: int = 0


class Place(Protocol):
    """What can be asked for workers."""

    @property
    def workers(self) -> int:
        """How many to count on before any is seen."""

    @property
    def at_most(self) -> int:
        """How many it starts by itself as work comes; 0 if that does not depend on work."""

    @property
    def patience(self) -> float:
        """Seconds that the first one may take."""

    def opened(self) -> AbstractContextManager[str]:
        """Within it there are workers, now or soon; gives the scheduler's address."""


@dataclass(frozen=True)
class Scheduler:
    """A Dask scheduler that runs already, whose workers someone starts."""

    address: str
    workers: int = 1
    at_most: int = 0
    patience: float = 300.0

    @contextmanager
    def opened(self) -> Iterator[str]:
        """The scheduler's address."""
        yield self.address


@dataclass(frozen=True)
class JobQueue:
    """Jobs of a cluster's queue, each running workers; the scheduler runs in this process.

    settings: for dask_jobqueue's class. fewest, most: jobs; equal, or as many between as there is work for.
    """

    queue: str
    settings: dict[str, Any]
    fewest: int
    most: int
    patience: float = 7 * 86400.0  # queues are long

    @property
    def workers(self) -> int:
        """Workers when all jobs run."""
        return self.most * self.settings["processes"]

    @property
    def at_most(self) -> int:
        """Workers when all jobs run, if how many do depends on the work."""
        return self.workers if self.fewest < self.most else 0

    @contextmanager
    def opened(self) -> Iterator[str]:
        """The address of a scheduler whose workers are submitted as jobs, anew when one ends, and cancelled at last."""
        submit = _class(self.queue).job_cls.submit_command.split()[0]
        if shutil.which(submit) is None:
            raise PigbenchError(f"there is no {submit} here: run this where jobs of {self.queue} can be submitted")
        with self._cluster() as cluster:
            self._submit_first(cluster)
            if self.fewest < self.most:
                cluster.adapt(minimum_jobs=self.fewest, maximum_jobs=self.most)
            with _Renewal(cluster, self.fewest).going_on():
                yield cluster.scheduler_address

    def job_script(self) -> str:
        """What would be submitted for each job."""
        with self._cluster() as cluster:
            return cluster.job_script()

    def _submit_first(self, cluster: Any) -> None:
        async def submitted() -> None:
            cluster.scale(jobs=self.fewest)
            await cluster  # raises what submitting raises, which scale alone keeps to itself

        try:
            cluster.sync(submitted)
        except (RuntimeError, ValueError) as error:
            raise PigbenchError(f"no job could be submitted to {self.queue}: {_in_a_line(error)}") from None

    @contextmanager
    def _cluster(self) -> Iterator[Any]:
        try:
            cluster = _class(self.queue)(**self.settings)
        except (TypeError, ValueError, RuntimeError) as error:
            raise PigbenchError(f"[{self.queue}]: {error}") from None
        try:
            yield cluster
        finally:
            with suppress(AssertionError):  # it takes for granted that every job could be submitted
                cluster.close()


class _Renewal:
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
            if ended or self.cluster.worker_spec.keys() - self.cluster.workers.keys():
                await self._replace(ended)
                self.failing = False
        except Exception as error:  # of whatever kind: a run without these looks could wait for ever
            if not self.failing:
                warnings.warn(f"no job could be submitted, trying on: {_in_a_line(error)}", stacklevel=2)
            self.failing = True

    def _ended(self) -> set[str]:
        """Names of the jobs that have been idle for long."""
        plan, here, now = self.cluster.worker_spec, self.cluster.observed, time.monotonic()
        jobs = {name: job.job_id for name, job in self.cluster.workers.items() if name in plan}
        serving = {name for name in jobs if here & {f"{name}{end}" for end in plan[name].get("group", [""])}}
        self.served |= {jobs[name] for name in serving}
        idle = {name for name in jobs.keys() - serving if jobs[name] is None or jobs[name] in self.served}
        self.idle = {name: self.idle.get(name, now) for name in idle}
        return {name for name in idle if now - self.idle[name] >= GONE}

    async def _replace(self, ended: set[str]) -> None:
        """Forget jobs, and submit what is then missing, also of jobs that Dask itself has noticed to be gone."""
        for _ in range(self.fewest + len(ended) - len(self.cluster.worker_spec)):
            self.cluster.worker_spec.update(self.cluster.new_worker_spec())  # under new names: the old are still there
        await self.cluster.scale_down(ended)


def require_dask() -> None:
    """Raises PigbenchError if what this engine needs is not installed."""
    for module in ("distributed", "dask_jobqueue"):
        if find_spec(module) is None:
            raise PigbenchError(f"--engine dask needs {module}: pip install 'pigbench[cluster]'")


def read_queue(file: Path) -> JobQueue:
    """The job queue that a TOML file describes: a table named for the queue, and [workers].

    Raises PigbenchError for anything in it that is not understood.
    """
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise PigbenchError(f"{file}: {error}") from None
    queues = [name for name in tables if name != "workers"]
    for name, table in tables.items():
        if name not in (*QUEUES, "workers") or not isinstance(table, dict):
            raise PigbenchError(f"{file}: " + did_you_mean("table", name, [*QUEUES, "workers"]))
    if len(queues) != 1:
        raise PigbenchError(f"{file}: one table must name the queue: [{'], ['.join(QUEUES)}]")
    try:
        settings = _check_settings(queues[0], tables[queues[0]])
        return JobQueue(queues[0], settings, *_jobs(tables.get("workers", {})))
    except PigbenchError as error:
        raise PigbenchError(f"{file}: {error}") from None


def _check_settings(queue: str, settings: dict[str, Any]) -> dict[str, Any]:
    known = _parameters(queue)
    for name in settings:
        if name not in known:
            raise PigbenchError(did_you_mean(f"key of [{queue}]", name, sorted(known)))
    cores = settings.get("cores")
    if not isinstance(cores, int):
        raise PigbenchError(f"[{queue}] needs cores = …, the workers of a job")
    if settings.get("processes", cores) != cores:
        raise PigbenchError(
            f"[{queue}] has cores = {cores} and processes = {settings['processes']}: a worker computes in one thread, "
            "so they must be equal"
        )
    return {"job_name": "pigbench", "processes": cores, **settings}


def _jobs(table: dict[str, Any]) -> tuple[int, int]:
    """The fewest and the most jobs that a [workers] table asks for."""
    for name, value in table.items():
        if name not in ("jobs", "minimum", "maximum"):
            raise PigbenchError(did_you_mean("key of [workers]", name, ["jobs", "minimum", "maximum"]))
        if not isinstance(value, int) or value < 1:
            raise PigbenchError(f"[workers] {name} = {value!r}: a number of jobs, 1 or more")
    if set(table) == {"jobs"}:
        return table["jobs"], table["jobs"]
    if set(table) == {"minimum", "maximum"} and table["minimum"] < table["maximum"]:
        return table["minimum"], table["maximum"]
    raise PigbenchError("[workers] needs jobs = …, or minimum = … and a larger maximum = …")


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _class(queue: str) -> Any:
    import dask_jobqueue

    return getattr(dask_jobqueue, QUEUES[queue])


def _parameters(queue: str) -> set[str]:
    """What the class of a queue, its job's class and what they derive from can be given."""
    kinds = [*_class(queue).__mro__, *_class(queue).job_cls.__mro__]
    of_jobqueue = [kind for kind in kinds if kind.__module__.startswith("dask_jobqueue")]
    named = {name for kind in of_jobqueue for name in inspect.signature(kind.__init__).parameters}
    return named - NOT_FOR_FILES
