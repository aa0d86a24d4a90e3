"""From a request to a plan: every generator, size, fold, seed and segmenter as a DAG of stages, in milliseconds."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from pigbench.contracts import Component, Config, TrainedConfig
from pigbench.data.fold_manifests import UNSEALED
from pigbench.errors import PigbenchError
from pigbench.planning.configured import GeneratorChoice, SegmenterChoice
from pigbench.planning.external_pairs import GivenPairs
from pigbench.planning.plan import Arm, Contender, Node, Plan, Request, node, ordered


def make_plan(request: Request) -> Plan:
    """The plan of a run: every generator, size, fold, seed and segmenter, and the real-only arm."""
    return _Planner(request).plan()


def sample_nodes(request: Request, fold: int | None = None) -> list[Node]:
    """The chunks of the request's generators themselves, of one fold or all, without those whose masks they take."""
    planner, labels = _Planner(request), {generator.label for generator in request.generators}
    chunks = [node for node in ordered(planner.plan().targets) if node.stage == "sample"]
    return [node for node in chunks if node.about["what"] in labels and fold in (None, node.about["fold"])]


def _once(make: Callable[..., Node]) -> Callable[..., Node]:
    """A method that makes the node of equal arguments once; generators and nodes are equal if they are the same object.

    A generator's chunks are wanted by every arm, size and segmenter: made anew each time, a large plan takes minutes.
    """

    @wraps(make)
    def remembering(self: _Planner, *of: Any) -> Node:
        key = (make.__name__, *(one if isinstance(one, int) else id(one) for one in of))
        if key not in self.made:
            self.made[key] = make(self, *of), of  # kept too, so that no other object gets its id
        return self.made[key][0]

    return remembering


