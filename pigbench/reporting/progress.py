"""Progress of all workers: a live view in a terminal or notebook; in a log, a line for each stage that has ended."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pigbench.engine.driver import Event
from pigbench.errors import in_a_line
from pigbench.planning.estimate import Seen, Size, estimator
from pigbench.planning.plan import Plan, Request
from pigbench.reporting.notebook import changing_text
from pigbench.reporting.plan import describe
from pigbench.store import Store

FAITH = 120.0
"""Seconds of work that estimates are believed for, so that the first nodes, often tiny, do not tell of all others."""


@contextmanager
def observer(plan: Plan, request: Request, store: Store, workers: int, size: Size) -> Iterator[Callable[[Event], None]]:
    """A function to be told of events, which shows them on stderr until the block ends."""
    console = Console(stderr=True)
    console.print(describe(request))
    clock = _Clock(plan, request, store, workers, size)
    if console.is_jupyter:
        yield _in_notebook(_View(clock), console)
        return
    if not console.is_terminal:
        yield _Log(clock).observe
        return
    view = _View(clock)
    with Live(view, console=console, refresh_per_second=4, transient=True):
        yield lambda event: view.observe(event, console)


def _in_notebook(view: _View, console: Console) -> Callable[[Event], None]:
    """A function that takes in an event and shows the view below the cell."""
    show = changing_text()

    def observe(event: Event) -> None:
        view.observe(event, console)
        stream = io.StringIO()
        Console(file=stream, width=100, force_jupyter=False, color_system=None).print(view)
        show(stream.getvalue().strip(), event.done == event.total)

    return observe


class _Clock:
    """Elapsed time, and the time left as far as it can be told from what nodes cost so far."""

    def __init__(self, plan: Plan, request: Request, store: Store, workers: int, size: Size) -> None:
        seconds = estimator(request.protocol.preset, Seen(store), size)
        missing = [node for node in plan.nodes() if not store.has(node.stage, node.key)]
        self.expected = {node.label: seconds(node) for node in missing}
        self.workers = workers
        self.began = time.monotonic()
        self.took: dict[str, float] = {}
        self._started: dict[str, float] = {}
        self._from: dict[str, float] = {}
        """The share that a node had when it was first heard of: one that goes on from a checkpoint begins late."""
        self._shares: dict[str, float] = {}

    def observe(self, event: Event) -> None:
        """Keep the books."""
        if event.kind == "started":
            self._started[event.label] = time.monotonic()
            self._from[event.label] = 0.0
        elif event.kind == "progress":
            if event.label not in self._shares:
                self._started[event.label] = time.monotonic()
                self._from[event.label] = event.share
            self._shares[event.label] = event.share
        elif event.kind in ("done", "failed"):
            self.took[event.label] = time.monotonic() - self._started.get(event.label, self.began)
        elif event.kind == "found":
            self.expected.pop(event.label, None)
        if event.kind not in ("started", "progress"):
            self._shares.pop(event.label, None)

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.began

    @property
    def left(self) -> float | None:
        """Seconds that the rest should take: the estimates, corrected by how wrong they have been so far."""
        known = {label: seconds for label, seconds in self.expected.items() if seconds is not None}
        if len(known) < len(self.expected):
            return None
        shares = self._shares | dict.fromkeys(self.took, 1.0)
        reached = sum(known.get(label, 0.0) * share for label, share in shares.items())
        before = sum(known.get(label, 0.0) * self._from.get(label, 0.0) for label in shares)
        spent = sum(self.took.values()) + sum(time.monotonic() - self._started[label] for label in self._shares)
        correction = (spent + FAITH) / (reached - before + FAITH)
        return (sum(known.values()) - reached) * correction / self.workers

    def line(self, event: Event | None) -> str:
        """Such as "12/80 stages, 3:10 elapsed, about 22:00 left"."""
        counted = f"{event.done}/{event.total} stages, " if event else ""
        left = f", about {_clock(self.left)} left" if self.left is not None else ""
        return f"{counted}{_clock(self.elapsed)} elapsed{left}"


class _Log:
    """One line for each stage that has ended, and one for each note."""

    def __init__(self, clock: _Clock) -> None:
        self.clock = clock
        self._worker: dict[str, str] = {}
        """Who began a node last, where that has a name, as on a cluster."""

    def observe(self, event: Event) -> None:
        """Print what is worth a line."""
        self.clock.observe(event)
        if event.kind == "started":
            self._worker[event.label] = event.text
        elif event.kind in ("done", "failed", "found", "note"):
            print(f"[{self.clock.line(event)}] {event.label}: {self._said(event)}", file=sys.stderr, flush=True)

    def _said(self, event: Event) -> str:
        text = in_a_line(event.text, most=400)
        if event.kind == "note":
            return text
        if event.kind == "found":
            return "done by another run"
        took = _clock(self.clock.took[event.label])
        if event.kind == "failed":
            return f"FAILED after {took}: {text}"
        worker = self._worker.get(event.label)
        return f"done in {took}" + (f" by {worker}" if worker else "")


class _View:
    """A line a worker, and one for the whole."""

    def __init__(self, clock: _Clock) -> None:
        self.clock = clock
        self._last: Event | None = None
        self._workers: dict[int, Event] = {}

    def observe(self, event: Event, console: Console) -> None:
        """Take in an event; failures and notes stay on the screen."""
        self.clock.observe(event)
        self._last = event
        if event.kind in ("failed", "note"):
            console.print(Text(f"{event.label}: {event.text}", style="red" if event.kind == "failed" else "yellow"))
        if event.kind in ("started", "progress"):
            self._workers[event.worker] = event
        else:
            self._workers.pop(event.worker, None)

    def __rich__(self) -> Group:
        table = Table.grid(padding=(0, 1))
        for _, event in sorted(self._workers.items()):
            table.add_row(Text(event.label), ProgressBar(total=1.0, completed=event.share, width=30), Text(event.text))
        return Group(table, Text(self.clock.line(self._last), style="bold"))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
