"""`--dry-run`: what a run will do, what is already there, and how long the rest should take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from pigbench.counting import counted
from pigbench.planning.estimate import Probed, Seen, Size, disk, estimator, memory, total
from pigbench.planning.plan import Plan, Request
from pigbench.probe import probe
from pigbench.protocol import Preset
from pigbench.stages.node import Node
from pigbench.store import Store


def print_plan(plan: Plan, request: Request, store: Store, workers: int, size: Size) -> None:
    """Print the plan's stages with how many are cached, and an estimate of time, memory and disk.

    What this store has not seen done is probed, for some seconds.
    """
    nodes = plan.nodes()
    missing = [node for node in nodes if not store.has(node.stage, node.key)]
    preset, seen = request.protocol.preset, Seen(store)
    probed = probe(node for node in missing if node not in seen)
    seconds = estimator(preset, seen, size, probed)
    table = Table(box=None, pad_edge=False)
    for name, justify in (("stage", "left"), ("for", "left"), ("number", "right"), ("cached", "right")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    table.add_column("to do, worker time", justify="right")
    for (stage, what), count in Counter(_group(node) for node in nodes).items():
        todo = [node for node in missing if _group(node) == (stage, what)]
        table.add_row(stage, what, str(count), str(count - len(todo)), _duration(total(todo, seconds, 1)))
    console = Console()
    console.print(describe(request))
    console.print(table)
    unknown = [node for node in missing if seconds(node) is None]
    estimate = _duration(total([node for node in missing if seconds(node) is not None], seconds, workers))
    if unknown:
        estimate = f"at least {estimate}, without {counted(len(unknown), 'stage')} of unknown time,"
    there = f"{counted(len(nodes), 'stage')}, {len(nodes) - len(missing):,} cached"
    console.print(f"{there}; about {estimate} on {counted(workers, 'worker')}")
    if missing:
        console.print(_needs(missing, preset, seen, probed, size))


def _needs(missing: list[Node], preset: Preset, seen: Seen, probed: Mapping[str, Probed], size: Size) -> str:
    """Memory and disk for what is missing."""
    space = f"disk about {disk(missing, seen, probed, size) / 2**20:,.0f} MiB"
    host, gpu = memory(missing, seen, probed)
    if not host:
        return space
    on_gpu = f", GPU memory about {gpu:,.0f} MiB a worker" if gpu else ""
    caveat = " (probed with small batches of samples)" if probed else ""
    return f"memory about {host:,.0f} MiB a worker{on_gpu}{caveat}; {space}"


def describe(request: Request) -> str:
    """The run in a few lines: what every number of it depends on."""
    protocol, preset = request.protocol, request.protocol.preset
    trainings = request.trainings
    often = ", ".join([str(trainings.every), *(f"{name}={count}" for name, count in trainings.of.items())])
    lines = [
        f"dataset {protocol.dataset}@{protocol.dataset_identity[:8]}, {protocol.folds} folds by patient, "
        + (f"{protocol.set_aside:.0%} of the patients set aside for tuning, " if protocol.set_aside else "")
        + f"{'seed' if len(request.seeds) == 1 else 'seeds'} {', '.join(map(str, request.seeds))}",
        f"preset {preset.name}: {preset.about}",
        f"protocol {protocol.signature}, device {request.device}, trainings of an arm, fold and seed: {often}",
    ]
    return "\n".join(([preset.banner] if preset.banner else []) + lines)


def _group(node: Node) -> tuple[str, str]:
    """What its row counts together: short stages of all arms, anything else by what it is for."""
    brief = node.purpose.arm and not node.purpose.trains
    return node.stage, "every arm" if brief else node.purpose.what


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "unknown time"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
