"""Dask's workers as a crew: nodes go out as tasks, words come back as events, and who dies or restarts is noticed."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from queue import Empty, Queue
from typing import TYPE_CHECKING, Any

from pigbench.engine.dask.clusters import Workers
from pigbench.engine.dask.remote import Terms, pack, perform
from pigbench.engine.dask.resources import Needs
from pigbench.engine.dask.worker_checks import keep_sign, leave_out
from pigbench.engine.driver import Crew, Message
from pigbench.engine.work import Task
from pigbench.errors import PigbenchError
from pigbench.stages.node import Node

if TYPE_CHECKING:
    from distributed import Client, Future

FETCH = 5.0  # seconds for the answer of a node that has ended
LOOK = 2.0  # seconds between two looks at the scheduler: is it there, how many workers has it
ANSWER = 30.0  # seconds after which a scheduler that does not answer is taken for gone
GONE = 300.0  # seconds for which a scheduler may be gone
DESERTED = 60.0  # seconds without any worker after which other runs may have what waits for one
RETRIES = 3
"""How often a node is tried again after its worker died: as often as Dask does by itself."""


@dataclass
class _Work:
    """A node handed out.

    number: its line in the view of what is at work. starts: how often a worker began it. share: how far it came. tries:
    how often it was given to Dask again.
    """

    node: Node
    task: Task
    number: int
    future: Future | None = None
    starts: int = 0
    share: float = 0.0
    tries: int = 0


class DaskCrew(Crew):
    """Dask's workers. A node is handed out when there is one for it, or could be."""

    def __init__(
        self,
        client: Client,
        workers: Workers,
        terms: Terms,
        needs: Needs,
        store: str,
        note: Callable[[str], None],
    ) -> None:
        """store: its own name. note: told what the user should know."""
        self.address, self.at_most = workers.address, workers.at_most
        self.terms, self.needs, self.store, self.note = terms, needs, store, note
        self.run = uuid.uuid4().hex[:8]
        self.topic = f"pigbench-{self.run}"
        """Under which workers tell of this run."""
        self.attempts = count()
        self.work: dict[str, _Work] = {}
        """What is handed out, by Dask key."""
        self.lost_at: dict[str, list[float]] = {}
        """How far a node had come each time that it lost its last worker and came no further, by the node's key."""
        self.heard: Queue[tuple[str, Any]] = Queue()
        self.slots = workers.number
        self.looked = 0.0
        self.manned = time.monotonic()
        self.lost = False
        self.hire(client)

    def hire(self, client: Client) -> None:
        """Work through this connection from now on."""
        self.client = client
        self.client.subscribe_topic(self.topic, lambda event: self.heard.put(("told", event[1])))
        self.scheduler = self.identity()["id"]

    def identity(self) -> dict[str, Any]:
        """What the scheduler says of itself. Raises OSError if it does not answer."""
        if self.client.status != "running":
            raise OSError(f"the connection is {self.client.status}")
        return self.client.sync(self.client.scheduler.identity, n_workers=0, callback_timeout=ANSWER)

    def has_room(self) -> bool:
        """Whether a worker has nothing to do, or could come for more."""
        return not self.lost and len(self.work) < max(self.slots, self.at_most)

    def give(self, node: Node, task: Task) -> None:
        """Hand a node to Dask; its worker says when it starts."""
        taken = {work.number for work in self.work.values()}
        number = next(number for number in count(1) if number not in taken)
        self.submit(_Work(node, task, number))

    def submit(self, work: _Work) -> None:
        """Have Dask compute a node, under a key that no other attempt, run or store has."""
        key = f"{work.node.stage}-{work.node.key}-{self.store}-{self.run}{next(self.attempts)}"
        self.work[key] = work
        if self.client.status == "closed":  # it is done again when there is a connection
            self.lost = True
            return
        work.future = self.client.submit(
            perform,
            pack(work.task),
            self.topic,
            self.terms.text(),
            key=key,
            pure=False,
            retries=0,
            resources=self.needs.of(work.node),
        )
        self.await_end(work.future)

    def await_end(self, future: Future) -> None:
        """Be told when a node has ended, well or not."""
        future.add_done_callback(lambda future: self.heard.put(("ended", future.key)))

    def messages(self, timeout: float | None) -> list[Message]:
        """What workers and scheduler have said, and see to the scheduler itself."""
        said = [message for kind, content in self.listen(timeout) if (message := self.understand(kind, content))]
        if time.monotonic() - self.looked > LOOK:
            self.look()
        if self.lost:
            self.reconnect()
        return said + (self.give_back() if self.deserted else [])

    def listen(self, timeout: float | None) -> list[tuple[str, Any]]:
        """What came in; waits for it, until the next look at most."""
        try:
            first = self.heard.get(timeout=LOOK if timeout is None else min(timeout, LOOK))
        except Empty:
            return []
        return [first, *(self.heard.get_nowait() for _ in range(self.heard.qsize()))]

    def understand(self, kind: str, content: Any) -> Message | None:
        """What something that came in means for a node; None for what is of no interest any more."""
        key = content if kind == "ended" else content["key"]
        work = self.work.get(key)
        if work is None:
            return None
        if kind == "ended":
            return self.ended(key, work)
        work.starts += content["kind"] == "started"
        if content["kind"] == "progress":
            work.share = content["content"][0]
        return Message(work.node, work.number, content["kind"], content["content"])

    def ended(self, key: str, work: _Work) -> Message | None:
        """What came of a node; None if that is not known yet, or it is tried again."""
        future = work.future
        assert future is not None
        if self.lost or future.status == "cancelled":  # it will be submitted again
            self.lost = True
            return None
        if future.status == "error":
            kind, content, retry = self.death(work, future.exception())
        else:
            try:
                kind, content = future.result(timeout=FETCH)
            except Exception:  # its worker went before it could say, and Dask has it done again; or the scheduler went
                self.await_end(future)
                return None
            retry = kind == "refused"
        del self.work[key]
        if retry and work.tries < RETRIES:
            self.leave_out()
            work.tries += 1
            self.submit(work)
            return None
        return Message(work.node, work.number, "hindered" if kind == "refused" else kind, content)

    def death(self, work: _Work, error: BaseException) -> tuple[str, tuple[str, str], bool]:
        """What Dask says of a node that gave no answer: how it ended, (reason, where to look), whether to try again.

        Dask counts a worker's death against all that waited there; here only who had been begun on it is to blame.
        """
        from distributed.scheduler import KilledWorker

        if not isinstance(error, KilledWorker):  # it could not begin, as where pigbench is missing
            return "hindered", (f"{type(error).__name__}: {error}", ""), True
        deaths = max(work.starts, error.allowed_failures + 1)
        reason = f"its worker died {deaths} times", f" (last {error.last_worker.address})"
        return "died", reason, work.starts <= RETRIES

    def leave_out(self) -> None:
        """Close workers that came since the run began and cannot serve it."""
        with suppress(Exception):  # a connection that was just lost: `look` and `submit` find out
            for fault in leave_out(self.client, self.terms):
                self.note(f"left out: {fault}")

    def look(self) -> None:
        """See whether the scheduler is there, still the same, and how many workers it has."""
        self.looked = time.monotonic()
        keep_sign(self.terms)
        try:
            identity = self.identity()
        except OSError:
            self.lost = True
            return
        self.lost |= identity["id"] != self.scheduler
        if identity["total_threads"]:
            self.manned = self.looked
        if self.slots and not identity["total_threads"]:
            self.note(f"{self.address} has no worker any more: waiting for one")
        self.slots = identity["total_threads"]

    @property
    def deserted(self) -> bool:
        """Whether there has been no worker for long, and none comes by itself where there is work."""
        return not self.lost and not self.at_most and self.looked - self.manned > DESERTED

    def give_back(self) -> list[Message]:
        """Take back what no worker is there for, so that other runs on this store may have it."""
        before, self.work = self.work, {}
        for work in before.values():
            if work.future:
                work.future.release()
        return [self.given_back(work) for work in before.values()]

    def given_back(self, work: _Work) -> Message:
        """The last word on such a node: it has failed if all workers went with it too often and it came no further."""
        before = [share for share in self.lost_at.get(work.node.key, []) if share >= work.share]
        losses = self.lost_at[work.node.key] = [*before, work.share] if work.starts else before
        if len(losses) > RETRIES:
            return Message(work.node, work.number, "died", (f"its worker was lost {len(losses)} times", ""))
        why = "no worker is there for it: other runs on this store may have it"
        return Message(work.node, work.number, "returned", why)

    def reconnect(self) -> None:
        """Wait for the scheduler, which was lost or restarted, and submit again what was at work."""
        from pigbench.engine.dask.connection import connect

        self.note(f"the scheduler at {self.address} is gone: waiting for it")
        deadline = time.monotonic() + GONE
        while self.lost:
            self.stop()
            try:
                self.hire(connect(self.address))
                self.lost = False
            except OSError:
                if time.monotonic() > deadline:
                    raise PigbenchError(
                        f"the scheduler at {self.address} has been gone for {GONE / 60:.0f} minutes: "
                        "start it and its workers, and run the same command again"
                    ) from None
                time.sleep(1.0)
        before, self.work = self.work, {}
        self.manned = time.monotonic()  # workers, too, have to come back
        for work in before.values():
            work.starts = 0
            self.submit(work)
        self.look()

    def stop(self) -> None:
        """Hang up: Dask drops what waits, and workers what they do once the run's sign is gone."""
        with suppress(Exception):  # whatever state it is in
            self.client.close(timeout=1.0)
