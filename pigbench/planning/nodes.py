"""The nodes of a request: one for each piece of work, with the inputs it needs. The planner says which are wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import wraps
from typing import Any, TypedDict

from pigbench.contracts import Component, Config, TrainedConfig
from pigbench.data.fold_manifests import UNSEALED
from pigbench.errors import PigbenchError
from pigbench.planning.arms import Arm, Contender, Use
from pigbench.planning.budgets import image_passes
from pigbench.planning.configured import GeneratorChoice, SegmenterChoice
from pigbench.planning.external_pairs import GivenPairs
from pigbench.planning.plan import Request
from pigbench.protocol import Training
from pigbench.results.naming import REAL
from pigbench.stages import (
    adopt,
    agreement,
    ceiling,
    embed,
    fidelity,
    fit,
    floor,
    gate,
    measure,
    predict,
    prepare,
    reconstruct,
    sample,
    split,
    train,
    truth,
)
from pigbench.stages.base import Numerics
from pigbench.stages.node import Node, Purpose, node


class _Keyed(TypedDict):
    """What a stage's spec says of a fold."""

    fold: int
    train_patients: int | None


class _Told(_Keyed):
    """What a node's purpose says of it."""

    seed: int


@dataclass(frozen=True)
class Fold:
    """What a generator or a segmenter is trained on. patients: how many of the fold's, None for all of them."""

    number: int
    seed: int
    patients: int | None = None

    @property
    def keyed(self) -> _Keyed:
        """For a stage's spec."""
        return _Keyed(fold=self.number, train_patients=self.patients)

    @property
    def told(self) -> _Told:
        """For a node's purpose."""
        return _Told(seed=self.seed, **self.keyed)


def _once(make: Callable[..., Node]) -> Callable[..., Node]:
    """A method that makes the node of equal arguments once; generators and nodes are equal if they are the same object.

    A generator's chunks are wanted by every arm, size and segmenter: made anew each time, a large plan takes minutes.
    """

    @wraps(make)
    def remembering(self: Nodes, *of: Any) -> Node:
        key = (make.__name__, *(one if isinstance(one, int) else id(one) for one in of))
        if key not in self.made:
            self.made[key] = make(self, *of), of  # kept too, so that no other object gets its id
        return self.made[key][0]

    return remembering


