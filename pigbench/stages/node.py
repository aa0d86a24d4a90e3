"""A node of a plan: one stage to run, with its key and what it is for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pigbench.protocol import digest
from pigbench.stages.base import Spec, Stage


@dataclass(frozen=True)
class Purpose:
    """What a node is for: shown and recorded, never keyed.

    what: in words, such as a generator's label. generator: whose pairs are made, measured or trained on. component:
    what of a generator is trained, such as `pig.guider`. count: of external pairs. trains: whether a network is
    trained, a generator's component or a segmenter. training: the number of a segmenter's, from 0. use, share,
    stretch: of an arm, as a record has them. train_patients: of the fold, None for all. The rest as everywhere.
    """

    what: str = ""
    generator: str | None = None
    component: str | None = None
    segmenter: str | None = None
    arm: str | None = None
    use: str = "real"
    share: float | None = None
    stretch: int = 1
    n: int | None = None
    chunk: int | None = None
    fold: int | None = None
    train_patients: int | None = None
    seed: int | None = None
    training: int | None = None
    count: int | None = None
    trains: bool = False

    def told(self, *names: str) -> dict[str, Any]:
        """These facts of it, as far as they are known."""
        return {name: value for name in names if (value := getattr(self, name)) is not None}


@dataclass(frozen=True)
class Node:
    """One stage to run. spec: the stage's Spec as plain data. inputs: the nodes whose artifacts it reads, by role."""

    stage: str
    key: str
    spec: dict[str, Any]
    inputs: dict[str, Node]
    purpose: Purpose = field(default_factory=Purpose)

    @property
    def label(self) -> str:
        """Such as "train pig.guider, fold 2"; a seed or a training other than 0 is named too."""
        named = ("chunk", "fold") if self.purpose.arm else ("n", "chunk", "fold")  # an arm's name has its n
        parts = [f"{self.stage} {self.purpose.what}".strip()]
        parts += [f"{name} {value}" for name, value in self.purpose.told(*named).items()]
        if self.purpose.train_patients is not None and not self.purpose.arm:
            parts.append(f"{self.purpose.train_patients} patients")
        parts += [f"{name} {value}" for name, value in self.purpose.told("seed", "training").items() if value]
        return ", ".join(parts)


def node(stage: Stage, spec: Spec, inputs: Mapping[str, Node] | None = None, purpose: Purpose | None = None) -> Node:
    """A node, with its key: the hash of the stage and its version, the spec, and the inputs' keys."""
    inputs, keyed = dict(inputs or {}), spec.keyed()
    parts = {
        "stage": stage.name,
        "version": stage.version,
        "spec": keyed,
        "inputs": {role: other.key for role, other in inputs.items()},
    }
    return Node(stage.name, digest(parts)[:32], keyed, inputs, purpose or Purpose())


def ordered(targets: Iterable[Node]) -> list[Node]:
    """The nodes that `targets` rest on and they themselves, each once, inputs first."""
    seen: dict[str, Node] = {}

    def visit(node: Node) -> None:
        if node.key not in seen:
            for other in node.inputs.values():
                visit(other)
            seen[node.key] = node

    for target in targets:
        visit(target)
    return list(seen.values())
