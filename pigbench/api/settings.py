"""What `set` changes: keys of the preset, and settings of plugins."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pigbench.errors import PigbenchError, did_you_mean, nearest

if TYPE_CHECKING:
    from pigbench.protocol import Preset


Changes = Mapping[str, Any] | Sequence[str] | None
"""Values by key, or KEY=VALUE texts."""


def as_changes(changes: Changes) -> list[str]:
    """The KEY=VALUE texts of `changes`. Raises PigbenchError for a value that a preset's file could not hold."""
    if not isinstance(changes, Mapping):
        return [changes] if isinstance(changes, str) else list(changes or ())
    try:
        return [f"{key}={json.dumps(value)}" for key, value in changes.items()]
    except TypeError as error:
        raise PigbenchError(f"set: {error}; give numbers, texts, true or false, and lists of them") from error


def split_changes(changes: Changes) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """`set`'s changes as (settings of plugins by name, keys of the preset)."""
    from pigbench.protocol import Preset

    own: dict[str, dict[str, Any]] = {}
    general: dict[str, Any] = {}
    for change in as_changes(changes):
        key, equals, text = change.partition("=")
        head, dot, field = key.partition(".")
        if not equals or not key:
            raise PigbenchError(f"--set takes KEY=VALUE, got '{change}'")
        if head in Preset.model_fields:
            general[key] = _value(text)
        elif dot:
            own.setdefault(head, {})[field] = _value(text)
        else:
            raise PigbenchError(_unknown(key, _known_keys()))
    return own, general


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _known_keys() -> list[str]:
    from pigbench.protocol import preset_keys

    return preset_keys() + [f"{name}.…" for name in _installed()]


def _installed() -> list[str]:
    from pigbench import registry

    return [*registry.plugins("generators"), *registry.plugins("segmenters")]


def _unknown(key: str, known: list[str]) -> str:
    """What to say of a key that nothing has; where none is near, whole tables of keys would be too many to show."""
    table = key.rpartition(".")[0]
    if nearest(key, known) or any(other.rpartition(".")[0] == table for other in known if table):
        return did_you_mean("--set key", key, known)
    return f"unknown --set key '{key}': 'pigbench list settings' shows all"


def changed_preset(name: str, general: dict[str, Any], generators: Sequence[str], segmenters: Sequence[str]) -> Preset:
    """The preset so changed. Raises PigbenchError for a key that neither it nor a plugin of the run has."""
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
            raise PigbenchError(_unknown(key, known))
    return load_preset(name, general)


def all_settings(preset: Preset) -> list[tuple[str, Any, str]]:
    """Every key that `--set` takes: its value where nothing is set, and what it is."""
    from pigbench import registry
    from pigbench.planning.configured import choose_generator, choose_segmenter
    from pigbench.protocol import preset_keys

    def usable(group: registry.Group) -> list[str]:
        return [name for name, plugin in registry.plugins(group).items() if not plugin.error()]

    found = []
    for key in preset_keys():
        table, _, field = key.rpartition(".")
        owner = getattr(preset, table) if table else preset
        found.append((key, getattr(owner, field), type(owner).model_fields[field].description or ""))
    configs = {name: choose_generator(name, preset.diffusion, {}).config for name in usable("generators")}
    configs |= {name: choose_segmenter(name, preset.segmentation.network, {}).config for name in usable("segmenters")}
    for name, config in configs.items():
        for field, about in type(config).model_fields.items():
            found.append((f"{name}.{field}", getattr(config, field), about.description or ""))
    return found


def refuse_leftovers(own: dict[str, dict[str, Any]], used: list[str]) -> None:
    """Raises PigbenchError for settings of a plugin that the run does not use."""
    from pigbench.protocol import preset_keys

    tables = [key.partition(".")[0] for key in preset_keys() if "." in key]
    for name in own:
        if name in used:
            continue
        if name in _installed():
            raise PigbenchError(f"--set {name}.…: '{name}' takes no part in this run, which has {', '.join(used)}")
        known = list(dict.fromkeys([*used, *tables]))
        raise PigbenchError(f"--set {name}.…: " + did_you_mean("preset table or plugin of this run", name, known))
