"""What `sample` and `export` go on from: the settings of the newest record in the store, where none are given."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pigbench.api.request import Options, several
from pigbench.api.settings import as_changes
from pigbench.results.naming import way_of

if TYPE_CHECKING:
    from pigbench.results import Record

FITS_WELL = 2

RENAMED = {"ddim_steps": "steps"}
"""Settings of `[diffusion]` and its generators by the names that older records give them."""


def go_on(given: Mapping[str, Any]) -> Options:
    """Options of these values, those that are None taken from the newest record in the store.

    A record whose dataset, preset and folds are those given is preferred, and of these one with the same generators.
    Changes and numbers of samples are not taken without their preset. What is taken is printed: nothing, where dataset,
    preset and folds were all given, or there is no record.
    """
    told = {name: value for name, value in given.items() if value is not None}
    complete = {"dataset", "preset", "folds"} <= told.keys()
    store = Path(told.get("store", Options.store)).expanduser()
    found = None if complete else _newest(told, store / "records")
    if found is None:
        return Options(**({"generator": "pig"} | told))
    path, record = found
    generators = several(told.get("generator")) or _generators(record) or ["pig"]
    taken = _settings(record, generators, several(told.get("masks")))
    if told.get("dataset", record.dataset.name) == record.dataset.name:
        taken["train_patients"] = _most_patients(record)
    if told.get("preset", record.preset) != record.preset:
        taken |= {"set": [], "n": None}
    options = Options(**(taken | told | {"set": [*taken["set"], *as_changes(told.get("set"))]}))
    shown = {name: value for name, value in taken.items() if name not in told or name == "set"}
    options.say(f"going on from {path}: {_as_options(shown)}")
    return options


def whole_run(record: Record, store: Path) -> Options:
    """Options whose plan holds what a record was made of, as far as its generators are installed here."""
    from pigbench import registry

    installed = registry.plugins("generators")
    generators = dict.fromkeys(info.plugin for info in record.generators.values() if info.plugin in installed)
    masks = _masks(record)
    uses = [way_of(arm.use, arm.share) for arm in record.arms.values() if arm.generator and arm.use != "alone"]
    sizes = {arm.train_patients for arm in record.arms.values()}
    taken = _settings(record, list(generators), masks)
    return Options(
        **taken,
        masks=masks or None,
        controls=any(arm.use == "alone" or arm.stretch != 1 for arm in record.arms.values()),
        train_patients=["all" if size is None else size for size in sizes],
        use=list(dict.fromkeys(uses)) or None,
        seeds=len(record.seeds),
        trainings=max((fit.training + 1 for fit in record.fits), default=1),
        store=store,
        progress=False,
    )


def _masks(record: Record) -> list[str]:
    """Whose masks images were made for, as `--masks` names them; nothing where every generator did as it does alone."""
    found: dict[str, None] = {}
    for label, info in record.generators.items():
        by_itself = {"images-for-masks": "real", "pairs": info.plugin}.get(info.kind, "")
        chosen = re.search(r"\bmasks=([\w-]+)", label)
        found[chosen[1] if chosen else by_itself] = None
    given = any("masks=" in label for label in record.generators)
    return [name for name in found if name] if given else []


def _newest(told: Mapping[str, Any], directory: Path) -> tuple[Path, Record] | None:
    """The newest of the records that fit what was told best, if there is any."""
    best: tuple[Path, Record] | None = None
    most = -1
    for path, record in _newest_first(directory):
        if (fit := _fit(told, record)) > most:
            best, most = (path, record), fit
        if most == FITS_WELL:
            break
    return best


def _fit(told: Mapping[str, Any], record: Record) -> int:
    """0 for a record of another protocol than was told, 1 for the same one, 2 if it has the same generators, too."""
    protocol = {"dataset": record.dataset.name, "preset": record.preset, "folds": record.folds}
    if any(told.get(name, value) != value for name, value in protocol.items()):
        return 0
    return 1 + (set(several(told.get("generator"))) <= {info.plugin for info in record.generators.values()})


def _newest_first(directory: Path) -> Iterator[tuple[Path, Record]]:
    from pigbench.results import read_record

    for path in sorted(directory.glob("*.json"), key=lambda path: path.stat().st_mtime_ns, reverse=True):
        try:
            yield path, read_record(path)
        except (ValueError, OSError, RecursionError):
            continue  # `compare` names what is none


def _generators(record: Record) -> list[str]:
    """The first generator of a record that can be sampled here; none where all its pairs came from outside."""
    from pigbench import registry

    installed = registry.plugins("generators")
    return [info.plugin for info in record.generators.values() if info.plugin in installed][:1]


def _most_patients(record: Record) -> int | None:
    """The largest number of training patients in the record, None for all."""
    sizes = [arm.train_patients for arm in record.arms.values()]
    return None if not sizes or None in sizes else max(size for size in sizes if size)


def _settings(record: Record, generators: Sequence[str], masks: Sequence[str]) -> dict[str, Any]:
    """What a record was made with, as fields of `Options`."""
    numbers = {run.n for run in record.fidelity if record.generators[run.generator].plugin in generators}
    return {
        "generator": generators,
        "n": sorted(numbers) or None,
        "folds": record.folds,
        "set_aside": record.protocol.set_aside or None,
        "dataset": record.dataset.name,
        "segmenter": _segmenters(record),
        "preset": record.preset,
        "seed": min(record.seeds, default=0),
        "set": [*_preset_changes(record), *_plugin_changes(record, [*generators, *masks])],
    }


def _segmenters(record: Record) -> list[str]:
    """Those of the record that are installed; no sample depends on them, but the names of settings do."""
    from pigbench import registry

    named = [signature.partition("@")[0] for signature in record.segmenters.values()]
    return [name for name in dict.fromkeys(named) if name in registry.plugins("segmenters")]


def _preset_changes(record: Record) -> Iterator[str]:
    """The keys of the record's preset that are not as they are in the preset of that name."""
    from pigbench.protocol import load_preset, preset_keys

    untouched = load_preset(record.preset).model_dump(mode="json")
    theirs, ours = dict(_flat(_preset(record))), dict(_flat(untouched))
    for key, value in theirs.items():
        can_be_set = key in preset_keys() or key.startswith(("diffusion.", "segmentation.network."))
        replaced = value is None and key in ("training.images", "training.epochs")  # by the other one
        if can_be_set and not replaced and value != ours.get(key):
            yield _change(key, value)


