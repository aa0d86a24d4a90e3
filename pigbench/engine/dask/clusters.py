"""Where the Dask engine's workers come from: a scheduler that runs already, or a job queue that a file describes."""

from __future__ import annotations

import inspect
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

from pigbench.engine.dask.job_replacement import Renewal
from pigbench.errors import PigbenchError, did_you_mean, in_a_line

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
    "self", "kwargs", "base_class_kwargs", "job_kwargs", "scheduler", "scheduler_cls", "job_cls", "name", "n_workers",
    "loop", "asynchronous", "silence_logs", "config_name", "security", "host", "dashboard_address",
    "extra", "job_extra", "env_extra", "header_skip", "project",
}  # fmt: skip
"""Parameters of those classes that a file cannot give, or that have a newer name."""


@dataclass(frozen=True)
class Workers:
    """A cluster's scheduler, how many workers it has, and how many it may yet start if there is work."""

    address: str
    number: int
    at_most: int = 0


@dataclass(frozen=True)
class Scheduler:
    """A Dask scheduler that runs already, whose workers someone starts.

    workers: how many to count on before any is seen. at_most: how many it starts by itself as work comes; 0 if that
    does not depend on work. patience: seconds that the first one may take.
    """

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
            with Renewal(cluster, self.fewest).going_on():
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
            raise PigbenchError(f"no job could be submitted to {self.queue}: {in_a_line(error)}") from None

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


Place: TypeAlias = Scheduler | JobQueue
"""What can be asked for workers: within `opened` there are some, now or soon."""


def require_dask() -> None:
    """Raises PigbenchError if what this engine needs is not installed."""
    for module in ("distributed", "dask_jobqueue"):
        if find_spec(module) is None:
            raise PigbenchError(f"--engine dask needs {module}: pip install '.[cluster]' in pigbench's folder")


def read_queue(file: Path) -> JobQueue:
    """The job queue that a TOML file describes. Raises PigbenchError for anything in it that is not understood."""
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
        fewest, most = _jobs(tables.get("workers", {}))
        if fewest < most and settings["processes"] > 1:  # Dask ends a job whole, also if one of its workers is busy
            raise PigbenchError(f"[workers] minimum and maximum need cores = 1 in [{queues[0]}]: a job a worker")
        return JobQueue(queues[0], settings, fewest, most)
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


def _class(queue: str) -> Any:
    import dask_jobqueue

    return getattr(dask_jobqueue, QUEUES[queue])


def _parameters(queue: str) -> set[str]:
    """What the class of a queue, its job's class and what they derive from can be given."""
    kinds = [*_class(queue).__mro__, *_class(queue).job_cls.__mro__]
    of_jobqueue = [kind for kind in kinds if kind.__module__.startswith("dask_jobqueue")]
    named = {name for kind in of_jobqueue for name in inspect.signature(kind.__init__).parameters}
    return named - NOT_FOR_FILES
