"""What a node should take: what its like took in this store, else in a probe, else what the preset's file says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from pigbench.plan import Node
from pigbench.protocol import Preset, Training
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


@dataclass(frozen=True)
class Probed:
    """What nodes of a kind took in miniature.

    seconds: a unit of work. peak_mib: of the process. size: bytes of the artifact.
    """

    seconds: float
    peak_mib: float
    size: float


def alike(node: Node) -> str:
    """What makes nodes of a full and of a miniature run cost alike, a unit of work."""
    return f"{node.stage} {node.about['segmenter'] if node.stage == 'segment' else node.about.get('what', '')}"


def units(node: Node, cases: int) -> float:
    """How much work a node is: steps of a training, or samples; 1 for other stages. cases: a fold's training cases."""
    if node.stage == "train":
        from pigbench.stages.train import steps_of

        return steps_of(Training(**node.spec["training"]), node.spec["share"], cases)
    if node.stage == "segment":
        return float(node.spec["training"]["steps"])
    return float(node.spec["size"]) if node.stage == "sample" else 1.0


def estimator(
    preset: Preset, store: Store, probed: Mapping[str, Probed] | None = None, cases: int = 0
) -> Callable[[Node], float | None]:
    """A function from a node to seconds of one worker; None where nothing is known. cases: a fold's training cases."""
    seen = _seen(store)

    def seconds(node: Node) -> float | None:
        name = kind(node)
        if name in seen:
            return median(seen[name])
        if found := (probed or {}).get(alike(node)):
            return found.seconds * units(node, cases)
        return preset.seconds.get(_family(node), preset.seconds.get(node.stage, FIXED.get(node.stage)))

    return seconds


def total(nodes: Iterable[Node], seconds: Callable[[Node], float | None], workers: int) -> float | None:
    """Seconds for the nodes on so many workers, if the work divides evenly; None where a node is unknown."""
    each = [seconds(node) for node in nodes]
    known = [value for value in each if value is not None]
    return sum(known) / workers if len(known) == len(each) else None


def unseen(nodes: Iterable[Node], store: Store) -> list[Node]:
    """Those whose like this store has not seen, and a probe could tell of."""
    seen = _seen(store)
    return [node for node in nodes if kind(node) not in seen]


def disk(nodes: Iterable[Node], preset: Preset, probed: Mapping[str, Probed], all_cases: int) -> float:
    """About how many bytes the nodes' artifacts take, those of small stages left out."""
    pixels = preset.resolution**2 * 3  # an image takes two bytes a pixel, a mask one
    total = 0.0
    for node in nodes:
        if node.stage == "prepare":
            total += pixels * node.spec.get("reference", all_cases)
        elif node.stage == "sample":
            total += pixels * node.spec["size"]
        elif found := probed.get(alike(node)):
            total += found.size
    return total


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
