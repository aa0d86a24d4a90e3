"""What a node should take: what its like took in this store, else in a probe, else what the preset's file says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from pigbench import stages
from pigbench.protocol import Preset
from pigbench.stages.base import Size
from pigbench.stages.node import Node
from pigbench.store import Entry, Store


@dataclass(frozen=True)
class Probed:
    """What nodes of a kind took in miniature.

    seconds: a unit of work. peak_mib, gpu_peak_mib: of the process. size: bytes of the artifact, a unit where it grows.
    """

    seconds: float
    peak_mib: float
    size: float
    gpu_peak_mib: float = 0.0


class Seen:
    """What this store's artifacts took, by kind; their manifests are read once."""

    def __init__(self, store: Store) -> None:
        self._seconds: dict[str, list[float]] = defaultdict(list)  # a unit of work
        self._peaks: dict[str, float] = defaultdict(float)
        self._gpu_peaks: dict[str, float] = defaultdict(float)
        self._sizes: dict[str, float] = {}
        for entry in store.entries():
            try:
                self._note(entry)
            except Exception:  # whatever is wrong with its files, `pigbench store verify` names it
                continue  # an estimate can do without

    def _note(self, entry: Entry) -> None:
        manifest = entry.manifest
        cost, name = manifest["cost"], _kind(entry.stage, manifest["spec"])
        self._peaks[name] = max(self._peaks[name], cost["peak_mib"])
        self._gpu_peaks[name] = max(self._gpu_peaks[name], cost.get("gpu_peak_mib", 0.0))
        stage = stages.find(entry.stage)
        units = stage.units_of(stage.Spec(**manifest["spec"]), stage.Result(entry.path))
        self._seconds[name].append(cost["wall_s"] / units)
        if name not in self._sizes:  # one of a kind will do: to look at every file of a large store takes long
            self._sizes[name] = entry.size / (units if stage.grows else 1.0)

    def __contains__(self, node: Node) -> bool:
        return kind(node) in self._seconds

    def seconds(self, node: Node) -> float:
        """Of a unit of the node's work: the median of its like."""
        return median(self._seconds[kind(node)])

    def peak_mib(self, node: Node) -> float:
        """The most memory that its like has taken; 0 if there is none."""
        return self._peaks.get(kind(node), 0.0)

    def gpu_peak_mib(self, node: Node) -> float:
        """As `peak_mib`, of a GPU's memory."""
        return self._gpu_peaks.get(kind(node), 0.0)

    def size(self, node: Node) -> float:
        """Bytes of an artifact of its like, a unit where it grows; 0 if there is none."""
        return self._sizes.get(kind(node), 0.0)


def alike(node: Node) -> str:
    """What makes nodes of a full and of a miniature run cost alike, a unit of work."""
    return stages.find(node.stage).like(node)


def units(node: Node, size: Size) -> float:
    """How much work a node is, in its stage's units."""
    return stages.find(node.stage).units(node, size)


def growth(node: Node, size: Size) -> float:
    """The units that its artifact's size grows with; 1 where it does not grow with the work."""
    return units(node, size) if stages.find(node.stage).grows else 1.0


def estimator(
    preset: Preset, seen: Seen, size: Size, probed: Mapping[str, Probed] | None = None
) -> Callable[[Node], float | None]:
    """A function from a node to seconds of one worker; None where nothing is known."""

    def seconds(node: Node) -> float | None:
        if node in seen:
            return seen.seconds(node) * units(node, size)
        if found := (probed or {}).get(alike(node)):
            return found.seconds * units(node, size)
        return preset.seconds.get(_family(node), preset.seconds.get(node.stage, stages.find(node.stage).seconds))

    return seconds


def total(nodes: Iterable[Node], seconds: Callable[[Node], float | None], workers: int) -> float | None:
    """Seconds for the nodes on so many workers, if the work divides evenly; None where a node is unknown."""
    each = [seconds(node) for node in nodes]
    known = [value for value in each if value is not None]
    return sum(known) / workers if len(known) == len(each) else None


def memory(nodes: Collection[Node], seen: Seen, probed: Mapping[str, Probed]) -> tuple[float, float]:
    """MiB that a worker needs for the largest of the nodes, as far as its like was seen or probed; 0 if none was.

    Of the host's memory, and of a GPU's.
    """
    unseen = {alike(node) for node in nodes if node not in seen}
    tried = [probed[name] for name in unseen & probed.keys()]
    host = [seen.peak_mib(node) for node in nodes] + [one.peak_mib for one in tried]
    gpu = [seen.gpu_peak_mib(node) for node in nodes] + [one.gpu_peak_mib for one in tried]
    return max(host, default=0.0), max(gpu, default=0.0)


def disk(nodes: Iterable[Node], seen: Seen, probed: Mapping[str, Probed], size: Size) -> float:
    """About how many bytes the nodes' artifacts take, those left out whose like was neither seen nor probed."""
    total = 0.0
    for node in nodes:
        if (told := stages.find(node.stage).bytes_of(node, size)) is not None:
            total += told
        elif node in seen:
            total += seen.size(node) * growth(node, size)
        elif found := probed.get(alike(node)):
            total += found.size * growth(node, size)
    return total


def kind(node: Node) -> str:
    """What makes two nodes cost alike, a unit of work: everything but fold, seed and chunk number."""
    return _kind(node.stage, node.spec)


def _kind(stage: str, spec: Mapping[str, Any]) -> str:
    from pigbench.protocol import digest

    alike = {
        name: value
        for name, value in spec.items()
        if name not in ("fold", "train_patients", "seed", "chunk", "source", "n", "m")
    }
    return f"{stage} {digest(alike)}"


def _family(node: Node) -> str:
    """The name of a preset's `[seconds]` entry, such as `train.pig.guider` or `sample.ddpm`."""
    parts = [node.stage, node.spec.get("plugin"), node.spec.get("component")]
    return ".".join(part for part in parts if part)
