"""From a request to a plan: every generator, size, fold, seed and segmenter as a DAG of stages, in milliseconds."""

from __future__ import annotations

from dataclasses import replace

from pigbench.planning.arms import Arm, Contender, Use
from pigbench.planning.configured import GeneratorChoice
from pigbench.planning.external_pairs import GivenPairs
from pigbench.planning.nodes import Fold, Nodes
from pigbench.planning.plan import Plan, Request
from pigbench.results.naming import REAL
from pigbench.stages import sample
from pigbench.stages.node import Node


def make_plan(request: Request) -> Plan:
    """The plan of a run: every generator, size, fold, seed and segmenter, and the real-only arm."""
    return _Planner(request).plan()


def sample_nodes(request: Request, fold: int | None = None) -> list[Node]:
    """The chunks of the request's generators themselves, of one fold or all, without those whose masks they take."""
    labels = {generator.label for generator in request.generators}
    chunks = [node for node in make_plan(request).nodes() if node.stage == sample.STAGE.name]
    return [node for node in chunks if node.purpose.generator in labels and fold in (None, node.purpose.fold)]


class _Planner:
    def __init__(self, request: Request) -> None:
        self.request, self.nodes = request, Nodes(request)

    def plan(self) -> Plan:
        given = [g.label for g in self.request.generators if isinstance(g, GivenPairs)]
        plan = Plan(names=given + [f"{study.study}: {study.trials} trials" for study in self.request.tuned])
        plan.ceiling.extend(self.nodes.ceiling())
        for seed in self.request.seeds:
            for number in range(self.request.protocol.folds):
                for patients in self.request.train_patients:
                    self.add(plan, Fold(number, seed, patients))
        return plan

    def add(self, plan: Plan, fold: Fold) -> None:
        """Everything that is measured of what trains on these patients."""
        contenders = [generator for generator in self.request.generators if _has(generator, fold)]
        for arm in self.arms(contenders, fold.patients):
            plan.measurements.extend(
                self.nodes.measure(segmenter, arm, fold, training)
                for segmenter in self.request.segmenters
                for training in range(self.trainings(arm))
            )
        for generator in contenders:
            if isinstance(generator, GeneratorChoice) and generator.reconstructs:
                plan.reconstructions.append(self.nodes.reconstruct(generator, fold))
            for n in self.request.samples:
                plan.fidelities.append(self.nodes.fidelity(generator, n, fold))
                if generator.gives_masks:
                    plan.gates.append(self.nodes.gate(generator, n, fold))
                    plan.agreements.extend(
                        self.nodes.agreement(generator, n, segmenter, fold) for segmenter in self.request.segmenters
                    )

    def arms(self, contenders: list[Contender], patients: int | None = None) -> list[Arm]:
        """The real-only arm always, and each generator's; as controls synthetic pairs alone, and twice the steps."""
        real = Arm(train_patients=patients)
        pairs = [
            replace(real, generator=generator, n=n, way=use)
            for generator in contenders
            if generator.gives_masks
            for n in self.request.samples
            for use in self.request.uses
        ]
        if not self.request.controls:
            return [real, *pairs]
        made = [arm for arm in pairs if arm.generator and not arm.generator.is_control]
        alone = [replace(arm, alone=True, way=Use()) for arm in made if arm.way == self.request.uses[0]]
        asked = [arm for arm in pairs if arm in made or (arm.generator and arm.generator.name in self.request.named)]
        return [real, *pairs, *alone, *(replace(arm, stretch=2) for arm in (real, *asked))]

    def trainings(self, arm: Arm) -> int:
        """How often the arm is trained in each fold, with each seed."""
        if arm.generator:
            return self.request.trainings[arm.generator.label]
        return self.request.trainings[REAL] if arm.stretch == 1 else self.request.trainings.every


def _has(generator: Contender, fold: Fold) -> bool:
    """Whether there is anything to measure in that fold."""
    return not isinstance(generator, GivenPairs) or fold.number in generator.folds
