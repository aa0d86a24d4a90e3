"""Plugins by entry point: found without importing them, imported when asked for, each with its origin.

The built-in generators and segmenters come in by the same entry points as a stranger's.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from pigbench.errors import PigbenchError, did_you_mean

Group = Literal["generators", "segmenters"]


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


def find(group: Group, name: str) -> Plugin:
    """The plugin of that name; an unknown name gets a "did you mean"."""
    known = plugins(group)
    if name not in known:
        raise PigbenchError(did_you_mean(group.removesuffix("s"), name, list(known)))
    return known[name]


def _installed(group: Group) -> list[Plugin]:
    listed = []
    for entry in entry_points(group=f"pigbench.{group}"):
        origin = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown distribution"
        listed.append(Plugin(entry.name, group, entry.value, origin))
    return listed


def _check_base(plugin: Plugin, loaded: Any) -> None:
    from pigbench import contracts

    base = contracts.Generator if plugin.group == "generators" else contracts.Segmenter
    if not (isinstance(loaded, type) and issubclass(loaded, base)):
        raise PigbenchError(f"{plugin.target} of {plugin.origin} is not a pigbench.contracts.{base.__name__}")


@cache
def source_hash(module_name: str) -> str:
    """The hash of a plugin's source: its file and the files it imports inside its own top-level package.

    Line ends are normalised. It stops at the package's border: libraries and `pigbench` itself are recorded beside
    the artifacts by version, not keyed.
    """
    digest = hashlib.sha256()
    for name, text in sorted(_own_sources(module_name).items()):
        digest.update(f"{name}\0{len(text)}\0".encode() + text)
    return digest.hexdigest()


def _own_sources(module_name: str) -> dict[str, bytes]:
    from importlib.util import find_spec
    from pathlib import Path

    package = module_name.partition(".")[0]
    sources: dict[str, bytes] = {}
    waiting = [module_name]
    while waiting:
        name = waiting.pop()
        spec = find_spec(name)
        if name in sources or spec is None or not spec.origin or not spec.origin.endswith(".py"):
            continue
        sources[name] = Path(spec.origin).read_bytes().replace(b"\r\n", b"\n")
        waiting += _imports(sources[name], name, package)
    return sources


def _imports(text: bytes, module_name: str, package: str) -> list[str]:
    """The modules of `package` that a file imports, `from a import b` as both a and a.b, relative imports resolved."""
    import ast
    from importlib.util import find_spec, resolve_name

    spec = find_spec(module_name)
    home = module_name if spec and spec.submodule_search_locations else module_name.rpartition(".")[0]
    found: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), home) if node.level else node.module or ""
            found += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return [name for name in found if name.partition(".")[0] == package and _is_module(name)]


def _is_module(name: str) -> bool:
    from importlib.util import find_spec

    try:
        return find_spec(name) is not None
    except (ImportError, AttributeError, ValueError):
        return False
