"""How long a node should take: from what its like took in this store, else from what the preset's file says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from statistics import median

from pigbench.plan import Node
from pigbench.protocol import Preset
from pigbench.store import Store

FIXED = {
    "split": 1.0,
    "prepare": 10.0,
    "adopt": 5.0,
    "reconstruct": 5.0,
    "floor": 5.0,
    "fidelity": 5.0,
    "gate": 2.0,
}
"""Seconds of the short stages; close enough for an estimate."""


def estimator(preset: Preset, store: Store) -> Callable[[Node], float | None]:
    """A function from a node to seconds of one worker; None where nothing is known."""
    seen = _seen(store)

    def seconds(node: Node) -> float | None:
        name = kind(node)
        if name in seen:
            return median(seen[name])
        return preset.seconds.get(_family(node), preset.seconds.get(node.stage, FIXED.get(node.stage)))

    return seconds


def total(nodes: Iterable[Node], seconds: Callable[[Node], float | None], workers: int) -> float | None:
    """Seconds for the nodes on so many workers, if the work divides evenly; None where a node is unknown."""
    each = [seconds(node) for node in nodes]
    known = [value for value in each if value is not None]
    return sum(known) / workers if len(known) == len(each) else None


def kind(node: Node) -> str:
    """What makes two nodes cost alike: everything but fold, seed and chunk number."""
    return _kind(node.stage, node.spec)


def _kind(stage: str, spec: dict) -> str:
    from pigbench.protocol import digest

    alike = {name: value for name, value in spec.items() if name not in ("fold", "seed", "chunk", "source", "n", "m")}
    return f"{stage} {digest(alike)}"


def _family(node: Node) -> str:
    """The name of a preset's `[seconds]` entry, such as `train.pig.guider` or `sample.ddpm`."""
    parts = [node.stage, node.spec.get("plugin"), node.spec.get("component")]
    return ".".join(part for part in parts if part)


def _seen(store: Store) -> dict[str, list[float]]:
    costs: dict[str, list[float]] = defaultdict(list)
    for entry in store.entries():
        try:
            manifest = entry.manifest
            costs[_kind(entry.stage, manifest["spec"])].append(manifest["cost"]["wall_s"])
        except (ValueError, KeyError, OSError):
            continue  # `pigbench store verify` names it; an estimate can do without
    return costs
