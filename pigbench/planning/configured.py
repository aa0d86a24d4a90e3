"""What a run was asked to use: generators and segmenters with their settings, and what tells them from their like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, TypeVar

from pigbench import registry
from pigbench.contracts import CaseMetric, Component, Config, Generator, Metric, Segmenter, Task, instance
from pigbench.errors import PigbenchError
from pigbench.protocol import digest, plugin_config
from pigbench.sources import source_hash


@dataclass(frozen=True)
class Tuned:
    """What a study chose for one plugin and what that took, for the record.

    set_aside: the share of the patients that were the study's. patients: how many. trials: how many ended, those that
    were pruned and that failed among them. value: of the best, in the words of `objective`. wall_s, cpu_s,
    gpu_s: of all.
    """

    study: str
    group: Literal["generators", "segmenters"]
    plugin: str
    set_aside: float
    patients: int
    trials: int
    pruned: int
    failed: int
    objective: str
    value: float
    params: dict[str, Any]
    wall_s: float
    cpu_s: float
    gpu_s: float = 0.0


@dataclass(frozen=True)
class GeneratorChoice:
    """A generator to run: its class, its settings, and what tells it from its like."""

    name: str
    plugin: type[Generator]
    config: Config
    changed: dict[str, Any]  # the settings the user gave, which the label shows
    origin: str
    lenders: tuple[GeneratorChoice, ...] = ()  # whose components it borrows
    masks_from: GeneratorChoice | Literal["real"] | None = None  # None: as the generator does by itself
    tuned: bool = False  # whether a study chose some of its settings

    @property
    def label(self) -> str:
        """The name, with the settings the user changed: `pig(guide=binary)`, `pig(tuned)`, `ldm(masks=pig)`."""
        changed = dict(self.changed)
        changed |= {f"{other.name}.{name}": value for other in self.lenders for name, value in other.changed.items()}
        if self.masks_from is not None:
            changed["masks"] = self.masks_from if isinstance(self.masks_from, str) else self.masks_from.label
        lent = [f"{other.name}.tuned" for other in self.lenders if other.tuned]
        return _label(self.name, changed, ["tuned"] * self.tuned + lent)

    def tuned_by(self, study: Tuned) -> bool:
        """Whether that study chose some of its settings."""
        return self.tuned and study.plugin == self.name

    def with_those_it_uses(self) -> list[GeneratorChoice]:
        """It, whose components it borrows, and whose masks it is given."""
        masks_from = [self.masks_from] if isinstance(self.masks_from, GeneratorChoice) else []
        return [self, *(used for other in (*self.lenders, *masks_from) for used in other.with_those_it_uses())]

    def component(self, name: str) -> Component:
        """The component of that name. Raises PigbenchError if there is none."""
        for component in self.plugin.components:
            if component.name == name:
                return component
        raise PigbenchError(f"generator '{self.name}' has no component '{name}'")

    def lender(self, owner: str) -> GeneratorChoice:
        """The generator of that name whose components it borrows."""
        return next(lender for lender in self.lenders if lender.name == owner)

    @cached_property
    def source(self) -> str:
        """The hash of the plugin's source files."""
        return source_hash(self.plugin.__module__)

    @property
    def signature(self) -> str:
        """Name and hash of source and settings, lenders' too, such as `pig@1a2b3c4d`."""
        parts = [self.source, self.config.model_dump(mode="json"), *(other.signature for other in self.lenders)]
        if self.masks_from is not None:
            parts.append(self.masks_from if isinstance(self.masks_from, str) else self.masks_from.signature)
        return f"{self.name}@{digest(parts)[:8]}"

    @property
    def gives_masks(self) -> bool:
        """Whether what it makes can train a segmenter."""
        return self.plugin.kind != "images"

    @property
    def is_control(self) -> bool:
        """Whether it is there to give other rows their meaning."""
        return self.plugin.is_control

    @property
    def reconstructs(self) -> bool:
        """Whether the suite measures what its compression loses."""
        return self.plugin.reconstructs

    def info(self, task: Task) -> dict[str, Any]:
        """What a record says of it, but for its training."""
        generator = instance(self.plugin, self.config, task)
        return {
            "label": self.label,
            "plugin": self.name,
            "signature": self.signature,
            "kind": self.plugin.kind,
            "config": self.config.model_dump(mode="json"),
            "origin": self.origin,
            "sampler": generator.sampler,
            "pretrained_on": generator.pretrained_on,
            "note": generator.note,
            "control": self.is_control,
        }