def _plugin_changes(record: Record, names: Sequence[str]) -> Iterator[str]:
    """The settings of those generators, and of those that they use, that do not follow from the record's preset."""
    from pigbench.planning.configured import choose_generator

    shared = _preset(record)["diffusion"]
    configs = {info.plugin: info.config for info in record.generators.values()}
    chosen = [choose_generator(name, shared, {}) for name in names if name not in ("all", "real")]
    used = {other.name: other for choice in chosen for other in choice.with_those_it_uses()}
    for name, choice in used.items():
        untouched = choice.config.model_dump(mode="json")
        for field, value in _renamed(configs.get(name, {})).items():
            if field in choice.plugin.Config.model_fields and value != untouched.get(field):
                yield _change(f"{name}.{field}", value)


def _preset(record: Record) -> dict[str, Any]:
    """The record's preset, the settings of `[diffusion]` by the names that they have today."""
    preset = record.protocol.preset.model_dump(mode="json")
    return preset | {"diffusion": _renamed(preset.get("diffusion", {}))}


def _renamed(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        RENAMED.get(name, name): _renamed(value) if isinstance(value, dict) else value
        for name, value in settings.items()
    }


def _flat(tables: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values; a plugin's own table of `[diffusion]` is left out, as `--set` names the plugin."""
    for name, value in tables.items():
        if not isinstance(value, dict):
            yield prefix + name, value
        elif prefix != "diffusion.":
            yield from _flat(value, f"{prefix}{name}.")


def _change(key: str, value: Any) -> str:
    return f"{key}={value if isinstance(value, str) else json.dumps(value)}"


def _as_options(settings: Mapping[str, Any]) -> str:
    """Settings as a command line has them."""
    words: list[str] = []
    for name, value in settings.items():
        for one in value if isinstance(value, list | tuple) else [value]:
            words += [] if one is None or name == "segmenter" else [f"--{name.replace('_', '-')}", str(one)]
    return shlex.join(words)
