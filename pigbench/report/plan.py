"""`--dry-run`: what a run will do, what is already there, and how long the rest should take."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.table import Table

from pigbench.estimate import disk, estimator, total, unseen
from pigbench.plan import Node, Plan, Request
from pigbench.probe import probe
from pigbench.store import Store


def print_plan(plan: Plan, request: Request, store: Store, workers: int, cases: int) -> None:
    """Print the plan's stages with how many are cached, and an estimate of time, memory and disk.

    cases: of the whole dataset. What this store has not seen done is probed, for some seconds.
    """
    nodes = plan.nodes()
    missing = [node for node in nodes if not store.has(node.stage, node.key)]
    preset, folds = request.protocol.preset, request.protocol.folds
    probed = probe(request, unseen(missing, store))
    seconds = estimator(preset, store, probed, cases * (folds - 1) // folds)
    table = Table(box=None, pad_edge=False)
    for name, justify in (("stage", "left"), ("for", "left"), ("nodes", "right"), ("cached", "right")):
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
        estimate = f"at least {estimate}, without {len(unknown)} nodes of unknown time,"
    console.print(f"{len(nodes)} nodes, {len(nodes) - len(missing)} cached; about {estimate} on {workers} worker(s)")
    needs = [f"disk about {disk(missing, preset, probed, cases) / 2**20:,.0f} MiB"] if missing else []
    if probed:
        peak = max(found.peak_mib for found in probed.values())
        needs.insert(0, f"memory about {peak:,.0f} MiB a worker (probed with small batches of samples)")
    console.print("; ".join(needs))


def describe(request: Request) -> str:
    """The run in a few lines: what every number of it depends on."""
    protocol, preset = request.protocol, request.protocol.preset
    share = preset.segmentation.share
    lines = [
        f"dataset {protocol.dataset}@{protocol.dataset_identity[:8]}, {protocol.folds} folds by patient, "
        + (f"{protocol.set_aside:.0%} of the patients set aside for tuning, " if protocol.set_aside else "")
        + f"seeds {', '.join(map(str, request.seeds))}",
        f"preset {preset.name}: {preset.about}",
        f"protocol {protocol.signature}, device {request.device}, synthetic share of a batch "
        + (f"{share}" if share else "n/(n+N)"),
    ]
    return "\n".join(([preset.banner] if preset.banner else []) + lines)


def _group(node: Node) -> tuple[str, str]:
    return node.stage, str(node.about.get("what", ""))


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "unknown time"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
