"""What a plugin is. Read this file and you can write a generator or a segmenter.

A **generator** declares *components* (networks to train, each naming the components it needs) and a sampler. The suite
trains each component once a fold, on that fold's training patients and nobody else, then asks for samples in batches of
one fixed shape. A **segmenter** is fitted on pairs and predicts masks.

A generator that needs no training is one class with one method::

    class Noise(Generator):
        kind = "pairs"

        def sample(self, trained, request):
            images = request.noise()
            return Pairs.clipped(images, images > 1)

It comes in by an entry point in its own package, as the built-in ones do::

    [project.entry-points."pigbench.generators"]
    noise = "my_package.noise:Noise"

Rules the suite relies on:

- Import torch and other heavy libraries inside functions: planning and listing must not pay for them.
- Take every random number from `Batch` or `SampleRequest`, and leave the global random states alone.
- The same request gives the same samples.
- A sample must not depend on its batch mates.
- Images are (N, 1, H, W) float32, H = W = the resolution.
- Intensities are finite and in [-1, 1]: clip what you hand over with `Pairs.clipped`, and the suite reports how much.
- Masks are (N, 1, H, W) uint8, 0 or 1.
- A generator of pairs gives a mask for every image.
- Read no file and no array but what the view and the request hold.
- A network's weights are all that sampling needs: what `train` returns is what `build` makes, with other weights.

`pigbench check NAME` tries all of them on a plugin and quotes the sentence that it breaks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, SerializerFunctionWrapHandler, model_serializer

from pigbench.contracts import metric
from pigbench.contracts.metric import (  # noqa: F401 (a metric imports them from here)
    CaseMasks,
    CaseMetric,
    EmptyRule,
    Metric,
    Outcome,
    SetMetric,
    Sets,
)

if TYPE_CHECKING:
    import torch

    from pigbench.training import Loop

Kind = Literal["images", "pairs", "images-for-masks"]


def rule(beginning: str) -> str:
    """The rule that begins so, of this file's list or the metrics', for messages that quote it."""
    lists = [(doc or "").partition("Rules the suite relies on:")[2] for doc in (__doc__, metric.__doc__)]
    return next(line[2:] for line in "\n".join(lists).splitlines() if line.startswith(f"- {beginning}"))


class Config(BaseModel):
    """A plugin's settings: typed, frozen, unknown names refused.

    A field whose name stands in the preset's `[diffusion]` table (generators) or `[segmentation.network]` (segmenters)
    takes its default from there; `--set NAME.field=value` overrides both.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True)
class Range:
    """Where `pigbench tune` looks for a number: `width: Annotated[int, Range(8, 64)] = 16` in a Config.

    low, high: both belong to it; two ints give ints. log: evenly over orders of magnitude.
    """

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True, init=False)
class Choices:
    """Among what `pigbench tune` chooses: `guide: Annotated[str, Choices("raw", "binary")] = "raw"` in a Config."""

    values: tuple[str | float | bool | None, ...]

    def __init__(self, *values: str | float | bool | None) -> None:
        object.__setattr__(self, "values", values)


def space(config: type[Config]) -> dict[str, Range | Choices]:
    """What a Config gives to tuning: its marked fields, in their order."""
    marked = {
        name: [mark for mark in field.metadata if isinstance(mark, Range | Choices)]
        for name, field in config.model_fields.items()
    }
    return {name: marks[-1] for name, marks in marked.items() if marks}


