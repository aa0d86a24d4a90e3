"""Plugins by entry point: found without importing them, imported when asked for, each with its origin.

The built-in generators and segmenters come in by the same entry points as a stranger's.
"""

from __future__ import annotations

import ast
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec, resolve_name
from pathlib import Path
from typing import Any, Literal

from pigbench.errors import PigbenchError, did_you_mean

Group = Literal["generators", "segmenters", "datasets"]


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
    listed = []
    for entry in entry_points(group=f"pigbench.{group}"):
        origin = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown distribution"
        listed.append(Plugin(entry.name, group, entry.value, origin))
    return listed


def _check_base(plugin: Plugin, loaded: Any) -> None:
    from pigbench import contracts

    if plugin.group == "datasets":
        return  # what an importer is, `pigbench.data.importing` says, which knows of files and stands above this
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
    """The source of a module and of what it imports inside its package, by module name; nothing is imported."""
    sources: dict[str, bytes] = {}
    waiting = [module_name]
    while waiting:
        name = waiting.pop()
        file = _module_file(name)
        if name in sources or file is None:
            continue
        sources[name] = _text(file)
        home = name if file.name == "__init__.py" else name.rpartition(".")[0]
        package = module_name.partition(".")[0]
        waiting += [other for other in _imports(sources[name], home) if other.partition(".")[0] == package]
    return sources


@cache
def _text(file: Path) -> bytes:
    """A source file as it was when this process first hashed a plugin that uses it: what is imported is no newer."""
    return file.read_bytes().replace(b"\r\n", b"\n")


def _module_file(name: str) -> Path | None:
    """The file of a module, found from its top-level package without importing anything; None if it is no module."""
    top, *inner = name.split(".")
    spec = find_spec(top)
    if spec is None or not spec.origin:
        return None
    if not inner:
        return Path(spec.origin)
    for root in spec.submodule_search_locations or ():
        for file in (Path(root, *inner).with_suffix(".py"), Path(root, *inner, "__init__.py")):
            if file.is_file():
                return file
    return None


def _imports(text: bytes, home: str) -> list[str]:
    """The modules that a file may import, `from a import b` as both a and a.b; relative ones start from `home`."""
    found: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), home) if node.level else node.module or ""
            found += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return found