class _Planner:
    def __init__(self, request: Request) -> None:
        self.request = request
        self.made: dict[tuple[Any, ...], tuple[Node, tuple[Any, ...]]] = {}
        self.protocol = request.protocol
        self.preset = request.protocol.preset
        self.numerics = _numerics(request)
        data = {"dataset": self.protocol.dataset_identity}
        resolution = {"resolution": self.preset.resolution}
        folds: dict[str, Any] = {"folds": self.protocol.folds, "seed": self.protocol.split_seed}
        if self.protocol.set_aside:
            folds |= {"set_aside": self.protocol.set_aside, "tuning": request.tuning}
        self.split = node("split", data | folds, what=self.protocol.dataset)
        self.prepared = node("prepare", data | resolution, what=self.protocol.dataset)
        self.reference = None
        if request.makes_reference:
            fresh = data | resolution | {"reference": self.preset.fidelity.reference}
            self.reference = node("prepare", fresh, what="reference")

    def plan(self) -> Plan:
        given = [g.label for g in self.request.generators if isinstance(g, GivenPairs)]
        plan = Plan(names=given + [f"{study.study}: {study.trials} trials" for study in self.request.tuned])
        for seed in self.request.seeds:
            for fold in range(self.protocol.folds):
                contenders = [generator for generator in self.request.generators if _has(generator, fold)]
                for arm in self.arms(contenders):
                    plan.segmentations.extend(self.segment(s, arm, seed, fold) for s in self.request.segmenters)
                for generator in contenders:
                    if isinstance(generator, GeneratorChoice) and generator.reconstructs:
                        plan.reconstructions.append(self.reconstruct(generator, seed, fold))
                    for n in self.request.samples:
                        plan.fidelities.append(self.fidelity(generator, n, seed, fold))
                        if generator.gives_masks:
                            plan.gates.append(self.gate(generator, n, seed, fold))
        return plan

    def arms(self, contenders: list[Contender]) -> list[Arm]:
        """The real-only arm always; each generator's; and, as controls, more steps and synthetic pairs alone."""
        with_masks = [generator for generator in contenders if generator.gives_masks]
        arms = [Arm()] + [Arm(generator, n) for generator in with_masks for n in self.request.samples]
        if self.request.controls:
            makers = [generator for generator in with_masks if not generator.is_control]
            arms += [Arm(stretch=2)] + [Arm(maker, n, alone=True) for maker in makers for n in self.request.samples]
        return arms

    @_once
    def train(self, generator: GeneratorChoice, component: Component, seed: int, fold: int) -> Node:
        if component.owner:
            borrower, generator = generator, _lender(generator, component.owner)
            _check_agreement(borrower, generator, component)
            component = _component(generator, component.name)
        training = self.preset.training_for(generator.name).model_dump(mode="json") | _rate(generator.config)
        own = [c for c in generator.plugin.components if c.owner is None]
        share = component.share / sum(c.share for c in own)
        settings = generator.config.model_dump(mode="json", include=set(component.settings))
        spec = {
            "plugin": generator.name,
            "component": component.name,
            "settings": settings,
            "source": generator.source,
            "training": training,
            "share": share,
            "resolution": self.preset.resolution,
            "seed": seed,
            "fold": fold,
            "numerics": self.numerics,
        }
        inputs = {"prepared": self.prepared, "split": self.split}
        for needed in component.needs:
            inputs[f"trained:{needed}"] = self.train(generator, _component(generator, needed), seed, fold)
        return node("train", spec, inputs, what=f"{generator.label}.{component.name}", fold=fold, seed=seed)

    @_once
    def chunk(self, generator: GeneratorChoice, number: int, seed: int, fold: int) -> Node:
        spec = {
            "plugin": generator.name,
            "settings": generator.config.model_dump(mode="json"),
            "source": generator.source,
            "chunk": number,
            "size": self.preset.sampling.chunk,
            "batch": self.preset.sampling.batch,
            "resolution": self.preset.resolution,
            "seed": seed,
            "fold": fold,
            "numerics": self.numerics,
        }
        inputs = self.with_trained(generator, seed, fold)
        if generator.masks_from == "real":
            spec["masks"] = "real"
        elif generator.masks_from is not None:
            spec["masks"] = "made"
            inputs["masks"] = self.chunk(generator.masks_from, number, seed, fold)
        return node("sample", spec, inputs, what=generator.label, chunk=number, fold=fold, seed=seed)

    def with_trained(self, generator: GeneratorChoice, seed: int, fold: int) -> dict[str, Node]:
        """The inputs of a stage that needs the fold's data and the generator's trained components."""
        inputs = {"prepared": self.prepared, "split": self.split}
        for component in generator.plugin.components:
            inputs[f"trained:{component.name}"] = self.train(generator, component, seed, fold)
        return inputs

    @_once
    def adopt(self, pairs: GivenPairs, fold: int) -> Node:
        """All the pairs that were given for a fold, as one chunk; the same for every fold that they serve."""
        given = pairs.folds[fold]
        spec = {
            "content": given.content,
            "as_is": given.as_is,
            "draws": given.draws,
            "seal": given.seal or UNSEALED,
            "resolution": self.preset.resolution,
        }
        about: dict[str, Any] = {"fold": fold} if given.seal else {}
        return node("adopt", spec, what=pairs.label, count=given.count, **about)

    def chunks(self, generator: Contender, n: int, seed: int, fold: int) -> list[Node]:
        """Whole chunks that hold at least n samples."""
        if isinstance(generator, GivenPairs):
            return [self.adopt(generator, fold)]
        return [self.chunk(generator, number, seed, fold) for number in range(-(-n // self.preset.sampling.chunk))]

    @_once
    def embed(self, images: Node) -> Node:
        spec = {"extractor": self.preset.fidelity.extractor, "numerics": self.numerics}
        about = {name: images.about[name] for name in ("what", "chunk", "fold", "seed") if name in images.about}
        return node("embed", spec, {"images": images}, **about)

    @_once
    def floor(self, m: int, fold: int) -> Node:
        inputs = {"split": self.split, "prepared": self.prepared, "real": self.embed(self.prepared)}
        if self.reference:
            inputs["reference"] = self.embed(self.reference)
        return node("floor", {"m": m, "fold": fold}, inputs, what=self.protocol.dataset, n=m, fold=fold)

    def fidelity(self, generator: Contender, n: int, seed: int, fold: int) -> Node:
        floor = self.floor(n, fold)
        inputs = {**floor.inputs, "floor": floor}
        for number, chunk in enumerate(self.chunks(generator, n, seed, fold)):
            inputs[f"chunk:{number}"] = chunk
            inputs[f"features:{number}"] = self.embed(chunk)
        spec = {"n": n, "fold": fold}
        return node(
            "fidelity", spec, inputs, what=generator.label, generator=generator.label, n=n, fold=fold, seed=seed
        )

    def gate(self, generator: Contender, n: int, seed: int, fold: int) -> Node:
        inputs = {"prepared": self.prepared, "split": self.split}
        for number, chunk in enumerate(self.chunks(generator, n, seed, fold)):
            inputs[f"chunk:{number}"] = chunk
        about: dict[str, Any] = {"what": generator.label, "generator": generator.label, "fold": fold, "seed": seed}
        return node("gate", {"n": n, "fold": fold}, inputs, **about, n=n)

    def reconstruct(self, generator: GeneratorChoice, seed: int, fold: int) -> Node:
        spec = {
            "plugin": generator.name,
            "settings": generator.config.model_dump(mode="json"),
            "source": generator.source,
            "batch": self.preset.sampling.batch,
            "resolution": self.preset.resolution,
            "fold": fold,
            "numerics": self.numerics,
        }
        about = {"what": generator.label, "generator": generator.label, "fold": fold, "seed": seed}
        return node("reconstruct", spec, self.with_trained(generator, seed, fold), **about)

    def segment(self, segmenter: SegmenterChoice, arm: Arm, seed: int, fold: int) -> Node:
        training = self.preset.segmentation.model_dump(mode="json", exclude={"network"})
        spec = {
            "plugin": segmenter.name,
            "settings": segmenter.config.model_dump(mode="json"),
            "source": segmenter.source,
            "training": training | {"steps": arm.stretch * training["steps"]} | _rate(segmenter.config),
            "n": arm.n,
            "resolution": self.preset.resolution,
            "seed": seed,
            "fold": fold,
            "numerics": self.numerics,
        }
        inputs = {"prepared": self.prepared, "split": self.split}
        if arm.generator:
            for number, chunk in enumerate(self.chunks(arm.generator, arm.n, seed, fold)):
                inputs[f"chunk:{number}"] = chunk
            if arm.alone:
                spec["alone"] = True
            if isinstance(arm.generator, GivenPairs) and not arm.generator.sealed:
                spec["unsealed"] = True
        about = {
            "what": f"{segmenter.label} on {arm.name}",
            "arm": arm.name,
            "generator": arm.generator.label if arm.generator else None,
            "segmenter": segmenter.label,
            "alone": arm.alone,
            "stretch": arm.stretch,
        }
        return node("segment", spec, inputs, **about, n=arm.n, fold=fold, seed=seed)


def _has(generator: Contender, fold: int) -> bool:
    """Whether there is anything to measure in that fold."""
    return not isinstance(generator, GivenPairs) or fold in generator.folds


def _check_agreement(borrower: GeneratorChoice, owner: GeneratorChoice, component: Component) -> None:
    """A borrower samples as the owner trained: the settings that its borrowed component names must be equal."""
    for name in component.settings:
        ours, theirs = getattr(borrower.config, name), getattr(owner.config, name)
        if ours != theirs:
            raise PigbenchError(
                f"'{borrower.name}' samples '{owner.name}.{component.name}' with {name}={ours}, but it is trained with "
                f"{theirs}: set diffusion.{name} for both"
            )


def _rate(config: Config) -> dict[str, float]:
    """A plugin's own learning rate, where one is set."""
    rate = config.learning_rate if isinstance(config, TrainedConfig) else None
    return {} if rate is None else {"learning_rate": rate}


def _lender(generator: GeneratorChoice, owner: str) -> GeneratorChoice:
    return next(lender for lender in generator.lenders if lender.name == owner)


def _component(generator: GeneratorChoice, name: str) -> Component:
    for component in generator.plugin.components:
        if component.name == name:
            return component
    raise PigbenchError(f"generator '{generator.name}' has no component '{name}'")


def _numerics(request: Request) -> dict[str, Any]:
    """What changes the last digits of a result, and therefore belongs to its key."""
    chosen = request.protocol.preset.numerics
    compiled = {"compile": True} if chosen.compile else {}
    if request.device == "cpu":
        return {"device": "cpu", "precision": "float32", "threads": 1} | compiled
    return {"device": request.device, "precision": chosen.gpu_precision} | compiled
