"""The source of a plugin as a hash that sees code and no prose: what artifacts are keyed by.

A file counts as its syntax tree, without comments, docstrings, positions and empty fields: a reworded comment, another
line break or a newer Python changes nothing, and a number changes it. It counts with the files that it imports inside
its own top-level package, a built-in metric with those of `pigbench.metrics`; libraries and the rest of `pigbench` are
recorded beside the artifacts by version, not keyed.

A package may say in a file `earlier.toml` beside its `__init__.py` that a plugin gives the same numbers as before::

    ["generators.pig"]
    now = "2c1f…"      # the hash of the source as it is
    earlier = "68bc…"  # what it goes by as long as the source is that

Signatures, artifacts and rows of tables then stay, until the source changes again.
"""

from __future__ import annotations

import ast
import hashlib
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec, resolve_name
from pathlib import Path

EARLIER = "earlier.toml"

METRICS = "pigbench.metrics"
"""Where the built-in metrics are, whose top-level package is the suite itself."""


@cache
def source_hash(module_name: str) -> str:
    """What a plugin's module is known by: the hash of its source, or the earlier one whose numbers it still gives."""
    now = current_hash(module_name)
    said = _earlier(module_name.partition(".")[0]).get(module_name, {})
    return said["earlier"] if said.get("now") == now else now


def current_hash(module_name: str) -> str:
    """The hash of a module's source as it is, and of what it imports within its border; nothing is imported."""
    return tree_hash(sorted(_own_sources(module_name).items()))


def tree_hash(sources: Iterable[tuple[str, bytes]]) -> str:
    """The hash of source files by name: of what they do, not of how they are written."""
    digest = hashlib.sha256()
    for name, text in sources:
        digest.update(f"{name}\0{_normalised(ast.parse(text))}\0".encode())
    return digest.hexdigest()


def _normalised(value: object) -> str:
    """A syntax tree, or a part of one, as text."""
    if isinstance(value, list):
        return f"[{','.join(_normalised(item) for item in value if not _is_prose(item))}]"
    if not isinstance(value, ast.AST):
        return repr(value)
    fields = ((name, part) for name, part in ast.iter_fields(value) if part is not None and part != [])
    return f"{type(value).__name__}({','.join(f'{name}={_normalised(part)}' for name, part in fields)})"


def _is_prose(node: object) -> bool:
    """Whether it is a docstring, of a module, class or function or below an attribute."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _own_sources(module_name: str) -> dict[str, bytes]:
    """The source of a module and of what it imports within its border, by module name; nothing is imported."""
    sources: dict[str, bytes] = {}
    waiting = [module_name]
    while waiting:
        name = waiting.pop()
        file = _module_file(name)
        if name in sources or file is None:
            continue
        sources[name] = _text(file)
        home = name if file.name == "__init__.py" else name.rpartition(".")[0]
        waiting += [other for other in _imports(sources[name], home) if _within(other, _border(module_name))]
    return sources


def _border(module_name: str) -> str:
    """The package beyond which imports are not followed."""
    return METRICS if _within(module_name, METRICS) else module_name.partition(".")[0]


def _within(module_name: str, package: str) -> bool:
    return f"{module_name}.".startswith(f"{package}.")


@cache
def _text(file: Path) -> bytes:
    """A source file as it was when this process first hashed a plugin that uses it: what is imported is no newer."""
    return file.read_bytes()


@cache
def _earlier(package: str) -> dict[str, dict[str, str]]:
    """What the package says of its plugins' earlier sources, by module."""
    file = _module_file(package)
    table = file.with_name(EARLIER) if file and file.name == "__init__.py" else None
    return tomllib.loads(table.read_text(encoding="utf-8")) if table and table.is_file() else {}


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
