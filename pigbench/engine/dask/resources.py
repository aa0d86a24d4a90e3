"""What a stage needs of a Dask worker, in the resources that workers declare: GPU, and MEMORY in bytes."""

from __future__ import annotations

from collections.abc import Iterable

from pigbench.errors import PigbenchError
from pigbench.planning.estimate import Seen
from pigbench.stages.node import Node
from pigbench.store import Store

MARGIN = 1.2
"""How much more memory a stage is granted than its like has taken."""


class Needs:
    """What nodes need, as far as some worker declares it.

    Memory counts only where workers declare it, and only for nodes whose like this store has seen: a worker runs one
    stage at a time, so it matters where workers differ.
    """

    def __init__(self, declared: list[dict[str, float]], address: str, nodes: Iterable[Node], store: Store) -> None:
        """declared: by the workers at `address`. Raises PigbenchError if nodes need a GPU and none is declared."""
        self._declared = declared
        if any(map(_on_gpu, nodes)) and not self._most({"GPU": 1.0}, "GPU"):
            raise PigbenchError(
                f"this run computes on a GPU, and no worker of {address} declares one: start those that have one with "
                f"`dask worker {address} --nthreads 1 --resources GPU=1`"
            )
        self._seen = Seen(store) if self._most({}, "MEMORY") else None

    def of(self, node: Node) -> dict[str, float]:
        """The resources of a node, for `Client.submit`."""
        needed = {"GPU": 1.0} if _on_gpu(node) else {}
        most = self._most(needed, "MEMORY")
        if self._seen and most and (peak := self._seen.peak_mib(node) * 2**20):
            needed["MEMORY"] = min(MARGIN * peak, most)
        return needed

    def _most(self, needed: dict[str, float], name: str) -> float:
        """The most of a resource that a worker declares who has what is needed besides."""
        able = [one for one in self._declared if all(one.get(other, 0.0) >= needed[other] for other in needed)]
        return max((one.get(name, 0.0) for one in able), default=0.0)


def _on_gpu(node: Node) -> bool:
    return node.spec.get("numerics", {}).get("device", "cpu") != "cpu"