class Nodes:
    """Makes the nodes of one request."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.made: dict[tuple[Any, ...], tuple[Node, tuple[Any, ...]]] = {}
        self.protocol = request.protocol
        self.preset = request.protocol.preset
        self.task, self.classes = asdict(self.protocol.task), self.protocol.task.planes
        self.numerics = _numerics(request)
        dataset, resolution = self.protocol.dataset_identity, self.preset.resolution
        aside = self.protocol.set_aside or None
        folds = split.SplitSpec(
            dataset=dataset,
            folds=self.protocol.folds,
            seed=self.protocol.split_seed,
            set_aside=aside,
            tuning=request.tuning if aside else None,
        )
        self.split = node(split.STAGE, folds, purpose=Purpose(self.protocol.dataset))
        cases = prepare.PrepareSpec(dataset=dataset, resolution=resolution)
        self.prepared = node(prepare.STAGE, cases, purpose=Purpose(self.protocol.dataset))
        self.of_cases = {metric.name: metric.source for metric in request.metrics if metric.of_cases}
        self.of_sets = {metric.name: metric.source for metric in request.metrics if not metric.of_cases}
        self.truth = None
        if self.preset.scoring.grid == "native":
            self.truth = node(truth.STAGE, truth.TruthSpec(dataset=dataset), purpose=Purpose(self.protocol.dataset))
        self.reference = None
        if request.makes_reference:
            fresh = cases.model_copy(update={"reference": self.preset.fidelity.reference})
            self.reference = node(prepare.STAGE, fresh, purpose=Purpose("reference"))

    @_once
    def train(self, generator: GeneratorChoice, component: Component, fold: Fold) -> Node:
        """A component's training; of a borrowed one its owner's. Raises PigbenchError if the two do not go together."""
        if component.owner:
            borrower, generator = generator, generator.lender(component.owner)
            _check_agreement(borrower, generator, component)
            component = generator.component(component.name)
        own = [c for c in generator.plugin.components if c.owner is None]
        spec = train.TrainSpec(
            plugin=generator.name,
            component=component.name,
            settings=generator.config.model_dump(mode="json", include=set(component.settings)),
            source=generator.source,
            training=self.training(generator),
            share=component.share / sum(c.share for c in own),
            **self.task,
            seed=fold.seed,
            **fold.keyed,
            numerics=self.numerics,
        )
        inputs = {"prepared": self.prepared, "split": self.split}
        for needed in component.needs:
            inputs[f"trained:{needed}"] = self.train(generator, generator.component(needed), fold)
        named = f"{generator.label}.{component.name}"
        component_name = f"{generator.name}.{component.name}"
        purpose = Purpose(named, component=component_name, trains=True, **fold.told)
        return node(train.STAGE, spec, inputs, purpose)

    def training(self, generator: GeneratorChoice) -> Training:
        """How the generator's networks are optimised, and in how many image-passes."""
        settings = self.preset.training_for(generator.name).model_copy(update=_rate(generator.config))
        if settings.budget == "images" or settings.images is None:
            return settings
        images = image_passes(generator, settings.images, self.preset.diffusion, self.protocol.task)
        return settings.model_copy(update={"images": images})

    @_once
    def chunk(self, generator: GeneratorChoice, number: int, fold: Fold) -> Node:
        """One chunk of a generator's samples."""
        masks = generator.masks_from
        spec = sample.SampleSpec(
            plugin=generator.name,
            settings=generator.config.model_dump(mode="json"),
            source=generator.source,
            chunk=number,
            size=self.preset.sampling.chunk,
            batch=self.preset.sampling.batch,
            **self.task,
            seed=fold.seed,
            **fold.keyed,
            numerics=self.numerics,
            masks="made" if isinstance(masks, GeneratorChoice) else masks,
        )
        inputs = self.with_trained(generator, fold)
        if isinstance(masks, GeneratorChoice):
            inputs["masks"] = self.chunk(masks, number, fold)
        purpose = Purpose(generator.label, generator.label, chunk=number, **fold.told)
        return node(sample.STAGE, spec, inputs, purpose)

    def with_trained(self, generator: GeneratorChoice, fold: Fold) -> dict[str, Node]:
        """The inputs of a stage that needs the fold's data and the generator's trained components."""
        inputs = {"prepared": self.prepared, "split": self.split}
        for component in generator.plugin.components:
            inputs[f"trained:{component.name}"] = self.train(generator, component, fold)
        return inputs

    @_once
    def adopt(self, pairs: GivenPairs, fold: int) -> Node:
        """All the pairs that were given for a fold, as one chunk; the same for every fold that they serve."""
        given = pairs.folds[fold]
        spec = adopt.AdoptSpec(
            content=given.content,
            as_is=given.as_is,
            draws=given.draws,
            seal=given.seal or UNSEALED,
            resolution=self.preset.resolution,
            channels=self.protocol.channels,
            classes=self.classes,
        )
        served = fold if given.seal else None
        return node(adopt.STAGE, spec, purpose=Purpose(pairs.label, pairs.label, fold=served, count=given.count))

    def chunks(self, generator: Contender, n: int, fold: Fold) -> list[Node]:
        """Whole chunks that hold at least n samples."""
        if isinstance(generator, GivenPairs):
            return [self.adopt(generator, fold.number)]
        return [self.chunk(generator, number, fold) for number in range(-(-n // self.preset.sampling.chunk))]

    @_once
    def embed(self, images: Node, mirrored: bool = False) -> Node:
        """The features of a set of images."""
        extractor = self.preset.fidelity.extractor
        spec = embed.EmbedSpec(extractor=extractor, numerics=self.numerics, mirrored=mirrored)
        about = images.purpose.told("generator", "chunk", "fold", "train_patients", "seed")
        what = images.purpose.what + (", mirrored" if mirrored else "")
        return node(embed.STAGE, spec, {"images": images}, Purpose(what, **about))

    @_once
    def floor(self, m: int, fold: Fold) -> Node:
        """What real images score against m of the reference."""
        inputs = {"split": self.split, "prepared": self.prepared}
        inputs |= {"real": self.embed(self.prepared), "mirrored": self.embed(self.prepared, True)}
        if self.reference:
            inputs["reference"] = self.embed(self.reference)
        purpose = Purpose(self.protocol.dataset, n=m, **fold.keyed)
        return node(floor.STAGE, floor.FloorSpec(metrics=self.of_sets, m=m, **fold.keyed), inputs, purpose)

    def fidelity(self, generator: Contender, n: int, fold: Fold) -> Node:
        """How near n images are to real ones."""
        below = self.floor(n, fold)
        inputs = {**below.inputs, "floor": below}
        chunks = self.chunks(generator, n, fold)
        inputs |= _numbered("chunk", chunks) | _numbered("features", [self.embed(chunk) for chunk in chunks])
        purpose = Purpose(generator.label, generator.label, n=n, **fold.told)
        spec = fidelity.FidelitySpec(metrics=self.of_sets, n=n, **fold.keyed)
        return node(fidelity.STAGE, spec, inputs, purpose)

    def gate(self, generator: Contender, n: int, fold: Fold) -> Node:
        """The contrast of lesions under n masks."""
        inputs = {"prepared": self.prepared, "split": self.split}
        inputs |= _numbered("chunk", self.chunks(generator, n, fold))
        purpose = Purpose(generator.label, generator.label, n=n, **fold.told)
        return node(gate.STAGE, gate.GateSpec(n=n, classes=self.classes, **fold.keyed), inputs, purpose)

    def reconstruct(self, generator: GeneratorChoice, fold: Fold) -> Node:
        """What a generator's compression loses of held-out images."""
        spec = reconstruct.ReconstructSpec(
            plugin=generator.name,
            settings=generator.config.model_dump(mode="json"),
            source=generator.source,
            batch=self.preset.sampling.batch,
            **self.task,
            fold=fold.number,
            numerics=self.numerics,
        )
        purpose = Purpose(generator.label, generator.label, **fold.told)
        return node(reconstruct.STAGE, spec, self.with_trained(generator, fold), purpose)

    def fit(self, segmenter: SegmenterChoice, arm: Arm, fold: Fold, training: int) -> Node:
        """A trained segmenter; where an arm pretrains, its second part, which rests on the first."""
        steps = arm.stretch * self.preset.segmentation.steps
        if not arm.way.pretrains:
            return self.fitted(segmenter, arm, fold, training, steps)
        on_pairs = min(max(round(steps * arm.way.on_pairs), 1), steps - 1)
        first = replace(arm, alone=True, way=replace(arm.way, share=None))
        start = self.fitted(segmenter, first, fold, training, on_pairs, of=arm, what=", on pairs")
        then = replace(arm, generator=None, n=0, way=Use())
        return self.fitted(segmenter, then, fold, training, steps - on_pairs, start, of=arm)

    def fitted(
        self,
        segmenter: SegmenterChoice,
        arm: Arm,
        fold: Fold,
        training: int,
        steps: int,
        start: Node | None = None,
        *,
        of: Arm | None = None,
        what: str = "",
    ) -> Node:
        """A segmenter trained so many steps in one go. start: whose weights it starts from. of: the arm that it is
        a part of. what: which part."""
        unsealed = isinstance(arm.generator, GivenPairs) and not arm.generator.sealed
        training_settings = {"steps": steps} | _rate(segmenter.config)
        spec = fit.FitSpec(
            plugin=segmenter.name,
            settings=segmenter.config.model_dump(mode="json"),
            source=segmenter.source,
            training=self.preset.segmentation.model_copy(update=training_settings),
            number=training,
            n=arm.n,
            **self.task,
            seed=fold.seed,
            **fold.keyed,
            numerics=self.numerics,
            alone=arm.alone,
            share=arm.share,
            filtered=arm.way.filters,
            unsealed=unsealed,
        )
        inputs = {"prepared": self.prepared, "split": self.split}
        if start:
            inputs["start"] = start
        if arm.generator:
            offered = 2 * arm.n if arm.way.filters else arm.n
            inputs |= _numbered("chunk", self.chunks(arm.generator, offered, fold))
            if arm.way.filters:
                judges = self.preset.trainings  # whatever --trainings says: it must not change which pairs are kept
                inputs["agreement"] = self.agreement(arm.generator, offered, segmenter, fold, judges)
        arm = of or arm
        purpose = Purpose(
            f"{segmenter.label} on {arm.name}{what}",
            arm.generator.label if arm.generator else None,
            segmenter=segmenter.label,
            arm=arm.name,
            use=arm.use,
            share=arm.share,
            stretch=arm.stretch,
            n=arm.n,
            training=training,
            trains=True,
            **fold.told,
        )
        return node(fit.STAGE, spec, inputs, purpose)

    def predict(self, segmenter: SegmenterChoice, arm: Arm, fold: Fold, training: int) -> Node:
        """A fit, and what it predicts of the held-out cases."""
        fitted = self.fit(segmenter, arm, fold, training)
        shared = {"plugin", "settings", "source", *self.task, "numerics", "fold"}
        spec = predict.PredictSpec(**{name: value for name, value in fitted.spec.items() if name in shared})
        inputs = {"prepared": self.prepared, "split": self.split, "fit": fitted}
        return node(predict.STAGE, spec, inputs, replace(fitted.purpose, trains=False))

    def measure(self, segmenter: SegmenterChoice, arm: Arm, fold: Fold, training: int) -> Node:
        """How good a fit's predictions are."""
        predicted = self.predict(segmenter, arm, fold, training)
        spec = measure.MeasureSpec(metrics=self.of_cases, fold=fold.number, classes=self.classes, longest=self.longest)
        inputs = predicted.inputs | {"predict": predicted} | self.grid()
        return node(measure.STAGE, spec, inputs, predicted.purpose)

    @_once
    def real_only(self, segmenter: SegmenterChoice, fold: Fold, training: int) -> Node:
        """What a segmenter trained on real cases alone predicts, for those that are judged or chosen by it."""
        return self.predict(segmenter, Arm(train_patients=fold.patients), fold, training)

    @_once
    def agreement(
        self, generator: Contender, n: int, segmenter: SegmenterChoice, fold: Fold, judges: int | None = None
    ) -> Node:
        """By that many real-only trainings; by default as many as the preset has, or fewer if fewer are asked for."""
        judges = judges or min(self.request.trainings[REAL], self.preset.trainings)
        spec = agreement.AgreementSpec(
            plugin=segmenter.name,
            settings=segmenter.config.model_dump(mode="json"),
            source=segmenter.source,
            **self.task,
            numerics=self.numerics,
            n=n,
            **fold.keyed,
        )
        said = [self.real_only(segmenter, fold, training) for training in range(judges)]
        inputs = {"prepared": self.prepared, "split": self.split} | _numbered("chunk", self.chunks(generator, n, fold))
        inputs |= _numbered("fit", [predicted.inputs["fit"] for predicted in said]) | _numbered("predict", said)
        label = generator.label
        purpose = Purpose(f"{label} by {segmenter.label}", label, segmenter=segmenter.label, n=n, **fold.told)
        return node(agreement.STAGE, spec, inputs, purpose)

    def ceiling(self) -> list[Node]:
        """What perfect masks would score, unless that is 1."""
        if self.longest is None:
            return []
        spec = ceiling.CeilingSpec(metrics=self.of_cases, longest=self.longest, classes=self.classes)
        return [node(ceiling.STAGE, spec, {"prepared": self.prepared} | self.grid(), Purpose(self.protocol.dataset))]

    def grid(self) -> dict[str, Node]:
        """What scoring on the images' own grid takes."""
        return {"truth": self.truth} if self.truth else {}

    @property
    def longest(self) -> int | None:
        """The side of the largest grid that is scored on; None for the network's grid."""
        return self.preset.scoring.longest if self.truth else None


def _numbered(role: str, nodes: list[Node]) -> dict[str, Node]:
    """Inputs of one role, in order."""
    return {f"{role}:{number}": one for number, one in enumerate(nodes)}


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


def _numerics(request: Request) -> Numerics:
    """What changes the last digits of a result, and therefore belongs to its key."""
    chosen = request.protocol.preset.numerics
    if request.device == "cpu":
        return Numerics(device="cpu", precision="float32", threads=1, compile=chosen.compile)
    return Numerics(device=request.device, precision=chosen.gpu_precision, compile=chosen.compile)
