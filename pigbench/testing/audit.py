"""What a plugin reads while it works, found out by Python's audit events.

Code, Python's own files, installed libraries with the data they bring, and the system's files may be read; so may what
was written during the same watch. Anything else a user made, any address on the network, and any other program that is
started, is reported. So is data in the plugin's own package, or beside it if it is a single file, wherever it is
installed: the keys follow a plugin's code alone.

Files that native code opens by itself (safetensors does) raise no event and are not seen.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CODE = (".py", ".pyc", ".pyi", ".so", ".pyd", ".dll", ".dylib")
METADATA = (".dist-info", ".egg-info")
SYSTEM = ("/proc", "/sys", "/etc", "/usr", "/lib", "/lib64", "/System", "/Library", "/dev/null", "/dev/urandom")


@dataclass
class _Watch:
    """Paths opened for reading and for writing; addresses connected to, and programs started, in order."""

    read: list[str] = field(default_factory=list)
    written: set[str] = field(default_factory=set)
    others: list[str] = field(default_factory=list)


_watching: list[_Watch] = []  # an audit hook stays for good, so it looks here first
_is_installed = False


@contextmanager
def watching(allowed: Sequence[Path] = (), own: Path | None = None) -> Iterator[list[str]]:
    """A list that holds, once the `with` ends, what was read in it and should not have been.

    allowed: directories that may be read besides. own: the plugin's package or its only file; of the one, and of what
    lies beside the other, only code may be.
    """
    global _is_installed
    if not _is_installed:
        sys.addaudithook(_hook)
        _is_installed = True
    watch, found = _Watch(), list[str]()
    _watching.append(watch)
    try:
        yield found
    finally:
        _watching.remove(watch)
        files = [path for path in watch.read if Path(path).is_file()]  # no folders, nothing that was only looked for
        found += dict.fromkeys(path for path in files if not _may_be_read(path, allowed, own))
        found += dict.fromkeys(watch.others)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watching:
        return
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        path, flags = os.path.abspath(os.fsdecode(arguments[0])), arguments[2] or 0  # noqa: PTH100
        makes_it = flags & os.O_WRONLY or flags & os.O_TRUNC or flags & os.O_EXCL
        for watch in _watching:
            if makes_it:
                watch.written.add(path)
            elif path not in watch.written:
                watch.read.append(path)
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        _note(f"the address {arguments[1][0]}")
    elif event in ("subprocess.Popen", "os.system"):
        _note(f"what the program {os.path.basename(_program(arguments[0]))} reads")  # noqa: PTH119


def _note(other: str) -> None:
    for watch in _watching:
        watch.others.append(other)


def _program(started: Any) -> str:
    """Of a command line, or of the path to what is started."""
    return (os.fsdecode(started).split() or [""])[0]


def _may_be_read(path: str, allowed: Sequence[Path], own: Path | None) -> bool:
    if path.endswith(CODE) or Path(path).parent.suffix in METADATA:
        return True
    if own is not None and _is_of(path, own):
        return False
    return any(_is_under(path, str(root)) for root in (*allowed, *_libraries()))


def _is_of(path: str, plugin: Path) -> bool:
    """Whether a file lies in a plugin's package, or right beside its only file."""
    if plugin.is_dir():
        return _is_under(path, str(plugin))
    return Path(path).resolve().parent == plugin.resolve().parent


def _libraries() -> list[str]:
    """The folders of Python, of what is installed for it, of every imported package, and of the system."""
    paths = sysconfig.get_paths()
    installed = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    tops = [module for name, module in list(sys.modules.items()) if "." not in name]
    files = [getattr(module, "__file__", None) or "" for module in tops]
    packages = [str(Path(file).parent) for file in files if Path(file).name == "__init__.py"]
    return [sys.prefix, sys.base_prefix, *installed, *packages, *SYSTEM]


def _is_under(path: str, root: str) -> bool:
    path, root = os.path.realpath(path), os.path.realpath(root)
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)
