"""The local engine: worker processes on this machine, each running one stage after another.

On a CPU every stage computes in one thread, so the number of workers changes how long a run takes and nothing else.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from pigbench.engine.schedule import Schedule
from pigbench.engine.work import Task, perform
from pigbench.errors import PigbenchError
from pigbench.plan import Node
from pigbench.processes import die_with_parent
from pigbench.stages.job import StageFailed
from pigbench.store import Damaged, Store

SINGLE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Event:
    """Something happened to a node: kind is started, progress, done, failed, or note."""

    kind: str
    label: str
    share: float = 0.0
    text: str = ""
    worker: int = 0
    done: int = 0
    total: int = 0


@dataclass
class Outcome:
    """What a run of a plan came to: the nodes computed, and why others failed, by key."""

    computed: int = 0
    failed: dict[str, str] = field(default_factory=dict)


def run_plan(
    targets: list[Node],
    store: Store,
    dataset: str,
    workers: int,
    observe: Callable[[Event], None] = lambda event: None,
    interval: float = 60.0,
) -> Outcome:
    """Compute what is missing of `targets`. A node that fails takes with it only what rests on it."""
    schedule = Schedule(targets, lambda node: store.has(node.stage, node.key))
    if schedule.finished:
        return Outcome()
    pool = _Pool(min(workers, schedule.total))
    try:
        _drive(schedule, pool, store, dataset, observe, interval)
    finally:
        pool.stop()
    return Outcome(schedule.done, schedule.failed)


def _drive(
    schedule: Schedule, pool: _Pool, store: Store, dataset: str, observe: Callable[[Event], None], interval: float
) -> None:
    while not schedule.finished:
        for worker in pool.idle():
            node = schedule.next()
            if node is None:
                break
            worker.give(node, Task.of(node, dataset, store.root, interval))
            observe(_event("started", worker, schedule))
        for worker, kind, content in pool.messages():
            _hear(worker, kind, content, schedule, observe)


def _hear(worker: _Worker, kind: str, content: Any, schedule: Schedule, observe: Callable[[Event], None]) -> None:
    node = worker.node
    assert node is not None
    if kind == "progress":
        share, text = content
        observe(_event("progress", worker, schedule, share, text))
        return
    if kind == "done":
        schedule.succeeded(node)
        observe(_event("done", worker, schedule, 1.0))
    elif kind == "full":
        raise PigbenchError(f"no space left on the disk of {content}: free some and run the same command again")
    elif kind == "damaged":
        schedule.again(node)
        observe(_event("note", worker, schedule, text=content))
    else:
        reason, where = content
        schedule.fail(node, reason)
        observe(_event("failed", worker, schedule, text=f"{reason}{where}"))
    worker.node = None


def _event(kind: str, worker: _Worker, schedule: Schedule, share: float = 0.0, text: str = "") -> Event:
    assert worker.node is not None
    return Event(kind, worker.node.label, share, text, worker.number, schedule.done, schedule.total)


class _Pool:
    """Worker processes; one that dies is replaced."""

    def __init__(self, size: int) -> None:
        self.workers = [_Worker(number) for number in range(size)]

    def idle(self) -> list[_Worker]:
        return [worker for worker in self.workers if worker.node is None]

    def messages(self) -> list[tuple[_Worker, str, Any]]:
        """What the workers said since; waits until one says something."""
        by_connection = {worker.connection: worker for worker in self.workers if worker.node}
        heard = []
        for connection in wait(list(by_connection)):
            worker = by_connection[connection]  # type: ignore[index]
            try:
                kind, content = worker.connection.recv()
            except (EOFError, ConnectionResetError):
                kind, content = "failed", (worker.replace(), "")
            heard.append((worker, kind, content))
        return heard

    def stop(self) -> None:
        """End the workers: the idle ones by hanging up, the busy ones by a signal."""
        for worker in self.workers:
            worker.connection.close()
            if worker.node:
                worker.process.terminate()
        for worker in self.workers:
            worker.process.join()


class _Worker:
    def __init__(self, number: int) -> None:
        self.number = number
        self.node: Node | None = None
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs,))
        before = {name: os.environ.get(name) for name in SINGLE_THREAD}
        os.environ.update(SINGLE_THREAD)  # read by the libraries when the new process imports them
        try:
            self.process.start()
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})
        theirs.close()

    def give(self, node: Node, task: Task) -> None:
        self.node = node
        self.connection.send(task)

    def replace(self) -> str:
        """Start a new process for one that died; says how it died."""
        self.process.join()
        code = self.process.exitcode or 0
        self._start()
        return f"its worker died ({signal.Signals(-code).name if code < 0 else f'exit {code}'})"


def _serve(connection: Connection) -> None:
    """A worker's life: tasks in, messages out, until the parent goes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    die_with_parent()

    def progress(share: float, text: str) -> None:
        connection.send(("progress", (share, text)))

    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        connection.send(_attempt(task, progress))


def _attempt(task: Task, progress: Callable[[float, str], None]) -> tuple[str, Any]:
    """Perform a task; what it came to, as a message. A failure is (reason, where its traceback is)."""
    try:
        perform(task, progress)
    except Damaged as damaged:
        return "damaged", str(damaged)
    except (StageFailed, PigbenchError) as failure:
        return "failed", (str(failure), "")
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return "full", task.store
        return "failed", _explain(task, error)
    except Exception as error:
        return "failed", _explain(task, error)
    return "done", ""


def _explain(task: Task, error: Exception) -> tuple[str, str]:
    """What an unforeseen error says, and where its traceback was written."""
    where = ""
    with suppress(OSError, PigbenchError):
        log = Store(Path(task.store)).partial(task.key) / "error.txt"
        log.write_text(traceback.format_exc(), encoding="utf-8")
        where = f" (traceback in {log})"
    return f"{type(error).__name__}: {error}", where
