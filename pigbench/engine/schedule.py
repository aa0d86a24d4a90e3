"""Which node next: the bookkeeping of a run, apart from how nodes are run."""

from __future__ import annotations

from collections.abc import Callable

from pigbench.plan import Node, ordered

WEIGHT = {"train": 20.0, "sample": 4.0, "segment": 6.0, "embed": 2.0, "floor": 1.0, "fidelity": 1.0}
"""Rough relative lengths, to start long chains first. They change the order of work, never a number."""


class Schedule:
    """The nodes still to run, those that failed, and those that can no longer be run."""

    def __init__(self, targets: list[Node], has: Callable[[Node], bool]) -> None:
        """has: whether a node's artifact is there."""
        self._has = has
        self.nodes = {node.key: node for node in ordered(targets)}
        self.waiting: dict[str, Node] = {}
        self.running: dict[str, Node] = {}
        self.failed: dict[str, str] = {}
        self.done = 0
        self._urgency = _urgencies(self.nodes)
        for target in targets:
            self._want(target)
        self.total = len(self.waiting)

    def _want(self, node: Node) -> None:
        """Put a node and what it rests on among the waiting, as far as it is missing."""
        if node.key in self.waiting or node.key in self.running or node.key in self.failed or self._has(node):
            return
        self.waiting[node.key] = node
        for other in node.inputs.values():
            self._want(other)

    def next(self) -> Node | None:
        """The most urgent node that can start now, marked as running; None if none can."""
        ready = [node for node in self.waiting.values() if self._ready(node)]
        if not ready:
            return None
        node = max(ready, key=lambda node: self._urgency[node.key])
        self.running[node.key] = self.waiting.pop(node.key)
        return node

    def _ready(self, node: Node) -> bool:
        missing = (other.key for other in node.inputs.values())
        return not any(key in self.waiting or key in self.running for key in missing)

    def succeeded(self, node: Node) -> None:
        """The node's artifact is there."""
        self.running.pop(node.key)
        self.done += 1

    def fail(self, node: Node, reason: str, first: str = "") -> None:
        """The node failed; what rests on it fails too and names the `first` to fail, the rest goes on."""
        self.running.pop(node.key, None)
        self.waiting.pop(node.key, None)
        self.failed[node.key] = first or reason
        for other in list(self.waiting.values()):
            if any(needed.key == node.key for needed in other.inputs.values()):
                self.fail(other, reason, first or f"{node.label}: {reason}")

    def again(self, node: Node) -> None:
        """An input of the node was damaged and set aside: want it again, then the node."""
        self.running.pop(node.key)
        before = len(self.waiting)
        self._want(node)
        self.total += len(self.waiting) - before - 1

    @property
    def finished(self) -> bool:
        """Whether nothing waits and nothing runs."""
        return not self.waiting and not self.running


def _urgencies(nodes: dict[str, Node]) -> dict[str, float]:
    """For each node the weight of the longest chain that it starts."""
    longest = {key: WEIGHT.get(node.stage, 1.0) for key, node in nodes.items()}
    for node in reversed(nodes.values()):
        for other in node.inputs.values():
            longest[other.key] = max(longest[other.key], WEIGHT.get(other.stage, 1.0) + longest[node.key])
    return longest
