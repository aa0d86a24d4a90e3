"""Which Dask workers may serve a run: all are asked before it begins, so that no fault shows only after hours."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pigbench
from pigbench import stages
from pigbench.engine.dask.remote import PROBE, Terms, inspect
from pigbench.errors import PigbenchError
from pigbench.stages.node import Node
from pigbench.store import Store

if TYPE_CHECKING:
    from distributed import Client

NAMED = 3  # of the workers that cannot serve a run
ANSWER = 120.0  # seconds for a worker to answer, or to leave; it may have to load libraries first


@contextmanager
def terms_of(store: Store, nodes: Iterable[Node]) -> Iterator[Terms]:
    """What workers must have for these nodes; within the block the run's sign stands in the store."""
    wanted = list(nodes)
    plugins = {plugin for node in wanted for plugin in stages.find(node.stage).sources(node.spec)}
    extractors = sorted({node.spec["extractor"] for node in wanted if "extractor" in node.spec})
    with store.building() as sign:
        content = uuid.uuid4().hex
        (sign / PROBE).write_text(content, encoding="utf-8")
        where = str(store.root), str(sign), content
        yield Terms(pigbench.__version__, stages.versions(), sorted(plugins), extractors, *where)


def keep_sign(terms: Terms) -> None:
    """Show that the run lives: a directory not touched for long is taken for rubbish."""
    with suppress(OSError):
        os.utime(terms.sign)


def admit(client: Client, terms: Terms) -> None:
    """Raises PigbenchError for the workers that cannot serve the run, naming each and why."""
    faults = list(_faults(client, terms).values())
    if faults:
        raise PigbenchError("; ".join(faults[:NAMED]) + (f"; and {len(faults) - NAMED} more" if faults[NAMED:] else ""))


def leave_out(client: Client, terms: Terms) -> list[str]:
    """Close the workers that cannot serve the run, as may have come since it began; why, for each."""
    faults = _faults(client, terms)

    async def retire() -> None:
        with suppress(TimeoutError):  # the scheduler gives it nothing more all the same
            await asyncio.wait_for(client.retire_workers(list(faults)), ANSWER)

    if faults:
        client.sync(retire)
    return list(faults.values())


def _faults(client: Client, terms: Terms) -> dict[str, str]:
    """What is wrong with workers, by address; those that can serve the run are missing."""
    faults = {}
    for address, answer in _answers(client, terms).items():
        if isinstance(answer, TimeoutError):
            wrong = f"does not answer in {ANSWER:g} s: end it, or start it again"
        elif isinstance(answer, OSError):
            wrong = f"cannot be reached from the scheduler ({answer}): end it, or start it again"
        elif isinstance(answer, Exception):
            wrong = f"cannot run pigbench {terms.version} ({type(answer).__name__}: {answer}): install that there"
        else:
            wrong = answer[0] or _fault_of_copy(terms, answer[1])
        if wrong:
            faults[address] = f"worker {address} {wrong}"
    return faults


def _answers(client: Client, terms: Terms) -> dict[str, Any]:
    """What `inspect` gives on each worker, or the error, by address; those that left meanwhile are missing."""
    workers = registered_workers(client)

    async def of(address: str) -> dict[str, Any]:
        asked = client.run(inspect, terms.text(), workers=[address], on_error="return")
        try:
            return await asyncio.wait_for(asked, ANSWER)
        except TimeoutError as error:
            return {address: error}

    async def of_all() -> list[dict[str, Any]]:
        return await asyncio.gather(*map(of, workers))

    found = {address: answer for answers in client.sync(of_all) for address, answer in answers.items()}
    if any(isinstance(answer, OSError) and not isinstance(answer, TimeoutError) for answer in found.values()):
        found = {address: found[address] for address in found.keys() & registered_workers(client).keys()}
    return found


def registered_workers(client: Client) -> dict[str, Any]:
    """What the scheduler knows of its workers, by address.

    `Client.scheduler_info` may give none, where Dask's own regular look, which asks for none, comes between.
    """
    return client.sync(client.scheduler.identity, n_workers=-1)["workers"]


def _fault_of_copy(terms: Terms, copy: str) -> str:
    """Whether what a worker wrote beside the probe came here; a worker may read our store and write into another."""
    try:
        came = (Path(terms.sign) / copy).read_text(encoding="utf-8") == terms.content
    except OSError:
        came = False
    return "" if came else f"does not write into this run's store at {terms.store}"
