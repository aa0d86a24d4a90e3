"""Which node next: the bookkeeping of a run, apart from how nodes are run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from heapq import heappop, heappush

from pigbench import stages
from pigbench.stages.node import Node, ordered


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
        self._missing: dict[str, set[str]] = {}
        """For a waiting node the inputs that are not there yet, by key."""
        self._users: dict[str, set[str]] = defaultdict(set)
        self._ready: list[tuple[float, int, str]] = []
        """A heap of waiting nodes whose inputs are all there; an entry whose node waits no more is passed over."""
        self._urgency = _urgencies(self.nodes)
        self._order = {key: number for number, key in enumerate(self.nodes)}
        for target in targets:
            self._want(target)
        self.total = len(self.waiting)

    def _want(self, node: Node) -> bool:
        """Put a node and what it rests on among the waiting, as far as missing; whether it is to be waited for."""
        if node.key in self.waiting or node.key in self.running:
            return True
        if node.key in self.failed or self._has(node):
            return False
        self.waiting[node.key] = node
        self._missing[node.key] = {other.key for other in node.inputs.values() if self._want(other)}
        for key in self._missing[node.key]:
            self._users[key].add(node.key)
        self._offer(node.key)
        return True

    def _offer(self, key: str) -> None:
        if key in self.waiting and not self._missing[key]:
            heappush(self._ready, (-self._urgency[key], self._order[key], key))

    def next(self) -> Node | None:
        """The most urgent node that can start now, marked as running; None if none can."""
        while self._ready:
            *_, key = heappop(self._ready)
            if key in self.waiting and not self._missing[key]:
                node = self.running[key] = self.waiting.pop(key)
                return node
        return None

    def put_back(self, node: Node) -> None:
        """The node was not started after all."""
        self.waiting[node.key] = self.running.pop(node.key)
        self._offer(node.key)

    def succeeded(self, node: Node) -> None:
        """The node's artifact is there."""
        self.running.pop(node.key)
        self.done += 1
        for user in self._users.pop(node.key, ()):
            self._missing[user].discard(node.key)
            self._offer(user)

    def fail(self, node: Node, reason: str, first: str = "") -> None:
        """The node failed; what rests on it fails too and names the `first` to fail, the rest goes on."""
        self.running.pop(node.key, None)
        self.waiting.pop(node.key, None)
        self.failed[node.key] = first or reason
        for user in self._users.pop(node.key, ()):
            if user in self.waiting:
                self.fail(self.waiting[user], reason, first or f"{node.label}: {reason}")

    def again(self, node: Node) -> None:
        """An input of the node was damaged and set aside: want it again, then the node."""
        if self._has(node):
            self.succeeded(node)
            return
        if lost := next((other for other in node.inputs.values() if other.key in self.failed), None):
            self.fail(node, self.failed[lost.key], f"{lost.label}: {self.failed[lost.key]}")
            return
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
    weights = {key: stages.find(node.stage).urgency_of(node) for key, node in nodes.items()}
    longest = dict(weights)
    for node in reversed(nodes.values()):
        for other in node.inputs.values():
            longest[other.key] = max(longest[other.key], weights[other.key] + longest[node.key])
    return longest
