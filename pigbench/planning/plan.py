"""What a plan is: a DAG of stages, each a node with a key. No I/O, no torch; `pigbench.planning.planner` makes one.

A node's key is the hash of its stage and version, its spec, its plugin's source and its inputs' keys. Equal work has an
equal key wherever it appears: DDIM's denoiser is DDPM's node, and the real-only arm is one node for all generators.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pigbench.planning.arms import Contender, Use
from pigbench.planning.configured import GeneratorChoice, MetricChoice, SegmenterChoice, Tuned, choose_metrics
from pigbench.planning.trainings import Trainings
from pigbench.protocol import Protocol, digest
from pigbench.stages.node import Node, ordered


@dataclass(frozen=True)
class Request:
    """What a run is asked for."""

    protocol: Protocol
    generators: tuple[Contender, ...]
    samples: tuple[int, ...]
    segmenters: tuple[SegmenterChoice, ...]
    seeds: tuple[int, ...]
    trainings: Trainings = field(default_factory=Trainings)
    train_patients: tuple[int | None, ...] = (None,)  # of each fold, in one order; None for all of them
    uses: tuple[Use, ...] = (Use(),)
    metrics: tuple[MetricChoice, ...] = field(default_factory=choose_metrics)
    controls: bool = False  # whether arms that give the others their meaning are run too
    named: frozenset[str] = frozenset()  # the generators asked for by name, controls too
    device: str = "cpu"
    makes_reference: bool = False  # whether the dataset can make fresh patients for the metrics
    tuning: bool = False  # whether its folds are those of the patients set aside, not of the others
    tuned: tuple[Tuned, ...] = ()  # the studies that chose settings

    def rows_of(self, study: Tuned) -> list[str]:
        """The labels of what has values of that study: its plugin, and who borrows from it or takes its masks."""
        if study.group == "segmenters":
            return [segmenter.label for segmenter in self.segmenters if segmenter.tuned_by(study)]
        generators = [generator for generator in self.generators if isinstance(generator, GeneratorChoice)]
        return [
            generator.label
            for generator in generators
            if any(used.tuned_by(study) for used in generator.with_those_it_uses())
        ]


@dataclass(frozen=True)
class Plan:
    """The nodes that a run is for, by role; everything else follows from their inputs.

    measurements: of every fit. ceiling: what a perfect mask of the network's resolution scores, where that is not 1.
    names: what enters no node's key and tells runs of equal nodes apart: of pairs that another tool made, and of the
    studies that chose settings.
    """

    measurements: list[Node] = field(default_factory=list)
    fidelities: list[Node] = field(default_factory=list)
    gates: list[Node] = field(default_factory=list)
    agreements: list[Node] = field(default_factory=list)
    reconstructions: list[Node] = field(default_factory=list)
    ceiling: list[Node] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    @property
    def targets(self) -> list[Node]:
        """The nodes whose artifacts make the record."""
        whole = self.measurements + self.fidelities + self.gates + self.agreements
        return whole + self.reconstructions + self.ceiling

    def nodes(self) -> list[Node]:
        """Every node once, inputs before what uses them."""
        return ordered(self.targets)

    @property
    def key(self) -> str:
        """The hash of everything the run computes."""
        return digest(sorted(node.key for node in self.targets) + self.names)
