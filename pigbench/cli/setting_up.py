"""What the options of a verb come to: a request, a store and an opened dataset, all checked before work starts."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pigbench.cli.changes import changed_preset, refuse_leftovers, split_changes
from pigbench.counting import counted
from pigbench.errors import PigbenchError, did_you_mean
from pigbench.processes import cores

if TYPE_CHECKING:
    from pigbench.data.source import Source
    from pigbench.engine.dask.clusters import Place
    from pigbench.planning.configured import GeneratorChoice, SegmenterChoice
    from pigbench.planning.estimate import Size
    from pigbench.planning.plan import Request
    from pigbench.protocol import Preset, Protocol
    from pigbench.store import Store


NETWORKS = ("resolution", "diffusion.", "segmentation.network.")
"""How the keys of a preset begin that decide whether a network can be built."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a verb was told, unchecked; the defaults are those of `run`.

    generators, segmenters, masks: names, `all` and `real` among them. samples, folds, workers: None for the preset's or
    the machine's. changes: those of `--set`. place: where a cluster's workers come from.
    """

    generators: Sequence[str] = ()
    masks: Sequence[str] | None = None
    controls: bool = False
    samples: Sequence[int] | None = None
    folds: int | None = None
    set_aside: float | None = None
    dataset: str = "phantom"
    segmenters: Sequence[str] = ("unet",)
    preset: str = "quick"
    seed: int = 0
    seeds: int = 1
    changes: Sequence[str] | None = None
    workers: int | None = None
    device: str = "auto"
    place: Place | None = None
    store: Path = Path("runs")
    checkpoint_every: float = 60.0


@dataclass(frozen=True)
class Setup:
    """What the options of `run` and its like come to."""

    request: Request
    store: Store
    source: Source
    workers: int
    checkpoint_every: float
    place: Place | None = None  # where a cluster's workers come from

    @property
    def size(self) -> Size:
        """How many cases the run has, for estimates."""
        from pigbench.data.splits import part
        from pigbench.planning.estimate import Size

        protocol, cases = self.request.protocol, self.source.cases()
        in_folds = cases
        if protocol.set_aside:
            in_folds = part(cases, protocol.set_aside, protocol.split_seed, tuning=self.request.tuning)
        return Size(len(cases), len(in_folds) * (protocol.folds - 1) // protocol.folds)


def set_up(options: Options) -> Setup:
    """Check everything that can be checked before work starts. Raises PigbenchError for the first fault."""
    from pigbench.data.datasets import open_dataset
    from pigbench.metrics.extractors import find_weights
    from pigbench.planning.plan import Request
    from pigbench.store import Store

    names = chosen_names(options.generators, options.controls)
    own, general = split_changes(options.changes or ())
    preset = changed_preset(options.preset, general, names, options.segmenters)
    generators, segmenters = _plugins(options, names, preset, own)
    find_weights(preset.fidelity.extractor)
    store = Store(options.store)
    source = open_dataset(options.dataset, store.root)
    _check_lesions(source)
    request = Request(
        protocol=_protocol(options, preset, source),
        generators=tuple(generators),
        samples=_check_samples(options.samples or [preset.samples]),
        segmenters=tuple(segmenters),
        seeds=tuple(range(options.seed, options.seed + options.seeds)),
        controls=options.controls,
        device=options.device if options.place and options.device == "cuda" else resolve_device(options.device),
        makes_reference=source.reference(2) is not None,
    )
    if not options.place:
        _check_compiler(preset, request.device)
    if own or any(key.startswith(NETWORKS) for key in general):
        _check_resolution(request, store)
    workers = options.workers or (options.place.workers if options.place else default_workers(request.device, preset))
    return Setup(request, store, source, workers, options.checkpoint_every, options.place)


def _check_resolution(request: Request, store: Store) -> None:
    """Raises PigbenchError where a network that is still to be trained cannot work at the run's resolution.

    Asking takes some seconds, most of them for importing torch. So it is done where resolution or networks are not the
    preset's, and not again for what is trained already.
    """
    from pigbench.planning.planner import make_plan

    nodes = [node for node in make_plan(request).nodes() if node.stage in ("train", "segment")]
    if missing := [node for node in nodes if not store.has(node.stage, node.key)]:
        from pigbench.planning.resolutions import refuse_impossible

        refuse_impossible(missing)


def _plugins(
    options: Options, names: list[str], preset: Preset, own: dict[str, dict[str, Any]]
) -> tuple[list[GeneratorChoice], list[SegmenterChoice]]:
    """The generators of those names and the segmenters, configured; no setting of `own` is left over."""
    from pigbench.planning.configured import choose_segmenter

    masks = list(options.masks or ())
    generators = _choose(names, masks, preset, own)
    segmenters = [choose_segmenter(s, preset.segmentation.network, own) for s in dict.fromkeys(options.segmenters)]
    lenders = [lender.name for generator in generators for lender in generator.lenders]
    refuse_leftovers(own, [*names, *options.segmenters, *masks, *lenders])
    return generators, segmenters


def _protocol(options: Options, preset: Preset, source: Source) -> Protocol:
    from pigbench.protocol import Protocol
    from pigbench.stages import RENUMBERED

    protocol = Protocol(
        preset=preset,
        dataset=options.dataset,
        dataset_identity=source.fingerprint(),
        folds=preset.folds if options.folds is None else options.folds,
        set_aside=options.set_aside or 0.0,
        stage_versions=RENUMBERED,
    )
    check_folds(protocol, source)
    return protocol


def chosen_names(generators: Sequence[str], controls: bool) -> list[str]:
    """The generators asked for, each once: `all` is every installed one that imports; with `controls`, those too."""
    from pigbench import registry

    names = list(generators)
    if "all" in generators or controls:
        for name, plugin in registry.plugins("generators").items():
            if error := plugin.error():
                print(f"left out: {error}", file=sys.stderr)
            elif controls if plugin.load().is_control else "all" in generators:
                names.append(name)
    return [name for name in dict.fromkeys(names) if name != "all"]


def _choose(
    names: list[str], masks: list[str], preset: Preset, own: dict[str, dict[str, Any]]
) -> list[GeneratorChoice]:
    """The generators with their settings, each with every one of the masks that it can make images for."""
    from pigbench.planning.configured import choose_generator, with_masks

    chosen = [choose_generator(name, preset.diffusion, own) for name in names]
    if not masks:
        return chosen
    sources: list[Any] = [s if s == "real" else choose_generator(s, preset.diffusion, own) for s in masks]
    made = [with_masks(choice, source) for choice in chosen for source in sources]
    return list({choice.label: choice for choice in made}.values())


def resolve_device(device: str) -> str:
    """`auto` is a GPU if torch sees one. Raises PigbenchError for an unknown device or a GPU that is not there."""
    if device not in ("auto", "cpu", "cuda"):
        raise PigbenchError(did_you_mean("device", device, ["auto", "cpu", "cuda"]))
    if device == "cpu" or (device == "auto" and not _may_have_gpu()):
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if device == "cuda":
        raise PigbenchError("no GPU that torch can use: take --device cpu or auto")
    return "cpu"


def default_workers(device: str, preset: Preset) -> int:
    """One worker per core on a CPU; on a GPU as many as the preset says."""
    return cores() if device == "cpu" else preset.gpu_workers


def _check_compiler(preset: Preset, device: str) -> None:
    """Raises PigbenchError where networks are to be compiled for a CPU and nothing can compile them."""
    compiler = os.environ.get("CXX", "g++")
    if preset.numerics.compile and device == "cpu" and not shutil.which(compiler):
        raise PigbenchError(
            f"numerics.compile needs a C++ compiler on a CPU, and there is no {compiler}: install one, or --set "
            "numerics.compile=false"
        )


def _may_have_gpu() -> bool:
    """Whether it is worth the two seconds of importing torch to ask it."""
    return any(Path(name).exists() for name in ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg"))


def _check_samples(samples: Sequence[int]) -> tuple[int, ...]:
    for n in samples:
        if n < 2:
            raise PigbenchError(f"--n {n}: a distance between sets needs at least 2 samples")
    return tuple(sorted(set(samples)))


def _check_lesions(source: Source) -> None:
    """Raises PigbenchError where there is nothing to segment, and no mask to make an image for."""
    if not any(case.lesion_fraction > 0 for case in source.cases()):
        raise PigbenchError(f"no case of dataset '{source.name}' has a lesion: all its masks are empty")


def check_folds(protocol: Protocol, source: Source) -> None:
    """Raises PigbenchError where there are too few patients for the folds, or for those that are set aside."""
    from pigbench.data.splits import part

    if protocol.folds < 2:
        raise PigbenchError(f"--folds {protocol.folds}: at least 2, so that some patients are held out")
    cases, besides = source.cases(), ""
    if protocol.set_aside:
        cases = part(cases, protocol.set_aside, protocol.split_seed, tuning=False)
        besides = " besides those set aside"
    patients = len({case.patient_id for case in cases})
    if patients < protocol.folds:
        raise PigbenchError(
            f"dataset '{source.name}' has {counted(patients, 'patient')}{besides}, fewer than {protocol.folds} folds"
        )
