"""What the options of a run come to: a request, a store and an opened dataset, all checked before work starts."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pigbench.api import checks
from pigbench.api.places import chosen_place
from pigbench.api.settings import changed_preset, refuse_leftovers, split_changes
from pigbench.errors import PigbenchError

if TYPE_CHECKING:
    from pigbench.contracts import Task
    from pigbench.data.source import Source
    from pigbench.engine.dask.clusters import Place
    from pigbench.planning.configured import Chosen, GeneratorChoice
    from pigbench.planning.estimate import Size
    from pigbench.planning.plan import Plan, Request
    from pigbench.protocol import Preset, Protocol
    from pigbench.store import Store

NETWORKS = ("resolution", "diffusion.", "segmentation.network.")
"""How the keys of a preset begin that decide whether a network can be built."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What was asked for, unchecked, under the names of the command line; `pigbench.run` says what each is.

    None stands for the preset's or the machine's.
    """

    generator: str | Sequence[str] = ()
    masks: str | Sequence[str] | None = None
    controls: bool = False
    n: int | Sequence[int] | None = None
    folds: int | None = None
    set_aside: float | None = None
    train_patients: int | str | Sequence[int | str] | None = None
    dataset: str = "phantom"
    segmenter: str | Sequence[str] = "unet"
    metric: str | Sequence[str] | None = None
    preset: str = "quick"
    seed: int = 0
    seeds: int = 1
    trainings: int | str | Sequence[int | str] | Mapping[str, int] | None = None
    use: str | Sequence[str] | None = None
    set: Mapping[str, Any] | Sequence[str] | None = None
    tuned: bool | str | Sequence[str] | None = None
    storage: str | None = None
    workers: int | None = None
    device: str = "auto"
    engine: str | None = None
    scheduler: str | None = None
    cluster: str | Path | None = None
    store: str | Path = "runs"
    results: str | Path | None = None
    checkpoint_every: float = 60.0
    progress: bool = True

    def say(self, text: str) -> None:
        """Print on the standard error how things go, unless nobody wants to know."""
        if self.progress:
            print(text, file=sys.stderr)

    def warn(self, text: str) -> None:
        """As `say` what somebody who asked must know; a Python warning where nothing is printed."""
        if self.progress:
            self.say(text)
        else:
            warnings.warn(text, stacklevel=2)

    def as_call(self, function: str, **own: object) -> str:
        """The call that these options are of, for a record: `own`, and what is not the default."""
        said = {option.name: getattr(self, option.name) for option in fields(self) if option.name != "progress"}
        told = own | {name: value for name, value in said.items() if value != getattr(Options, name)}
        shown = {name: str(value) if isinstance(value, Path) else value for name, value in told.items()}
        return f"pigbench.{function}({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


@dataclass(frozen=True)
class Setup:
    """What options come to. place: where a cluster's workers come from, None for this machine."""

    options: Options
    request: Request
    store: Store
    source: Source
    workers: int
    place: Place | None = None

    @cached_property
    def plan(self) -> Plan:
        """What has to be computed for the request."""
        from pigbench.planning.planner import make_plan

        return make_plan(self.request)

    @property
    def records(self) -> Path:
        """Where the record goes."""
        return Path(self.options.results or self.store.root / "records")

    @property
    def size(self) -> Size:
        """What the run's data weigh, for estimates."""
        from pigbench.data.splits import part
        from pigbench.planning.estimate import Size

        protocol, cases = self.request.protocol, self.source.cases()
        in_folds = cases
        if protocol.set_aside:
            in_folds = part(cases, protocol.set_aside, protocol.split_seed, tuning=self.request.tuning)
        training = len(in_folds) * (protocol.folds - 1) // protocol.folds
        return Size(len(cases), training, protocol.channels)


def set_up(options: Options) -> Setup:
    """Check everything that can be checked before work starts. Raises PigbenchError for the first fault."""
    setup = without_networks(options)
    own, general = split_changes(options.set)
    if own or any(key.startswith(NETWORKS) for key in general):
        checks.check_resolution(setup.plan, setup.store)
    return setup


