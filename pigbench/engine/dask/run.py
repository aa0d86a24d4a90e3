"""The Dask engine: one Dask task a stage, on the workers of a cluster that share the store.

The driver schedules as for the local engine and holds the leases; Dask chooses the worker, and another one when that
dies. Futures carry keys and short messages, never data.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pigbench.engine.dask.clusters import Place, Workers
from pigbench.engine.dask.resources import Needs
from pigbench.engine.dask.worker_checks import admit, registered_workers, terms_of
from pigbench.engine.dask.workers import DaskCrew
from pigbench.engine.driver import Event, Observer, Outcome, drive
from pigbench.engine.schedule import Schedule
from pigbench.errors import PigbenchError
from pigbench.stages.node import Node
from pigbench.store import Store

if TYPE_CHECKING:
    from pigbench.engine.dask.connection import Connection


@contextmanager
def workers_of(place: Place, say: Callable[[str], None]) -> Iterator[Workers]:
    """The workers of a place, once one is there. Raises PigbenchError if no scheduler answers or no worker comes."""
    with place.opened() as address:
        client = _first_connection(address)
        try:
            if not client.nthreads():
                say(f"waiting for the first worker of {address}")
                client.wait_for_workers(1, timeout=place.patience)
            number = sum(client.nthreads().values())
        except TimeoutError:
            raise PigbenchError(
                f"no worker came to {address} in {place.patience / 60:.0f} minutes: start one with "
                f"`dask worker {address} --nthreads 1`"
            ) from None
        finally:
            client.close()
        yield Workers(address, number, place.at_most)


def run_plan_on_dask(
    targets: list[Node],
    store: Store,
    dataset: str,
    workers: Workers,
    observe: Observer = lambda event: None,
    interval: float = 60.0,
) -> Outcome:
    """Compute what is missing of `targets` on a cluster's workers.

    Raises PigbenchError where a worker cannot serve the run, or the scheduler stays away.
    """
    schedule = Schedule(targets, lambda node: store.has(node.stage, node.key))

    def note(text: str) -> None:
        observe(Event("note", "dask", text=text, done=schedule.done, total=schedule.total))

    with terms_of(store, schedule.nodes.values()) as terms:
        client = _first_connection(workers.address)
        try:
            admit(client, terms)
            declared = [worker["resources"] for worker in registered_workers(client).values()]
            needs = Needs(declared, workers.address, schedule.waiting.values(), store)
            crew = DaskCrew(client, workers, terms, needs, store_id(store), note)
        except BaseException:
            client.close()
            raise
        try:
            return drive(schedule, crew, store, dataset, observe, interval)
        finally:
            crew.stop()


def _first_connection(address: str) -> Connection:
    from pigbench.engine.dask.connection import connect

    try:
        return connect(address)
    except (OSError, ValueError) as error:
        raise PigbenchError(
            f"no Dask scheduler answers at {address} ({error}): start one with `dask scheduler`"
        ) from None


def store_id(store: Store) -> str:
    """The store's own name: two stores have different ones."""
    file = store.root / "id"
    if not file.exists():
        with store.building() as directory:
            new = directory / "id"
            new.write_text(uuid.uuid4().hex[:12], encoding="utf-8")
            new.replace(file)
    return file.read_text(encoding="utf-8")
