"""The run of a plan: what can start goes to a crew, what comes of it is noted, until nothing is left.

A crew is whatever computes: processes on this machine, or the workers of a cluster. Several drivers may work on one
store; leases keep them from doing the same node at the same time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from pigbench.engine.leases import Leases
from pigbench.engine.schedule import Schedule
from pigbench.engine.work import Task
from pigbench.errors import PigbenchError
from pigbench.stages.node import Node
from pigbench.store import Store

NOBODY = -1
"""In place of a worker's number, where an event is not of a worker."""

PATIENCE = 2.0  # seconds after which nodes that other runs hold are looked at again
IN_SIGHT = 90.0  # seconds until a file server must have shown here what was published on another machine


@dataclass(frozen=True)
class Event:
    """Something happened to a node: kind is started, progress, done, found (another run did it), failed, or note."""

    kind: str
    label: str
    share: float = 0.0
    text: str = ""
    worker: int = 0
    done: int = 0
    total: int = 0


Observer = Callable[[Event], None]


@dataclass
class Outcome:
    """What a run of a plan came to: the nodes it computed, why others failed, by key, and how many workers' deaths
    are among the reasons.

    hindered: those of the failed that may go better the next time, by key; the others would fail the same way again.
    """

    computed: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    deaths: int = 0
    hindered: set[str] = field(default_factory=set)


class Message(NamedTuple):
    """What a crew says of a node it was given.

    kind and content: started (by whom); progress (share, text); done; failed, as it would again, hindered by what may
    pass, or died with its worker (reason, where to look); damaged (which input); full (which disk); returned (why), not
    done. All but the first two are the last word on the node.
    """

    node: Node
    worker: int
    kind: str
    content: Any


class Crew(Protocol):
    """Workers that compute nodes."""

    def has_room(self) -> bool:
        """Whether another node would be started, or is wanted in advance."""

    def give(self, node: Node, task: Task) -> int | None:
        """Have a node computed; the number of the worker that has started, None if a message will say so."""

    def messages(self, timeout: float | None) -> list[Message]:
        """What was said since; waits until something is, `timeout` seconds at most."""

    def stop(self) -> None:
        """End the work; what is half done is dropped, its checkpoints stay."""


def drive(
    schedule: Schedule, crew: Crew, store: Store, dataset: str, observe: Observer, interval: float = 60.0
) -> Outcome:
    """Compute what the schedule wants. A node that fails takes with it only what rests on it."""
    with Leases(store.root) as leases:
        return _Driver(schedule, crew, leases, store, dataset, observe, interval).run()


@dataclass
class _Driver:
    """A run. elsewhere: nodes that another run was seen to hold.

    awaited: what was published on another machine and is not seen here yet, by the node's key, and until when.
    """

    schedule: Schedule
    crew: Crew
    leases: Leases
    store: Store
    dataset: str
    observe: Observer
    interval: float
    outcome: Outcome = field(default_factory=Outcome)
    elsewhere: set[str] = field(default_factory=set)
    awaited: dict[str, tuple[Message, float]] = field(default_factory=dict)

    def run(self) -> Outcome:
        while not self.schedule.finished:
            held = self.hand_out()
            idle = not self.schedule.running
            if idle and not held and (self.crew.has_room() or self.find()):
                continue  # everything that could start was there already
            for message in self.crew.messages(PATIENCE if held or self.awaited else None):
                self.hear(message)
            for message, until in list(self.awaited.values()):
                self.await_sight(message, until)
        self.outcome.failed = self.schedule.failed
        return self.outcome

    def hand_out(self) -> bool:
        """Give the crew what can start; whether something could but for another run."""
        held = []
        while self.crew.has_room() and (node := self.schedule.next()):
            if not self.leases.take(node.key):
                held.append(node)
            elif self.store.has(node.stage, node.key):  # another run was quicker
                self.leases.release(node.key)
                self.found(node)
            else:
                worker = self.crew.give(node, Task.of(node, self.dataset, self.store.root, self.interval))
                if worker is not None:
                    self.tell("started", node, worker)
        for node in held:
            self.schedule.put_back(node)
            if node.key not in self.elsewhere:
                self.elsewhere.add(node.key)
                self.tell("note", node, NOBODY, text="at work in another run on this store")
        return bool(held)

    def hear(self, message: Message) -> None:
        node, worker, kind, content = message
        if kind == "started":
            return self.tell("started", node, worker, text=content)
        if kind == "progress":
            return self.tell("progress", node, worker, *content)
        if kind == "done":
            return self.await_sight(message, time.monotonic() + IN_SIGHT)
        self.leases.release(node.key)
        if kind == "full":
            raise PigbenchError(f"no space left on the disk of {content}: free some and run the same command again")
        elif kind == "damaged":
            self.schedule.again(node)
            self.tell("note", node, worker, text=content)
        elif self.store.has(node.stage, node.key):  # another run published it, and cleared up under this one
            self.found(node, worker)
        elif kind == "returned":
            self.schedule.put_back(node)
            self.tell("note", node, worker, text=content)
        else:
            self.outcome.deaths += kind == "died"
            self.fail(node, worker, *content, may_pass=kind != "failed")

    def await_sight(self, message: Message, until: float) -> None:
        """A node is done when this machine sees its artifact, too: a file server may be slow to tell of it."""
        node, worker = message.node, message.worker
        seen = self.store.has(node.stage, node.key)
        if not seen and time.monotonic() < until:
            self.awaited[node.key] = message, until
            return
        self.awaited.pop(node.key, None)
        self.leases.release(node.key)
        if seen:
            self.outcome.computed += 1
            self.schedule.succeeded(node)
            self.tell("done", node, worker, 1.0)
        else:
            late = f"it was published, but is not seen here after {IN_SIGHT:g} s"
            self.fail(node, worker, late, "", may_pass=True)

    def find(self) -> bool:
        """Whether others have done something that could start, while nobody is here to do it."""
        before = self.schedule.done
        for node in list(iter(self.schedule.next, None)):
            if self.store.has(node.stage, node.key):
                self.found(node)
            else:
                self.schedule.put_back(node)
        return self.schedule.done > before

    def found(self, node: Node, worker: int = NOBODY) -> None:
        """Another run has done the node."""
        self.schedule.succeeded(node)
        self.tell("found", node, worker)

    def fail(self, node: Node, worker: int, reason: str, where: str, *, may_pass: bool) -> None:
        """The node failed, for a reason."""
        self.schedule.fail(node, reason)
        if may_pass:
            self.outcome.hindered.add(node.key)
        self.tell("failed", node, worker, text=f"{reason}{where}")

    def tell(self, kind: str, node: Node, worker: int = 0, share: float = 0.0, text: str = "") -> None:
        self.observe(Event(kind, node.label, share, text, worker, self.schedule.done, self.schedule.total))
