"""Which Dask workers may serve a run: all are asked before it begins, so that no fault shows only after hours."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pigbench
from pigbench import stages
from pigbench.engine.remote import PROBE, Terms, inspect
from pigbench.engine.work import plugin_group
from pigbench.errors import PigbenchError
from pigbench.plan import Node
from pigbench.store import Store

if TYPE_CHECKING:
    from distributed import Client

NAMED = 3  # of the workers that cannot serve a run


@contextmanager
def terms_of(store: Store, nodes: Iterable[Node]) -> Iterator[Terms]:
    """What workers must have for these nodes; within the block the run's sign stands in the store."""
    plugins = {(plugin_group(node.stage), node.spec["plugin"], node.spec["source"]) for node in nodes if _runs(node)}
    with store.building() as sign:
        content = uuid.uuid4().hex
        (sign / PROBE).write_text(content, encoding="utf-8")
        yield Terms(pigbench.__version__, stages.VERSIONS, sorted(plugins), str(store.root), str(sign), content)


def _runs(node: Node) -> bool:
    """Whether the node runs a plugin's code."""
    return "source" in node.spec


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
    if faults:
        client.retire_workers(list(faults))
    return list(faults.values())


def _faults(client: Client, terms: Terms) -> dict[str, str]:
    """What is wrong with workers, by address; those that can serve the run are missing."""
    faults = {}
    for address, answer in client.run(inspect, terms.text(), on_error="return").items():
        if isinstance(answer, Exception):
            wrong = f"cannot run pigbench {terms.version} ({type(answer).__name__}: {answer}): install that there"
        else:
            wrong = answer[0] or _fault_of_copy(terms, answer[1])
        if wrong:
            faults[address] = f"worker {address} {wrong}"
    return faults


def _fault_of_copy(terms: Terms, copy: str) -> str:
    """Whether what a worker wrote beside the probe came here; a worker may read our store and write into another."""
    try:
        came = (Path(terms.sign) / copy).read_text(encoding="utf-8") == terms.content
    except OSError:
        came = False
    return "" if came else f"does not write into this run's store at {terms.store}"
