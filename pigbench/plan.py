"""From a protocol to a DAG of stages. No I/O, no torch: a plan is made in milliseconds and says what a run will do.

A node's key is the hash of its stage and version, its spec, its plugin's source and its inputs' keys. Equal work has an
equal key wherever it appears: DDIM's denoiser is DDPM's node, and the real-only arm is one node for all generators.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pigbench import stages
from pigbench.choices import GeneratorChoice, SegmenterChoice
from pigbench.contracts import Component
from pigbench.errors import PigbenchError
from pigbench.protocol import Protocol, digest


@dataclass(frozen=True)
class Node:
    """One stage to run. `about` says what it is for (label, generator, fold, seed, n, arm …) and is not keyed."""

    stage: str
    key: str
    spec: dict[str, Any]
    inputs: dict[str, Node]
    about: dict[str, Any]

    @property
    def label(self) -> str:
        """Such as "train pig.guider, fold 2"; a seed other than 0 is named too."""
        parts = [f"{self.stage} {self.about.get('what', '')}".strip()]
        named = ("chunk", "fold") if "arm" in self.about else ("n", "chunk", "fold")  # an arm's name has its n
        parts += [f"{name} {self.about[name]}" for name in named if name in self.about]
        return ", ".join(parts + ([f"seed {self.about['seed']}"] if self.about.get("seed") else []))


@dataclass(frozen=True)
class Request:
    """What a run is asked for."""

    protocol: Protocol
    generators: tuple[GeneratorChoice, ...]
    samples: tuple[int, ...]
    segmenters: tuple[SegmenterChoice, ...]
    seeds: tuple[int, ...]
    device: str = "cpu"
    makes_reference: bool = False  # whether the dataset can make fresh patients for the metrics


@dataclass(frozen=True)
class Plan:
    """The nodes that a run is for, by role; everything else follows from their inputs."""

    segmentations: list[Node]
    fidelities: list[Node]

    @property
    def targets(self) -> list[Node]:
        """The nodes whose artifacts make the record."""
        return self.segmentations + self.fidelities

    def nodes(self) -> list[Node]:
        """Every node once, inputs before what uses them."""
        return ordered(self.targets)

    @property
    def key(self) -> str:
        """The hash of everything the run computes."""
        return digest(sorted(node.key for node in self.targets))


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


def make_plan(request: Request) -> Plan:
    """The plan of a run: every generator, size, fold, seed and segmenter, and the real-only arm."""
    return _Planner(request).plan()


class _Planner:
    def __init__(self, request: Request) -> None:
        self.request = request
        self.protocol = request.protocol
        self.preset = request.protocol.preset
        self.numerics = _numerics(request)
        data = {"dataset": self.protocol.dataset_identity}
        resolution = {"resolution": self.preset.resolution}
        self.split = node(
            "split", data | {"folds": self.protocol.folds, "seed": self.protocol.split_seed}, what=self.protocol.dataset
        )
        self.prepared = node("prepare", data | resolution, what=self.protocol.dataset)
        self.reference = None
        if request.makes_reference:
            fresh = data | resolution | {"reference": self.preset.fidelity.reference}
            self.reference = node("prepare", fresh, what="reference")

    def plan(self) -> Plan:
        segmentations, fidelities = [], []
        for seed in self.request.seeds:
            for fold in range(self.protocol.folds):
                segmentations += [self.segment(segmenter, None, 0, seed, fold) for segmenter in self.request.segmenters]
                for generator in self.request.generators:
                    for n in self.request.samples:
                        fidelities.append(self.fidelity(generator, n, seed, fold))
                        if generator.plugin.kind != "images":
                            segmentations += [
                                self.segment(segmenter, generator, n, seed, fold)
                                for segmenter in self.request.segmenters
                            ]
        return Plan(segmentations, fidelities)

    def train(self, generator: GeneratorChoice, component: Component, seed: int, fold: int) -> Node:
        if component.owner:
            borrower, generator = generator, _lender(generator, component.owner)
            _check_agreement(borrower, generator, component)
            component = _component(generator, component.name)
        training = self.preset.training_for(generator.name)
        own = [c for c in generator.plugin.components if c.owner is None]
        share = component.share / sum(c.share for c in own)
        settings = generator.config.model_dump(mode="json", include=set(component.settings))
        spec = {
            "plugin": generator.name,
            "component": component.name,
            "settings": settings,
            "source": generator.source,
            "training": training.model_dump(mode="json"),
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
        inputs = {"prepared": self.prepared, "split": self.split}
        for component in generator.plugin.components:
            inputs[f"trained:{component.name}"] = self.train(generator, component, seed, fold)
        return node("sample", spec, inputs, what=generator.label, chunk=number, fold=fold, seed=seed)

    def chunks(self, generator: GeneratorChoice, n: int, seed: int, fold: int) -> list[Node]:
        """Whole chunks that hold at least n samples."""
        return [self.chunk(generator, number, seed, fold) for number in range(-(-n // self.preset.sampling.chunk))]

    def embed(self, images: Node) -> Node:
        spec = {"extractor": self.preset.fidelity.extractor, "numerics": self.numerics}
        about = {name: images.about[name] for name in ("what", "chunk", "fold", "seed") if name in images.about}
        return node("embed", spec, {"images": images}, **about)

    def floor(self, m: int, fold: int) -> Node:
        inputs = {"split": self.split, "prepared": self.prepared, "real": self.embed(self.prepared)}
        if self.reference:
            inputs["reference"] = self.embed(self.reference)
        return node("floor", {"m": m, "fold": fold}, inputs, what=self.protocol.dataset, n=m, fold=fold)

    def fidelity(self, generator: GeneratorChoice, n: int, seed: int, fold: int) -> Node:
        floor = self.floor(n, fold)
        inputs = {**floor.inputs, "floor": floor}
        for number, chunk in enumerate(self.chunks(generator, n, seed, fold)):
            inputs[f"chunk:{number}"] = chunk
            inputs[f"features:{number}"] = self.embed(chunk)
        spec = {"n": n, "fold": fold}
        return node(
            "fidelity", spec, inputs, what=generator.label, generator=generator.label, n=n, fold=fold, seed=seed
        )

    def segment(
        self, segmenter: SegmenterChoice, generator: GeneratorChoice | None, n: int, seed: int, fold: int
    ) -> Node:
        spec = {
            "plugin": segmenter.name,
            "settings": segmenter.config.model_dump(mode="json"),
            "source": segmenter.source,
            "training": self.preset.segmentation.model_dump(mode="json", exclude={"network"}),
            "n": n,
            "resolution": self.preset.resolution,
            "seed": seed,
            "fold": fold,
            "numerics": self.numerics,
        }
        inputs = {"prepared": self.prepared, "split": self.split}
        if generator:
            for number, chunk in enumerate(self.chunks(generator, n, seed, fold)):
                inputs[f"chunk:{number}"] = chunk
        arm = f"real+{generator.label}_{n}" if generator else "real"
        label = generator.label if generator else None
        about = {"what": f"{segmenter.label} on {arm}", "arm": arm, "generator": label, "segmenter": segmenter.label}
        return node("segment", spec, inputs, **about, n=n, fold=fold, seed=seed)


def node(stage: str, spec: dict[str, Any], inputs: Mapping[str, Node] | None = None, **about: Any) -> Node:
    """A node, with its key."""
    inputs = dict(inputs or {})
    keyed = {
        "stage": stage,
        "version": stages.VERSIONS[stage],
        "spec": spec,
        "inputs": {role: other.key for role, other in inputs.items()},
    }
    return Node(stage, digest(keyed)[:32], spec, inputs, about)


def _check_agreement(borrower: GeneratorChoice, owner: GeneratorChoice, component: Component) -> None:
    """A borrower samples as the owner trained: the settings that its borrowed component names must be equal."""
    for name in component.settings:
        ours, theirs = getattr(borrower.config, name), getattr(owner.config, name)
        if ours != theirs:
            raise PigbenchError(
                f"'{borrower.name}' samples '{owner.name}.{component.name}' with {name}={ours}, but it is trained with "
                f"{theirs}: set diffusion.{name} for both"
            )


def _lender(generator: GeneratorChoice, owner: str) -> GeneratorChoice:
    return next(lender for lender in generator.lenders if lender.name == owner)


def _component(generator: GeneratorChoice, name: str) -> Component:
    for component in generator.plugin.components:
        if component.name == name:
            return component
    raise PigbenchError(f"generator '{generator.name}' has no component '{name}'")


def _numerics(request: Request) -> dict[str, Any]:
    """What changes the last digits of a result, and therefore belongs to its key."""
    if request.device == "cpu":
        return {"device": "cpu", "precision": "float32", "threads": 1}
    return {"device": request.device, "precision": request.protocol.preset.numerics.gpu_precision}
