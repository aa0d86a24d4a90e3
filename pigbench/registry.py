"""Plugins by entry point: found without importing them, imported when asked for, each with its origin.

The built-in generators, segmenters and metrics come in by the same entry points as a stranger's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from pigbench.errors import PigbenchError, did_you_mean

Group = Literal["generators", "segmenters", "datasets", "metrics"]


@dataclass(frozen=True)
class Plugin:
    """A plugin that is installed, not yet imported. `origin` is its distribution and version."""

    name: str
    group: Group
    target: str
    origin: str

    def load(self) -> Any:
        """The plugin's class. Whatever its import raises becomes a `PigbenchError` that names the plugin."""
        entry = EntryPoint(self.name, self.target, f"pigbench.{self.group}")
        try:
            loaded = entry.load()
        except Exception as error:
            kind = self.group.removesuffix("s")
            raise PigbenchError(
                f"{kind} '{self.name}' of {self.origin} does not import: {type(error).__name__}: {error}"
            ) from error
        _check_base(self, loaded)
        return loaded

    def error(self) -> str:
        """Why the plugin cannot be used; empty if it can."""
        try:
            self.load()
        except PigbenchError as error:
            return str(error)
        return ""


def plugins(group: Group) -> dict[str, Plugin]:
    """The installed plugins of a group, by name, without importing any.

    Raises PigbenchError where two distributions offer the same name, naming both.
    """
    found: dict[str, Plugin] = {}
    for plugin in _installed(group):
        known = found.setdefault(plugin.name, plugin)
        if (known.target, known.origin) != (plugin.target, plugin.origin):
            raise PigbenchError(
                f"two {group} are named '{plugin.name}': {known.target} of {known.origin} and "
                f"{plugin.target} of {plugin.origin}; uninstall one"
            )
    return dict(sorted(found.items()))


@cache
def find(group: Group, name: str) -> Plugin:
    """The plugin of that name; an unknown name gets a "did you mean".

    Remembered, as looking through everything that is installed takes some 30 ms and every stage asks; a name that was
    not found is looked for anew.
    """
    known = plugins(group)
    if name not in known:
        raise PigbenchError(did_you_mean(group.removesuffix("s"), name, list(known)))
    return known[name]


def _installed(group: Group) -> list[Plugin]:
    origins: dict[int, str] = {}  # a distribution reads its metadata anew whenever it is asked
    listed = []
    for entry in entry_points(group=f"pigbench.{group}"):
        if id(entry.dist) not in origins:
            origins[id(entry.dist)] = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown package"
        listed.append(Plugin(entry.name, group, entry.value, origins[id(entry.dist)]))
    return listed


def _check_base(plugin: Plugin, loaded: Any) -> None:
    from pigbench import contracts

    if plugin.group == "datasets":
        return  # what an importer is, `pigbench.data.importers.base` says, which knows of files and stands above this
    bases: dict[str, tuple[type, ...]] = {
        "generators": (contracts.Generator,),
        "segmenters": (contracts.Segmenter,),
        "metrics": (contracts.CaseMetric, contracts.SetMetric),
    }
    if not (isinstance(loaded, type) and issubclass(loaded, bases[plugin.group])):
        named = " or ".join(f"pigbench.contracts.{base.__name__}" for base in bases[plugin.group])
        raise PigbenchError(f"{plugin.target} of {plugin.origin} is not a {named}")
    try:
        if issubclass(loaded, contracts.Plugin):
            contracts.require_init(loaded)
    except PigbenchError as error:
        raise PigbenchError(f"{plugin.group.removesuffix('s')} '{plugin.name}' of {plugin.origin}: {error}") from error