@dataclass(frozen=True)
class SegmenterChoice:
    """A segmenter to run."""

    name: str
    config: Config
    changed: dict[str, Any]
    source: str
    tuned: bool = False

    @property
    def plugin(self) -> type[Segmenter]:
        """Its class."""
        return registry.find("segmenters", self.name).load()

    @property
    def signature(self) -> str:
        """Name and hash of source and settings, such as `unet@1a2b3c4d`."""
        return f"{self.name}@{digest([self.source, self.config.model_dump(mode='json')])[:8]}"

    @property
    def label(self) -> str:
        """The name, with the settings the user changed."""
        return _label(self.name, self.changed, ["tuned"] * self.tuned)

    def tuned_by(self, study: Tuned) -> bool:
        """Whether that study chose some of its settings."""
        return self.tuned and study.plugin == self.name


@dataclass(frozen=True)
class MetricChoice:
    """A metric to measure."""

    name: str
    plugin: type[Metric]
    source: str
    origin: str

    @property
    def of_cases(self) -> bool:
        """Whether it is a metric of cases; otherwise one of sets of images."""
        return issubclass(self.plugin, CaseMetric)


Chosen = TypeVar("Chosen", GeneratorChoice, SegmenterChoice)


def choose_generator(name: str, shared: Mapping[str, Any], changes: Mapping[str, Mapping[str, Any]]) -> GeneratorChoice:
    """The installed generator of that name with its settings, and those that it borrows from.

    shared: the preset's `[diffusion]` table, where `[diffusion.NAME]` is for one generator. changes: the user's
    settings, by plugin name. Raises PigbenchError for an unknown name or setting.
    """
    plugin = registry.find("generators", name)
    loaded = plugin.load()
    own = dict(changes.get(name, {}))
    config = plugin_config(loaded.Config, name, shared, own)
    owners = dict.fromkeys(component.owner for component in loaded.components if component.owner)
    lenders = tuple(choose_generator(owner, shared, changes) for owner in owners)
    return GeneratorChoice(name, loaded, config, own, plugin.origin, lenders)  # type: ignore[arg-type]


def with_masks(choice: GeneratorChoice, masks_from: GeneratorChoice | Literal["real"]) -> GeneratorChoice:
    """`choice` making images for real masks, or for another generator's; as it is, where those are its own or none fit.

    Raises PigbenchError if `masks_from` makes no masks.
    """
    plugin = choice.plugin
    if masks_from == "real":
        return replace(choice, masks_from="real") if plugin.takes_masks and plugin.kind == "pairs" else choice
    if masks_from.plugin.kind != "pairs":
        raise PigbenchError(f"--masks {masks_from.name}: that generator makes no masks; take `real` or one that does")
    takes = plugin.takes_masks or plugin.kind == "images-for-masks"
    return replace(choice, masks_from=masks_from) if takes and choice.name != masks_from.name else choice


def choose_segmenter(name: str, shared: Mapping[str, Any], changes: Mapping[str, Mapping[str, Any]]) -> SegmenterChoice:
    """The installed segmenter of that name with its settings; the arguments are those of `choose_generator`."""
    loaded = registry.find("segmenters", name).load()
    own = dict(changes.get(name, {}))
    config = plugin_config(loaded.Config, name, shared, own)
    return SegmenterChoice(name, config, own, source_hash(loaded.__module__))  # type: ignore[arg-type]


def choose_metrics(more: Sequence[str] = ()) -> tuple[MetricChoice, ...]:
    """The metrics that every run measures, and `more`, by name. Raises PigbenchError for an unknown one."""
    from pigbench.metrics import MEASURED, SETS

    chosen = []
    for name in dict.fromkeys([*MEASURED, *SETS, *more]):
        plugin = registry.find("metrics", name)
        loaded = plugin.load()
        chosen.append(MetricChoice(name, loaded, source_hash(loaded.__module__), plugin.origin))
    return tuple(chosen)


def with_values(choice: Chosen, values: Mapping[str, Mapping[str, Any]]) -> Chosen:
    """`choice` and those it uses with the `values` that studies chose, by plugin. What the user set stays as it is.

    Raises PigbenchError for an unknown setting, or values that do not fit.
    """
    own = {name: value for name, value in values.get(choice.name, {}).items() if name not in choice.changed}
    if own:
        settings = choice.config.model_dump(mode="json") | own
        config = plugin_config(type(choice.config), choice.name, {}, settings)
        choice = replace(choice, config=config, tuned=True)  # type: ignore[arg-type]
    if isinstance(choice, SegmenterChoice):
        return choice
    lenders = tuple(with_values(lender, values) for lender in choice.lenders)
    masks_from = choice.masks_from
    if isinstance(masks_from, GeneratorChoice):
        masks_from = with_values(masks_from, values)
    return replace(choice, lenders=lenders, masks_from=masks_from)


def _label(name: str, changed: Mapping[str, Any], words: Sequence[str]) -> str:
    changes = ",".join([*words, *(f"{setting}={value}" for setting, value in sorted(changed.items()))])
    return f"{name}({changes})" if changes else name
