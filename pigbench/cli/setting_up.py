"""What the options of a verb come to: a request, a store and an opened dataset, all checked before work starts."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pigbench.cli.changes import changed_preset, refuse_leftovers, split_changes
from pigbench.errors import PigbenchError, did_you_mean
from pigbench.processes import cores

if TYPE_CHECKING:
    from pigbench.choices import GeneratorChoice
    from pigbench.data.source import Source
    from pigbench.engine.places import Place
    from pigbench.plan import Request
    from pigbench.protocol import Preset, Protocol
    from pigbench.store import Store


@dataclass(frozen=True)
class Setup:
    """What the options of `run` and its like come to."""

    request: Request
    store: Store
    source: Source
    workers: int
    checkpoint_every: float
    place: Place | None = None  # where a cluster's workers come from


def set_up(
    generators: list[str],
    samples: list[int] | None,
    folds: int | None,
    dataset: str,
    segmenters: list[str],
    preset: str,
    seed: int,
    seeds: int,
    changes: list[str] | None,
    workers: int | None,
    device: str,
    store: Path,
    checkpoint_every: float = 60.0,
    masks: list[str] | None = None,
    controls: bool = False,
    set_aside: float | None = None,
    place: Place | None = None,
) -> Setup:
    """Check everything that can be checked before work starts. Raises PigbenchError for the first fault."""
    from pigbench.choices import choose_segmenter
    from pigbench.data.catalogue import open_dataset
    from pigbench.metrics.extractors import find_weights
    from pigbench.plan import Request
    from pigbench.protocol import Protocol
    from pigbench.stages import RENUMBERED
    from pigbench.store import Store

    generators = chosen_names(generators, controls)
    own, general = split_changes(changes or [])
    settings = changed_preset(preset, general, generators, segmenters)
    chosen = _choose(generators, masks or [], settings, own)
    segmenting = [choose_segmenter(name, settings.segmentation.network, own) for name in dict.fromkeys(segmenters)]
    refuse_leftovers(own, [*generators, *segmenters, *(masks or []), *(x.name for one in chosen for x in one.lenders)])
    find_weights(settings.fidelity.extractor)
    opened = Store(store)
    source = open_dataset(dataset, opened.root)
    protocol = Protocol(
        preset=settings,
        dataset=dataset,
        dataset_identity=source.fingerprint(),
        folds=settings.folds if folds is None else folds,
        set_aside=set_aside or 0.0,
        stage_versions=RENUMBERED,
    )
    check_folds(protocol, source)
    request = Request(
        protocol=protocol,
        generators=tuple(chosen),
        samples=_check_samples(samples or [settings.samples]),
        segmenters=tuple(segmenting),
        seeds=tuple(range(seed, seed + seeds)),
        controls=controls,
        device=device if place and device == "cuda" else resolve_device(device),
        makes_reference=source.reference(2) is not None,
    )
    if not place:
        _check_compiler(settings, request.device)
    workers = workers or (place.workers if place else default_workers(request.device, settings))
    return Setup(request, opened, source, workers, checkpoint_every, place)


def chosen_names(generators: list[str], controls: bool) -> list[str]:
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
    from pigbench.choices import choose_generator, with_masks

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


def _check_samples(samples: list[int]) -> tuple[int, ...]:
    for n in samples:
        if n < 2:
            raise PigbenchError(f"--n {n}: a distance between sets needs at least 2 samples")
    return tuple(sorted(set(samples)))


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
            f"dataset '{source.name}' has {patients} patients{besides}, fewer than {protocol.folds} folds"
        )
