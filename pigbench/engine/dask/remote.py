"""What runs on a Dask worker: the look at whether it can serve a run, and one stage at a time.

A worker is sent a task as JSON text, and answers with a message of a few words. All data go through the store.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

import pigbench
from pigbench import registry, stages
from pigbench.engine.driver import IN_SIGHT
from pigbench.engine.work import Task, attempt
from pigbench.errors import PigbenchError
from pigbench.metrics.extractors import find_weights
from pigbench.processes import SINGLE_THREAD, keep_freed_memory
from pigbench.sources import source_hash
from pigbench.store import Store

if TYPE_CHECKING:
    from distributed import Worker

PROBE = "probe"
"""The file by which a worker shows that it sees the driver's store, and sees that the run goes on."""

TELL_EVERY = 1.0  # seconds between two words of progress
SILENT = 900.0  # seconds without a sign of life after which a run is taken for killed, though its directory stands


@dataclass(frozen=True)
class Terms:
    """What a worker must have to serve a run.

    version, stages: of pigbench. plugins: (group, name, source hash). extractors: whose weights are needed. store: its
    path. sign: a directory in it, there while the run lives, with the file `probe`. content: of that file.
    """

    version: str
    stages: dict[str, int]
    plugins: list[tuple[registry.Group, str, str]]
    extractors: list[str]
    store: str
    sign: str
    content: str

    def text(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))


def inspect(terms: str, dask_worker: Worker) -> tuple[str, str]:
    """Why this worker cannot serve a run, empty if it can; and the file that it left beside the probe."""
    return admitted(terms, dask_worker.state.nthreads)


@cache
def admitted(terms: str, threads: int) -> tuple[str, str]:
    """As `inspect`; a worker looks once a run. threads: how many stages the worker would run at once."""
    wanted = Terms(**json.loads(terms))
    try:
        _check_pigbench(wanted)
        _check_threads(threads)
        for group, name, source in wanted.plugins:
            _check_plugin(group, name, source)
        for name in wanted.extractors:
            _check_weights(name)
        return "", _check_store(wanted)
    except PigbenchError as fault:
        return str(fault), ""


def _check_pigbench(wanted: Terms) -> None:
    if wanted.version != pigbench.__version__:
        raise PigbenchError(f"has pigbench {pigbench.__version__}, this run is of {wanted.version}: install that there")
    if wanted.stages != stages.versions():
        raise PigbenchError("has the same pigbench with other stages: install this one there and restart the worker")


def _check_threads(threads: int) -> None:
    if threads != 1:
        raise PigbenchError(f"would run {threads} stages in one process: start it with --nthreads 1")
    if any(os.environ.get(name) != value for name, value in SINGLE_THREAD.items()):
        settings = " ".join(f"{name}={value}" for name, value in SINGLE_THREAD.items())
        raise PigbenchError(f"may compute in several threads: start it without --no-nanny, or with {settings}")


def _check_plugin(group: registry.Group, name: str, source: str) -> None:
    kind = group.removesuffix("s")
    plugin = registry.plugins(group).get(name)
    if plugin is None:
        raise PigbenchError(f"has no {kind} '{name}': install its package there and restart the worker")
    if source_hash(plugin.target.partition(":")[0]) != source:
        raise PigbenchError(f"has another source of {kind} '{name}': install this one there and restart the worker")


def _check_weights(extractor: str) -> None:
    """They would be missed only after the trainings. They are not fetched here, where every worker would at once."""
    try:
        find_weights(extractor, fetch=False)
    except PigbenchError as fault:
        raise PigbenchError(f"lacks what the run has: {fault}") from None


def _check_store(wanted: Terms) -> str:
    """Read the driver's probe and leave a copy of it for the driver to find; the copy's name."""
    sign, copy = Path(wanted.sign), uuid.uuid4().hex
    try:
        content = (sign / PROBE).read_text(encoding="utf-8")
    except OSError as error:
        raise PigbenchError(f"does not see this run's store at {wanted.store} ({error.strerror})") from None
    if content != wanted.content:
        raise PigbenchError(f"sees another store at {wanted.store}")
    try:
        (sign / copy).write_text(content, encoding="utf-8")
    except OSError as error:
        raise PigbenchError(f"cannot write in the store {wanted.store} ({error.strerror})") from None
    return copy


class Abandoned(BaseException):
    """The run that wanted the stage has ended; no plugin catches it by accident."""


def perform(packed: str, topic: str, terms: str) -> tuple[str, Any]:
    """Run a task in this worker; what it came to, as a message of `attempt`, or refused as failures are told."""
    from distributed import get_worker

    worker = get_worker()
    fault, _ = admitted(terms, worker.state.nthreads)
    if fault:
        return "refused", (f"worker {worker.address} {fault}", "")
    keep_freed_memory()
    key = str(worker.get_current_task())
    worker.log_event(topic, {"key": key, "kind": "started", "content": worker.address})
    task, progress = unpack(packed), _teller(worker, topic, key, Path(json.loads(terms)["sign"]))
    try:
        await_inputs(task, progress)
        return attempt(task, progress)
    except Abandoned:
        return "hindered", ("its worker saw no sign of this run in the store any more", "")


def await_inputs(task: Task, progress: Callable[[float, str], None]) -> None:
    """Wait, for a while, until this machine sees what the driver's has seen: a file server may be slow to show it."""
    store, until = Store(Path(task.store)), time.monotonic() + IN_SIGHT
    while time.monotonic() < until and not all(store.has(*source) for source in task.inputs.values()):
        progress(0.0, "waiting to see its inputs")
        time.sleep(0.2)


def pack(task: Task) -> str:
    """A task as it travels: JSON text."""
    return json.dumps(asdict(task))


def unpack(packed: str) -> Task:
    """The inverse of `pack`."""
    return TypeAdapter(Task).validate_python(json.loads(packed))


def _teller(worker: Worker, topic: str, key: str, sign: Path) -> Callable[[float, str], None]:
    """A stage's `progress`, which tells the driver now and then, and raises Abandoned when the run has ended."""
    told = 0.0
    seen, since = _touched(sign), time.monotonic()

    def progress(share: float, text: str) -> None:
        nonlocal told, seen, since
        if time.monotonic() - told < TELL_EVERY:
            return
        told = time.monotonic()
        if (now := _touched(sign)) != seen:
            seen, since = now, told
        if not _stands(sign / PROBE) or told - since > SILENT:
            raise Abandoned
        worker.log_event(topic, {"key": key, "kind": "progress", "content": [share, text]})

    return progress


def _touched(sign: Path) -> float | None:
    """When the run last showed that it lives, by the file server's clock; None if that cannot be told now."""
    try:
        return sign.stat().st_mtime
    except OSError:
        return None


def _stands(file: Path) -> bool:
    """Whether a file is there; a file server that does not answer says nothing about it."""
    try:
        file.stat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True
