"""What a stage is: one room that holds all that planning, engines, estimates and records know of it.

`stages/NAME.py` defines a Spec (what is keyed), a Result (its artifact, opened: the only place that knows the names of
its files) and a Stage, and names the Stage's one instance `STAGE`. Whoever plans, runs, estimates or records works over
these and knows no stage by name.
"""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from pigbench.contracts import LESION, Task
from pigbench.metrics.classes import over_classes
from pigbench.registry import Group

if TYPE_CHECKING:
    from pigbench.stages.job import Job
    from pigbench.stages.node import Node


class Spec(BaseModel):
    """What of a stage's work is keyed, besides its inputs and its plugin's source.

    A field at its default stays out of the key, so that a new setting at its old behaviour's value changes no key.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    def keyed(self) -> dict[str, Any]:
        """The spec as plain data, fit for a key, a manifest and the way to another machine."""
        return self.model_dump(mode="json", exclude_defaults=True)


class Numerics(Spec):
    """What changes the last digits of a result. threads: of a stage on a CPU; None on a GPU."""

    device: str
    precision: str
    threads: int | None = None
    compile: bool = False


class FoldSpec(Spec):
    """What every stage that uses a fold's training patients is keyed by. train_patients: how many; None for all."""

    fold: int
    train_patients: int | None = None


class PluginSpec(Spec):
    """What every stage that runs a plugin's code is keyed by. source: the hash of the plugin's own source. channels,
    classes: as `contracts.Task` has them."""

    plugin: str
    settings: dict[str, Any]
    source: str
    resolution: int
    channels: int = 1
    classes: tuple[str, ...] = LESION
    numerics: Numerics

    @property
    def task(self) -> Task:
        """What the plugin is built for."""
        return Task(self.resolution, self.channels, self.classes)


class Result:
    """An artifact of a stage, opened."""

    def __init__(self, directory: Path) -> None:
        """directory: the artifact's, whole and verified by whoever opens it."""
        self.directory = directory


class Numbers(Result):
    """An artifact that is one file of numbers, by name."""

    FILE: ClassVar[str]

    @property
    def numbers(self) -> dict[str, Any]:
        """What a record says of them."""
        return json.loads((self.directory / self.FILE).read_text(encoding="utf-8"))


def defined(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """`numbers` for JSON, with None for those that do not exist (NaN)."""
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in numbers.items()}


@dataclass(frozen=True)
class Scored:
    """The statistics and scores of one fit's held-out cases: columns of equal length, NaN where there is no number.

    area: the share of each image that is of any class, 0 to 1, on the scoring grid. statistics: such as `overlap.tp`.
    scores: of each metric. class_: the index of each row's class; None where there is one class, else every case has a
    row for each.
    """

    case_id: list[str]
    patient_id: list[str]
    area: np.ndarray
    statistics: dict[str, np.ndarray]
    scores: dict[str, np.ndarray]
    class_: np.ndarray | None = None

    @property
    def once(self) -> Scored:
        """Each case once, with its scores' means over the classes that have one, and no statistics."""
        if self.class_ is None:
            return self
        first = np.flatnonzero(self.class_ == 0)
        if not len(first):
            return replace(self, statistics={}, class_=None)
        return Scored(
            [self.case_id[row] for row in first],
            [self.patient_id[row] for row in first],
            self.area[first],
            statistics={},
            scores={name: over_classes(values.reshape(len(first), -1)) for name, values in self.scores.items()},
        )


@dataclass(frozen=True)
class Size:
    """What a run's data weigh. every: cases of the dataset. training: cases of one fold's training set, about.
    channels: of an image.
    """

    every: int
    training: int
    channels: int = 1


MOST_LOSSES = 50
"""Of a training, in a record."""


def thinned(losses: list[float]) -> list[float]:
    """A training's losses as at most `MOST_LOSSES` means of neighbours, in their order, to four digits."""
    parts = np.array_split(np.array(losses, float), min(len(losses), MOST_LOSSES)) if losses else []
    return [float(f"{part.mean():.4g}") for part in parts]


class Stage(ABC):
    """One kind of work, from a spec and input artifacts to one artifact.

    version: part of every artifact's key; raised by hand when what the stage computes changes. A test holds a hash of
    the stage's code and asks. plugins: which kind of plugin its spec names, if it runs one. seconds: what it takes
    where nothing better is known. urgency: its rough relative length, so that long chains start first. grows: whether
    the artifact's size grows with the units of work. probed: whether a few units of it tell what the rest takes.
    reads_files: whether it reads the dataset's files. table: the part of a record that its rows stand in.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    Spec: ClassVar[type[Spec]]
    Result: ClassVar[type[Result]] = Result
    plugins: ClassVar[Group | None] = None
    seconds: ClassVar[float | None] = None
    urgency: ClassVar[float] = 1.0
    grows: ClassVar[bool] = False
    probed: ClassVar[bool] = False
    reads_files: ClassVar[bool] = False
    table: ClassVar[str | None] = None

    @abstractmethod
    def run(self, job: Job) -> None:
        """Compute the artifact's files into `job.directory`. Raises StageFailed for a reason that tables show."""

    def like(self, node: Node) -> str:
        """What nodes of a full and of a miniature run share where a unit of work costs the same."""
        return f"{self.name} {node.purpose.what}"

    def units(self, node: Node, size: Size) -> float:
        """How much work a node is: steps of a training, images made or embedded; 1 where that makes no difference."""
        return 1.0

    def units_of(self, spec: Any, result: Any) -> float:
        """As `units`, of an artifact that is there."""
        return 1.0

    def images(self, node: Node, size: Size) -> int | None:
        """How many images the node's artifact holds; None if it is no set of images."""
        return None

    def urgency_of(self, node: Node) -> float:
        """How long the node takes, beside others, roughly."""
        return self.urgency

    def work(self, spec: Any, result: Any) -> dict[str, int]:
        """What the seconds of an artifact were spent on: `images` trained on or made, `parameters` of a network."""
        return {}

    def bytes_of(self, node: Node, size: Size) -> float | None:
        """About how large the node's artifact will be; None if nothing tells before one is there."""
        images, resolution = self.images(node, size), node.spec.get("resolution")
        image = 1 + 2 * size.channels  # two bytes a channel, a mask's one
        return float(image * images * resolution**2) if images and resolution else None

    def sources(self, spec: Mapping[str, Any]) -> list[tuple[Group, str, str]]:
        """The plugins whose code the stage runs: the group, the name and the hash of the source that keys it."""
        own: list[tuple[Group, str, str]] = [(self.plugins, spec["plugin"], spec["source"])] if self.plugins else []
        return own + [("metrics", name, source) for name, source in spec.get("metrics", {}).items()]

    def costs_of(self, node: Node) -> str:
        """The row of the table of costs that the node's seconds belong to; empty for none."""
        return ""

    def row(self, node: Node, result: Any | None) -> dict[str, Any]:
        """The node's row of the record's `table`, without its status. result: None where the node failed."""
        raise NotImplementedError
