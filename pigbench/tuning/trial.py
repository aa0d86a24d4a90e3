"""One trial: a configuration measured on the inner folds of the tuning patients, by the ordinary stages.

A generator is trained, sampled and compared with the held-out tuning patients, never with the fresh or held-out ones
that a run is judged by. A segmenter is trained on real cases alone. Artifacts go to the ordinary store, so a trial that
was cut off goes on from its checkpoint, and equal configurations are computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pigbench.data.splits import INNER
from pigbench.engine.driver import Event
from pigbench.engine.local import run_plan
from pigbench.errors import PigbenchError
from pigbench.planning.configured import GeneratorChoice, SegmenterChoice, with_values
from pigbench.planning.plan import Plan, Request
from pigbench.planning.planner import make_plan
from pigbench.stages.fidelity import SetNumbers
from pigbench.stages.measure import Measured
from pigbench.stages.node import Node, ordered
from pigbench.store import Damaged, Store
from pigbench.tuning.space import Space, draw, free_space
from pigbench.uses import Use, note_use

if TYPE_CHECKING:
    from optuna import Trial

Group = Literal["generators", "segmenters"]

MOST_SAMPLES = 256
"""Samples a fold, unless the preset takes fewer: enough to rank configurations, and cheap."""


class TrialFailed(Exception):
    """The configuration gives no number, for a reason that the study keeps."""


class WorkerDied(TrialFailed):
    """A worker was killed at it, which may say nothing about the configuration."""


@dataclass(frozen=True)
class Objective:
    """What trials are judged by. targets: the nodes of a plan that give it. values: what one artifact holds of it.

    The objective is the mean of all values: of the folds' distances, or of all cases' Dice.
    """

    name: str
    direction: Literal["minimize", "maximize"]
    targets: Callable[[Plan], list[Node]]
    values: Callable[[Path], list[float]]


def _kid(artifact: Path) -> list[float]:
    return [1000 * SetNumbers(artifact).value("kid")]


def _dice(artifact: Path) -> list[float]:
    return (100 * Measured(artifact).values("dice")).tolist()


OBJECTIVES: Mapping[Group, Objective] = {
    "generators": Objective("KID ×1000", "minimize", lambda plan: plan.fidelities, _kid),
    "segmenters": Objective("Dice, %", "maximize", lambda plan: plan.measurements, _dice),
}


def on_tuning_patients(request: Request, share: float) -> Request:
    """`request` for the patients that are set aside, in inner folds, judged by nobody but themselves."""
    protocol = request.protocol.model_copy(update={"folds": INNER, "set_aside": share})
    samples = (min(MOST_SAMPLES, protocol.preset.samples),)
    return replace(request, protocol=protocol, samples=samples, makes_reference=False, tuning=True)


@dataclass(frozen=True)
class Evaluation:
    """How a configuration of one plugin is measured; called with an optuna trial, it gives the objective.

    request: `on_tuning_patients`, of the one plugin that is tuned. observe: told of the engine's events. say: told how
    the trial goes, in one line.
    """

    request: Request
    store: Store
    workers: int
    interval: float
    observe: Callable[[Event], None] = lambda event: None
    say: Callable[[str], None] = lambda line: None

    @property
    def group(self) -> Group:
        """Which kind of plugin is tuned."""
        return "generators" if self.request.generators else "segmenters"

    @property
    def choice(self) -> GeneratorChoice | SegmenterChoice:
        """The plugin, with the settings that every trial shares."""
        plugins: tuple[Any, ...] = self.request.generators or self.request.segmenters
        return plugins[0]

    @property
    def space(self) -> Space:
        """What trials vary."""
        return free_space(self.choice)

    @property
    def objective(self) -> Objective:
        """What they are judged by."""
        return OBJECTIVES[self.group]

    def __call__(self, trial: Trial) -> float:
        """The objective of the configuration that the trial draws. Raises TrialPruned, or TrialFailed with a reason."""
        from optuna import TrialPruned

        values = draw(trial, self.space)
        self.say(f"trial {trial.number}: {listed(values)}")
        targets = self.objective.targets(make_plan(self.request_with(values)))
        measured: list[float] = []
        for fold in range(INNER):
            try:
                measured += self._measure([node for node in targets if node.purpose.fold == fold])
            finally:
                trial.set_user_attr("costs", costs(targets, self.store))
            if not measured:
                raise TrialFailed("no held-out case has a score")
            mean = float(np.mean(measured))
            self.say(f"trial {trial.number}, fold {fold}: {self.objective.name} {mean:.2f}")
            trial.report(mean, fold)
            if fold + 1 < INNER and trial.should_prune():
                raise TrialPruned
        return mean

    def request_with(self, values: Mapping[str, Any]) -> Request:
        """The request with the plugin so configured. Raises TrialFailed where its Config refuses the values."""
        chosen = {self.choice.name: values}
        generators = (generator for generator in self.request.generators if isinstance(generator, GeneratorChoice))
        try:
            return replace(
                self.request,
                generators=tuple(with_values(generator, chosen) for generator in generators),
                segmenters=tuple(with_values(segmenter, chosen) for segmenter in self.request.segmenters),
            )
        except PigbenchError as refusal:
            raise TrialFailed(str(refusal)) from None

    def _measure(self, nodes: list[Node]) -> list[float]:
        dataset = self.request.protocol.dataset
        use = Use(dataset, self.request.protocol.preset.name)
        note_use(self.store.root, use, (node.key for node in ordered(nodes)))
        outcome = run_plan(nodes, self.store, dataset, self.workers, self.observe, self.interval)
        for node in nodes:
            if node.key in outcome.failed:
                raise (WorkerDied if outcome.deaths else TrialFailed)(outcome.failed[node.key])
        try:
            artifacts = [self.store.open(node.stage, node.key).path for node in nodes]
        except Damaged as damaged:
            self.say(str(damaged))
            return self._measure(nodes)
        return [value for artifact in artifacts for value in self.objective.values(artifact)]


def costs(targets: list[Node], store: Store) -> dict[str, list[float]]:
    """Seconds of wall clock, CPU and GPU that each node of `targets` took, by key, as far as they are there."""
    there = [store.entry(node.stage, node.key) for node in ordered(targets) if store.has(node.stage, node.key)]
    of = {entry.key: entry.manifest["cost"] for entry in there}
    return {key: [cost["wall_s"], cost["cpu_s"], cost.get("gpu_s", 0.0)] for key, cost in of.items()}


def listed(values: Mapping[str, Any]) -> str:
    """A configuration in words, numbers to three digits."""
    return ", ".join(
        f"{name} {value:.3g}" if type(value) is float else f"{name} {value}" for name, value in values.items()
    )
