"""Compiled code, kept in the store: each network is compiled once a machine, and later workers and runs load it.

<root>/compiled/<machine>/<network>-<sha256>.zip   what torch wrote into its cache while it compiled a network
<root>/compiled/<machine>/<network>.lock           held by who compiles it; others that need it wait

Processes cannot share torch's cache itself: a compiler that is killed leaves half a library there under its final name.
So each has one of its own, filled from the store before it compiles, and what it adds is published by one rename. It is
native code and runs as such, so only files that the user owns, and nobody else may write, are used.
"""

from __future__ import annotations

import atexit
import hashlib
import io
import os
import platform
import shutil
import stat
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pigbench.processes import lives, machine, processor_features
from pigbench.store import Store

if TYPE_CHECKING:
    import torch

WAIT = 900.0
"""Seconds to wait for another process that compiles the same network; then it is compiled here too."""
CACHE_VARIABLE = "TORCHINDUCTOR_CACHE_DIR"
UNSHARED = ("locks", "tmp", "triton")  # tmp: of torch's own; triton: kernels are in the graphs' files too

_store: ContextVar[Store | None] = ContextVar("store of compiled code", default=None)
_shared: set[str] = set()
"""Which files of this process's cache came from the store or went there."""


@contextmanager
def kept_in(store: Store) -> Iterator[None]:
    """Within it, what is compiled is kept in `store`. Without it, torch keeps it where it does by default."""
    token = _store.set(store)
    try:
        yield
    finally:
        _store.reset(token)


class Compilation:
    """A network that torch compiles when it is first used."""

    def __init__(self, network: torch.nn.Module, purpose: str, device: str) -> None:
        """network: not compiled yet. purpose: training or inference."""
        self._device = device
        self._name = _name(network, purpose)
        self._done = False

    @contextmanager
    def first(self) -> Iterator[None]:
        """Around each use, in training with its backward pass: the first one looks into the store and adds to it."""
        store = _store.get()
        if self._done or store is None:
            yield
            return
        self._done = True
        own_cache()
        shelf = _Shelf(store, machine_key(self._device), self._name)
        with shelf.locked():
            seen = shelf.fetch()
            yield
            shelf.publish(seen)


class _Shelf:
    """The archives of one network, for one kind of machine."""

    def __init__(self, store: Store, machine: str, name: str) -> None:
        self.store, self.name = store, name
        self.directory = root(store.root) / machine
        with suppress(OSError):
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one process at a time compile the network, where the file system can; the lock dies with its holder."""
        from filelock import FileLock, Timeout

        with ExitStack() as stack:
            with suppress(Timeout, OSError, NotImplementedError):
                stack.enter_context(FileLock(self.directory / f"{self.name}.lock", timeout=WAIT))
            yield

    def fetch(self) -> set[Path]:
        """Unpack what is there into this process's cache; the archives. A damaged one is removed."""
        seen = self._archives()
        for archive in seen:
            content = read_own(archive)
            if content is None:
                continue
            if hashlib.sha256(content).hexdigest() != archive.stem.rpartition("-")[2]:
                archive.unlink(missing_ok=True)
                continue
            _unpack(content)
        return seen

    def publish(self, seen: set[Path]) -> None:
        """Add what was compiled, unless another process has meanwhile. What cannot be written is not kept."""
        new = sorted(_files(own_cache()) - _shared)
        _shared.update(new)
        if not new or self._archives() - seen:
            return
        with suppress(OSError), self.store.building() as directory:
            whole = directory / "compiled.zip"
            _pack(new, whole)
            whole.chmod(0o600)
            digest = hashlib.sha256(whole.read_bytes()).hexdigest()
            whole.replace(self.directory / f"{self.name}-{digest}.zip")

    def _archives(self) -> set[Path]:
        return set(self.directory.glob(f"{self.name}-*.zip"))


def root(store: Path) -> Path:
    """The folder of compiled code in a store's."""
    return store / "compiled"


def archives(store: Path) -> list[Path]:
    """The archives in a store's folder, of whatever machines."""
    return sorted(root(store).glob("*/*.zip"))


def read_own(file: Path) -> bytes | None:
    """A file's content; None if it cannot be read, is somebody else's, or somebody else may write it."""
    try:
        with file.open("rb") as stream:
            status = os.fstat(stream.fileno())
            if hasattr(os, "geteuid") and (
                status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
            ):
                return None
            return stream.read()
    except OSError:
        return None


@cache
def machine_key(device: str) -> str:
    """What compiled code fits: versions of torch and Python, everything that the processor can, the GPU, the user."""
    import torch

    facts = [torch.__version__, torch.version.git_version, sys.version, *platform.libc_ver(), processor_features()]
    facts += [torch.backends.cpu.get_cpu_capability(), os.environ.get("CXX", ""), str(getattr(os, "getuid", int)())]
    if device != "cpu":
        facts += [torch.cuda.get_device_name(), str(torch.version.cuda)]
    return _digest(facts)


@cache
def own_cache() -> Path:
    """This process's cache of torch's, of which only its user can read; it goes when the process does."""
    here = f"pigbench-compiled-{_digest([machine()])[:8]}-"
    for left in Path(tempfile.gettempdir()).glob(f"{here}*"):  # of processes that were killed
        process = left.name.removeprefix(here).partition("-")[0]
        if process.isdecimal() and not lives(int(process)):
            shutil.rmtree(left, ignore_errors=True)
    directory = tempfile.mkdtemp(prefix=f"{here}{os.getpid()}-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    os.environ[CACHE_VARIABLE] = directory
    return Path(directory)


def _name(network: torch.nn.Module, purpose: str) -> str:
    """Of a network's structure, whatever its weights. Two that share it share a lock and archives, and no more."""
    import torch

    shapes = [f"{name} {tuple(value.shape)} {value.dtype}" for name, value in network.state_dict().items()]
    return _digest([purpose, str(torch.get_num_threads()), repr(network), *shapes])


def _digest(facts: list[str]) -> str:
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:32]


def _files(directory: Path) -> set[str]:
    """What can be of use to another process, by its path from `directory`."""
    found = (file.relative_to(directory) for file in directory.rglob("*") if file.is_file())
    return {str(file) for file in found if file.parts[0] not in UNSHARED and not file.name.startswith(".")}


def _pack(names: list[str], target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.write(own_cache() / name, name)


def _unpack(content: bytes) -> None:
    """Add to this process's cache what it does not hold; what it holds may be loaded, and must not change."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            if not (own_cache() / name).exists():
                archive.extract(name, own_cache())
            _shared.add(name)
