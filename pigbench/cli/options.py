"""The options that several verbs share, and what they come to: a request, a store and an opened dataset."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pigbench.errors import PigbenchError, did_you_mean
from pigbench.processes import cores

if TYPE_CHECKING:
    from pigbench.choices import GeneratorChoice
    from pigbench.data.source import Source
    from pigbench.plan import Request
    from pigbench.protocol import Preset
    from pigbench.store import Store

Generators = Annotated[list[str], typer.Option("--generator", help="A generator; repeat for several; `all` for each.")]
Masks = Annotated[
    list[str] | None,
    typer.Option(
        "--masks", help="Whose masks images are made for: `real`, or a generator such as `pig`; repeat for both."
    ),
]
Controls = Annotated[bool, typer.Option("--controls", help="Add the arms that give the others their meaning.")]
Samples = Annotated[
    list[int] | None, typer.Option("--n", help="Samples per fold; repeat for several (default: the preset's).")
]
Folds = Annotated[int | None, typer.Option("--folds", help="Folds, by patient (default: the preset's, mostly 5).")]
Dataset = Annotated[str, typer.Option("--dataset", help="`phantom`, or a name given to `pigbench data import`.")]
Segmenters = Annotated[list[str], typer.Option("--segmenter", help="A segmenter; repeat for several.")]
PresetName = Annotated[str, typer.Option("--preset", help="smoke, demo, quick, small, medium or paper.")]
Seed = Annotated[int, typer.Option("--seed", help="The first seed.")]
Seeds = Annotated[int, typer.Option("--seeds", help="How many seeds: SEED, SEED+1, …", min=1)]
Changes = Annotated[
    list[str] | None, typer.Option("--set", help="KEY=VALUE, such as training.learning_rate=1e-4 or pig.guide=binary.")
]
Workers = Annotated[
    int | None, typer.Option("--workers", help="Worker processes (default: one per core; 1 on a GPU).", min=1)
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
CheckpointEvery = Annotated[
    float, typer.Option(help="Seconds between two checkpoints of a training: what a crash can cost at most.", min=0)
]
StoreDir = Annotated[Path, typer.Option("--store", help="Where artifacts and datasets are kept.")]


@dataclass(frozen=True)
class Setup:
    """What the options of `run` and its like come to."""

    request: Request
    store: Store
    source: Source
    workers: int
    checkpoint_every: float


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
    own, general = _split_changes(changes or [])
    settings = _preset(preset, general, generators, segmenters)
    chosen = _choose(generators, masks or [], settings, own)
    segmenting = [choose_segmenter(name, settings.segmentation.network, own) for name in dict.fromkeys(segmenters)]
    _refuse_leftovers(own, [*generators, *segmenters, *(masks or []), *(x.name for one in chosen for x in one.lenders)])
    find_weights(settings.fidelity.extractor)
    opened = Store(store)
    source = open_dataset(dataset, opened.root)
    request = Request(
        protocol=Protocol(
            preset=settings,
            dataset=dataset,
            dataset_identity=source.fingerprint(),
            folds=_check_folds(settings.folds if folds is None else folds, source),
            stage_versions=RENUMBERED,
        ),
        generators=tuple(chosen),
        samples=_check_samples(samples or [settings.samples]),
        segmenters=tuple(segmenting),
        seeds=tuple(range(seed, seed + seeds)),
        controls=controls,
        device=resolve_device(device),
        makes_reference=source.reference(2) is not None,
    )
    return Setup(request, opened, source, workers or default_workers(request.device), checkpoint_every)


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


def default_workers(device: str) -> int:
    """One worker per core on a CPU, one on a GPU."""
    return cores() if device == "cpu" else 1


def _may_have_gpu() -> bool:
    """Whether it is worth the two seconds of importing torch to ask it."""
    return any(Path(name).exists() for name in ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg"))


def _split_changes(changes: list[str]) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """`--set` pairs as (settings of plugins by name, keys of the preset)."""
    from pigbench.protocol import Preset

    own: dict[str, dict[str, Any]] = {}
    general: dict[str, Any] = {}
    for change in changes:
        key, equals, text = change.partition("=")
        head, dot, field = key.partition(".")
        if not equals or not key:
            raise PigbenchError(f"--set takes KEY=VALUE, got '{change}'")
        if head in Preset.model_fields:
            general[key] = _value(text)
        elif dot:
            own.setdefault(head, {})[field] = _value(text)
        else:
            raise PigbenchError(did_you_mean("--set key", key, _known_keys()))
    return own, general


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _known_keys() -> list[str]:
    from pigbench import registry
    from pigbench.protocol import preset_keys

    plugins = [*registry.plugins("generators"), *registry.plugins("segmenters")]
    return preset_keys() + [f"{name}.…" for name in plugins]


def _preset(name: str, general: dict[str, Any], generators: list[str], segmenters: list[str]) -> Preset:
    from pigbench import registry
    from pigbench.protocol import load_preset, preset_keys

    known = preset_keys()
    for prefix, group, names in (
        ("diffusion", "generators", generators),
        ("segmentation.network", "segmenters", segmenters),
    ):
        for plugin in names:
            fields = registry.find(group, plugin).load().Config.model_fields  # type: ignore[arg-type]
            known += [f"{prefix}.{field}" for field in fields]
    known += [f"diffusion.{field}" for field in load_preset(name).diffusion]
    for key in general:
        if key not in known:
            raise PigbenchError(did_you_mean("--set key", key, known))
    return load_preset(name, general)


def _refuse_leftovers(own: dict[str, dict[str, Any]], used: list[str]) -> None:
    for name in own:
        if name not in used:
            raise PigbenchError(f"--set {name}.…: " + did_you_mean("preset table or plugin of this run", name, used))


def _check_samples(samples: list[int]) -> tuple[int, ...]:
    for n in samples:
        if n < 2:
            raise PigbenchError(f"--n {n}: a distance between sets needs at least 2 samples")
    return tuple(sorted(set(samples)))


def _check_folds(folds: int, source: Source) -> int:
    if folds < 2:
        raise PigbenchError(f"--folds {folds}: at least 2, so that some patients are held out")
    patients = len({case.patient_id for case in source.cases()})
    if patients < folds:
        raise PigbenchError(f"dataset '{source.name}' has {patients} patients, fewer than {folds} folds")
    return folds
