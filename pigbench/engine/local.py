"""The local engine: worker processes on this machine, each running one stage after another.

On a CPU every stage computes in one thread, so the number of workers changes how long a run takes and nothing else.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import sys
import time
from multiprocessing.connection import Connection, wait
from typing import NoReturn

from pigbench.engine.driver import Crew, Message, Observer, Outcome, drive
from pigbench.engine.schedule import Schedule
from pigbench.engine.work import Task, attempt
from pigbench.processes import SINGLE_THREAD, die_with_parent, keep_freed_memory, without_main
from pigbench.stages.node import Node
from pigbench.store import Store


def run_plan(
    targets: list[Node],
    store: Store,
    dataset: str,
    workers: int,
    observe: Observer = lambda event: None,
    interval: float = 60.0,
) -> Outcome:
    """Compute what is missing of `targets` with so many processes."""
    schedule = Schedule(targets, lambda node: store.has(node.stage, node.key))
    if schedule.finished:
        return Outcome()
    pool = _Pool(min(workers, schedule.total))
    try:
        return drive(schedule, pool, store, dataset, observe, interval)
    finally:
        pool.stop()


class _Pool(Crew):
    """Worker processes; one that dies is replaced."""

    def __init__(self, size: int) -> None:
        self.workers = [_Worker(number) for number in range(size)]

    def has_room(self) -> bool:
        return any(worker.node is None for worker in self.workers)

    def give(self, node: Node, task: Task) -> int:
        worker = next(worker for worker in self.workers if worker.node is None)
        worker.give(node, task)
        return worker.number

    def messages(self, timeout: float | None) -> list[Message]:
        by_connection = {worker.connection: worker for worker in self.workers if worker.node}
        if not by_connection:
            time.sleep(timeout or 0.0)
        heard = wait(list(by_connection), timeout) if by_connection else []
        return [by_connection[connection].hear() for connection in heard]  # type: ignore[index]

    def stop(self) -> None:
        """End the workers: the idle ones by hanging up, the busy ones by a signal that they do not ignore."""
        for worker in self.workers:
            worker.connection.close()
            if worker.node:
                worker.process.kill()
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
            with without_main():
                self.process.start()
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})
        theirs.close()

    def give(self, node: Node, task: Task) -> None:
        self.node = node
        try:
            self.connection.send(task)
        except OSError:  # it died while it had nothing to do
            self.replace()
            self.connection.send(task)

    def hear(self) -> Message:
        """What the process says next of its node, or how it died."""
        node = self.node
        assert node is not None
        try:
            kind, content = self.connection.recv()
        except (EOFError, ConnectionResetError):
            kind, content = "died", (self.replace(), "")
        if kind != "progress":
            self.node = None
        return Message(node, self.number, kind, content)

    def replace(self) -> str:
        """Start a new process for one that died; says how it died."""
        self.process.join()
        code = self.process.exitcode or 0
        self._start()
        return f"its worker died ({signal.Signals(-code).name if code < 0 else f'exit {code}'})"


def _serve(connection: Connection) -> None:
    """A worker's life: tasks in, messages out, until the parent goes."""
    for stop in (signal.SIGINT, signal.SIGTERM):  # the parent's to handle; a job queue sends them to every process
        signal.signal(stop, signal.SIG_IGN)
    die_with_parent()
    keep_freed_memory()

    def progress(share: float, text: str) -> None:
        connection.send(("progress", (share, text)))

    while True:
        try:
            task = connection.recv()
        except EOFError:
            _leave()
        connection.send(attempt(task, progress))


def _leave() -> NoReturn:
    """End this process without taking the libraries down piece by piece, which takes more than a second."""
    atexit._run_exitfuncs()  # as of locks, which would be reported as leaked
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