class TrainedConfig(Config):
    """The settings of a plugin that trains. Its learning rate, where one is set, takes the place of the preset's."""

    learning_rate: Annotated[PositiveFloat | None, Range(3e-4, 1e-2, log=True)] = Field(
        None, description="of its own trainings; none: the preset's"
    )

    @model_serializer(mode="wrap")
    def _without_an_unset_rate(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """So that keys and signatures are those of a Config that has no such field."""
        return {name: value for name, value in dump(self).items() if (name, value) != ("learning_rate", None)}


@dataclass(frozen=True)
class Pairs:
    """Images and, where there are any, their masks.

    images: (N, 1, H, W) float32 in [-1, 1].
    masks: (N, 1, H, W) uint8, 0 or 1; None for a generator of images alone.
    clipped_fraction: share of the image pixels that were outside [-1, 1] before they were clipped.
    """

    images: np.ndarray
    masks: np.ndarray | None = None
    clipped_fraction: float = 0.0

    @classmethod
    def clipped(cls, images: Any, masks: Any = None) -> Pairs:
        """Pairs from tensors or arrays of any float type: images clipped to [-1, 1], masks taken where truthy."""
        raw = _to_numpy(images).astype(np.float32)
        outside = float(np.mean(np.abs(raw) > 1.0)) if raw.size else 0.0
        return cls(
            images=np.clip(raw, -1.0, 1.0),
            masks=None if masks is None else (_to_numpy(masks) != 0).astype(np.uint8),
            clipped_fraction=outside,
        )

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class Component:
    """One network that a generator trains.

    name: unique within its generator.
    needs: components that must be trained before, by name; they arrive frozen in `trained`.
    settings: the Config fields that its training reads. Only these enter its key and only these can be read while it
        trains, so changing a sampling setting never trains anything again.
    owner: the generator that this component is borrowed from. `ddim` borrows `ddpm`'s denoiser: trained once, sampled
        by both.
    share: its part of the generator's training budget, relative to the generator's other own components.
    """

    name: str
    needs: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    owner: str | None = None
    share: float = 1.0


class TrainView:
    """A copy of one fold's training cases and nothing else: all that a generator is ever given.

    Its `seal` is hash(dataset, sorted training patients). The suite stamps it on everything that comes out of a
    generator, and a segmenter refuses synthetic pairs whose seal is not its own fold's. This guards against accidents,
    not against malice: a plugin runs as the user and can read any file the user can.
    """

    def __init__(self, images: np.ndarray, masks: np.ndarray, patients: Sequence[str], dataset: str) -> None:
        """images: (N, 1, H, W) uint16, 0..65535 for [-1, 1]; masks: (N, 1, H, W) uint8; patients: N ids."""
        if not len(images) == len(masks) == len(patients):
            raise ValueError(f"{len(images)} images, {len(masks)} masks, {len(patients)} patient ids")
        self._images = np.array(images)  # a copy: no reference into the prepared arrays, which hold the test fold
        self._masks = np.array(masks)
        self.patients = tuple(patients)
        self.seal = seal(dataset, self.patients)

    def __len__(self) -> int:
        return len(self._images)

    @property
    def masks(self) -> np.ndarray:
        """(N, 1, H, W) uint8, 0 or 1."""
        return self._masks

    def pairs(self, indices: Sequence[int] | np.ndarray) -> Pairs:
        """The cases at `indices`, images as float32 in [-1, 1]."""
        where = np.asarray(indices)
        return Pairs(to_unit_range(self._images[where]), self._masks[where])


def seal(dataset: str, patients: Sequence[str]) -> str:
    """hash(dataset, sorted distinct patients), 16 hexadecimal digits."""
    import hashlib
    import json

    return hashlib.sha256(json.dumps([dataset, sorted(set(patients))]).encode()).hexdigest()[:16]


def to_unit_range(stored: np.ndarray) -> np.ndarray:
    """Stored uint16 intensities (0..65535) as float32 in [-1, 1]."""
    return stored.astype(np.float32) * np.float32(2 / 65535) - np.float32(1)


def to_stored(images: np.ndarray) -> np.ndarray:
    """float32 images in [-1, 1] as uint16 (0..65535), the inverse of `to_unit_range` within half a step."""
    return np.rint((np.clip(images, -1, 1).astype(np.float64) + 1) * (65535 / 2)).astype(np.uint16)


@dataclass(frozen=True)
class Batch:
    """What a loss is given: one training batch on the right device, and its own random numbers.

    images: (N, 1, H, W) float32 in [-1, 1]. masks: (N, 1, H, W) float32, 0 or 1. step: the optimiser step, from 0.
    """

    images: torch.Tensor
    masks: torch.Tensor
    step: int
    generator: torch.Generator  # on the CPU, a stream of this step's own

    def noise(self, like: torch.Tensor | None = None) -> torch.Tensor:
        """Fresh standard normal noise of the shape of `like` (the images'), drawn on the CPU, on the images' device."""
        import torch

        shape = (self.images if like is None else like).shape
        return to_device(torch.randn(shape, generator=self.generator), self.images.device)

    def chance(self) -> float:
        """One number uniform in [0, 1), the same for the whole batch."""
        import torch

        return float(torch.rand((), generator=self.generator))

    def timesteps(self, total: int) -> torch.Tensor:
        """(N,) integers uniform in 0..total-1."""
        import torch

        drawn = torch.randint(total, (len(self.images),), generator=self.generator)
        return to_device(drawn, self.images.device)


@dataclass
class SampleRequest:
    """What a sampler is asked for: `count` samples, each with a random stream of its own.

    The stream of a sample descends from (seed, role, fold, index), so a sample is the same in every chunk and for
    every n. masks: (count, 1, H, W) uint8 to make images for, if the generator takes masks, else None. view: the fold's
    training cases. cases: (count,) indices into the view, from successive seeded permutations, for generators that
    start from training cases. on_step: if given, call it at each denoising step with what the trace figure shows.
    """

    count: int
    resolution: int
    device: torch.device
    streams: Sequence[torch.Generator]
    masks: np.ndarray | None = None
    view: TrainView | None = None
    cases: np.ndarray = field(default_factory=lambda: np.empty(0, int))
    on_step: Callable[..., None] | None = None

    def noise(self, shape: tuple[int, ...] | None = None) -> torch.Tensor:
        """(count, *shape) float32 standard normal, the next draw of every sample's own stream, on `device`.

        shape: of one sample; by default an image's, (1, H, W).
        """
        import torch

        shape = shape or (1, self.resolution, self.resolution)
        drawn = torch.stack([torch.randn(shape, generator=stream) for stream in self.streams])
        return to_device(drawn, self.device)


class Generator(ABC):
    """A generator plugin: its components, how each is built and trained, and its sampler.

    kind: what it makes. takes_masks: whether a generator of pairs can also make images for given masks
    (`request.masks`). reconstructs: whether it has `reconstruct`, so that the suite measures what that loses.
    is_control: whether it only gives other rows their meaning, and runs when controls are asked for.
    """

    kind: ClassVar[Kind]
    takes_masks: ClassVar[bool] = False
    reconstructs: ClassVar[bool] = False
    is_control: ClassVar[bool] = False
    Config: ClassVar[type[Config]] = Config
    components: ClassVar[tuple[Component, ...]] = ()

    def __init__(self, config: Any, resolution: int) -> None:
        """config: an instance of `Config` (while a component trains, only its `settings` can be read)."""
        self.config = config
        self.resolution = resolution

    @property
    def note(self) -> str:
        """What a reader of its numbers must know, shown with them."""
        return ""

    def build(self, component: str) -> torch.nn.Module:
        """The untrained network of `component`; the suite seeds torch before it asks."""
        raise NotImplementedError(f"{type(self).__name__}.build('{component}')")

    def loss(
        self, component: str, network: torch.nn.Module, batch: Batch, trained: Mapping[str, torch.nn.Module]
    ) -> torch.Tensor:
        """The scalar training loss of `component` on `batch`; `trained` holds what it needs, frozen."""
        raise NotImplementedError(f"{type(self).__name__}.loss('{component}')")

    def train(
        self, component: str, view: TrainView, trained: Mapping[str, torch.nn.Module], loop: Loop
    ) -> torch.nn.Module:
        """The trained network of `component`. Override only where the common loop does not fit."""
        network = self.build(component)
        return loop.fit(network, lambda net, batch: self.loss(component, net, batch, trained), view)

    @abstractmethod
    def sample(self, trained: Mapping[str, torch.nn.Module], request: SampleRequest) -> Pairs:
        """`request.count` samples. `trained` holds every component by name, frozen, on `request.device`."""

    def reconstruct(self, trained: Mapping[str, torch.nn.Module], images: torch.Tensor) -> torch.Tensor:
        """Images (N, 1, H, W) in [-1, 1] through a generator's own compression and back: no sample can be better."""
        raise NotImplementedError(f"{type(self).__name__}.reconstruct")


class Segmenter(ABC):
    """A segmenter plugin: a network, its augmentation and its loss; the last weights are what is evaluated."""

    Config: ClassVar[type[Config]] = Config

    def __init__(self, config: Any, resolution: int) -> None:
        self.config = config
        self.resolution = resolution

    @abstractmethod
    def build(self) -> torch.nn.Module:
        """The untrained network; the suite seeds torch before it asks, alike in every arm."""

    def augment(self, pairs: Pairs, seed: int) -> Pairs:
        """`pairs` augmented, a pure function of (pairs, seed)."""
        return pairs

    @abstractmethod
    def loss(self, network: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """The scalar training loss on `batch`."""

    @abstractmethod
    def predict(self, network: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
        """Masks (N, 1, H, W), boolean, for images (N, 1, H, W) float32 in [-1, 1]."""


def to_device(values: torch.Tensor, device: torch.device | str) -> torch.Tensor:
    """`values`, made on the CPU, on `device`; a GPU fetches them while it works on."""
    if str(device) == "cpu":
        return values
    return values.pin_memory().to(device, non_blocking=True)


def _to_numpy(values: Any) -> np.ndarray:
    return values.detach().cpu().float().numpy() if hasattr(values, "detach") else np.asarray(values)