def without_networks(options: Options) -> Setup:
    """As `set_up`, but no network is built to see whether its settings fit: that takes seconds."""
    from pigbench.api.tuned import with_tuned
    from pigbench.data.datasets import open_dataset
    from pigbench.metrics.extractors import find_weights
    from pigbench.planning.arms import chosen_uses
    from pigbench.planning.configured import choose_metrics, choose_segmenter
    from pigbench.planning.plan import Request
    from pigbench.planning.subsets import chosen_subsets
    from pigbench.planning.trainings import chosen_trainings
    from pigbench.store import Store

    checks.check_ranges(options)
    place = chosen_place(options.engine, options.scheduler, options.cluster, options.workers)
    names = chosen_names(several(options.generator), options.controls, options.warn)
    segmenters, masks = list(dict.fromkeys(several(options.segmenter))), several(options.masks)

    own, general = split_changes(options.set)
    preset = changed_preset(options.preset, general, names, segmenters)
    generators = _choose(names, masks, preset, own, general)
    lenders = [lender.name for generator in generators for lender in generator.lenders]
    refuse_leftovers(own, [*names, *segmenters, *masks, *lenders])
    find_weights(preset.fidelity.extractor)

    store = Store(Path(options.store))
    source = open_dataset(options.dataset, store.root)
    checks.check_lesions(source)
    shared = {"flips": source.flips} | preset.segmentation.network
    chosen_segmenters = [choose_segmenter(name, shared, own) for name in segmenters]
    protocol = _protocol(options, preset, source)
    labels = {generator.label: generator.name for generator in generators}
    generators = _able(generators, protocol.task, options.warn)
    chosen_segmenters = _able(chosen_segmenters, protocol.task, options.warn)
    uses = chosen_uses(several(options.use))
    checks.check_start(uses, chosen_segmenters)
    checks.check_folds(protocol, source)
    on_cluster = place is not None
    request = Request(
        protocol=protocol,
        generators=tuple(generators),
        samples=checks.checked_samples(several(options.n) or [preset.samples]),
        segmenters=tuple(chosen_segmenters),
        seeds=tuple(range(options.seed, options.seed + options.seeds)),
        trainings=chosen_trainings(
            options.trainings if isinstance(options.trainings, Mapping) else several(options.trainings),
            preset.trainings,
            labels,
        ),
        train_patients=chosen_subsets(several(options.train_patients)),
        uses=uses,
        metrics=choose_metrics(several(options.metric)),
        controls=options.controls,
        named=frozenset(several(options.generator)),
        device="cuda" if on_cluster and options.device == "cuda" else checks.resolve_device(options.device),
        makes_reference=source.reference(2) is not None,
    )
    if not on_cluster:
        checks.check_compiler(preset, request.device)
    if options.tuned:
        request = with_tuned(request, options, store)
        checks.check_folds(request.protocol, source)
    checks.check_subsets(request.train_patients, request.protocol, source)
    workers = options.workers or (place.workers if place else checks.default_workers(request.device, preset))
    return Setup(options, request, store, source, workers, place)


def several(value: Any) -> list[Any]:
    """One value, or as many as a list has, as a list; None is none."""
    if value is None:
        return []
    return [value] if isinstance(value, str | int | Path) else list(value)


def _protocol(options: Options, preset: Preset, source: Source) -> Protocol:
    from pigbench.protocol import Protocol
    from pigbench.stages import RENUMBERED

    return Protocol(
        preset=preset,
        dataset=options.dataset,
        dataset_identity=source.fingerprint(),
        folds=preset.folds if options.folds is None else options.folds,
        set_aside=options.set_aside or 0.0,
        flips=source.flips,
        channels=source.channels,
        classes=source.classes,
        stage_versions=RENUMBERED,
    )


def chosen_names(generators: Sequence[str], controls: bool, say: Callable[[str], None]) -> list[str]:
    """The generators asked for, each once: `all` is every installed one that imports; with `controls`, those too."""
    from pigbench import registry

    names = list(generators)
    if "all" in generators or controls:
        for name, plugin in registry.plugins("generators").items():
            if error := plugin.error():
                say(f"left out: {error}")
            elif controls if plugin.load().is_control else "all" in generators:
                names.append(name)
    return [name for name in dict.fromkeys(names) if name != "all"]


def _able(chosen: list[Chosen], task: Task, say: Callable[[str], None]) -> list[Chosen]:
    """Those that can do the task, with what they borrow and whose masks they are given; the others are told.

    Raises PigbenchError if none can.
    """
    from pigbench.contracts import require_able
    from pigbench.planning.configured import GeneratorChoice

    kept: list[Chosen] = []
    unable: dict[str, str] = {}
    for choice in chosen:
        used = choice.with_those_it_uses() if isinstance(choice, GeneratorChoice) else [choice]
        try:
            for each in used:
                require_able(each.plugin, task)
            kept.append(choice)
        except PigbenchError as error:
            unable[choice.label] = str(error)
    if unable and not kept:
        raise PigbenchError("; ".join(dict.fromkeys(unable.values())))
    for label, sentence in unable.items():
        say(f"left out: {label}, as {sentence}")
    return kept


def _choose(
    names: list[str], masks: list[str], preset: Preset, own: dict[str, dict[str, Any]], general: Mapping[str, Any]
) -> list[GeneratorChoice]:
    """The generators with their settings, each with every one of the masks that it can make images for.

    general: the changed keys of the preset.
    """
    from pigbench.planning.configured import choose_generator, with_masks

    def choose(name: str) -> GeneratorChoice:
        return _with_sampler(choose_generator(name, preset.diffusion, own), general)

    chosen = [choose(name) for name in names]
    if not masks:
        return chosen
    sources: list[Any] = [s if s == "real" else choose(s) for s in masks]
    made = [with_masks(choice, source) for choice in chosen for source in sources]
    return list({choice.label: choice for choice in made}.values())


def _with_sampler(choice: GeneratorChoice, general: Mapping[str, Any]) -> GeneratorChoice:
    """`choice`, whose label shows the sampler and steps that were changed for all generators, if they are its own."""
    changed = {name: general[f"diffusion.{name}"] for name in ("sampler", "steps") if f"diffusion.{name}" in general}
    own = {name: value for name, value in changed.items() if getattr(choice.config, name, None) == value}
    return replace(choice, changed=own | choice.changed)
