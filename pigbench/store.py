"""Artifacts by key: published by one rename, verified when consumed, never half-written.

<root>/artifacts/<stage>/<key>/   an artifact: its files and manifest.json
<root>/partial/<key>/             checkpoints of a stage that has not ended
<root>/pairs/<content>.json       where pairs given to `evaluate` lie
<root>/building/                  directories being written; whatever a crash leaves there is rubbish
<root>/uses/<hash>.json           which artifacts a run rests on, and what it was for (pigbench.uses)
<root>/leases/<key>               which run is at work on what, while it is
<root>/compiled/<machine>/        compiled code of networks (pigbench.compiled_code)
<root>/datasets/<name>/           registered datasets
<root>/records/                   what runs leave
<root>/reports/                   pictures that reports have drawn
<root>/studies.db                 studies of tuning, unless they are kept elsewhere
<root>/id                         what a cluster's workers know the store by
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pigbench.errors import PigbenchError
from pigbench.processes import lives, machine

MANIFEST = "manifest.json"
DAY = 86400.0
LARGE = 64 * 2**20
"""Bytes from which a file is not hashed each time it is consumed, if its size and time of change are as published."""


class Damaged(Exception):
    """An artifact whose bytes do not match their hashes. It has been set aside and must be computed again."""


@dataclass(frozen=True)
class Entry:
    """One artifact in the store."""

    stage: str
    key: str
    path: Path

    @property
    def manifest(self) -> dict[str, Any]:
        """What the artifact is: stage, key, spec, inputs, files with their hashes, cost, provenance."""
        return json.loads((self.path / MANIFEST).read_text(encoding="utf-8"))

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file())


class Store:
    """A directory of artifacts. Several processes may share it: who publishes second throws theirs away."""

    def __init__(self, root: Path) -> None:
        """Raises PigbenchError if `root` cannot be written."""
        self.root = Path(root).expanduser().absolute()
        try:
            for name in ("artifacts", "partial", "building"):
                (self.root / name).mkdir(parents=True, exist_ok=True)
            probe = self.root / "building" / f"probe-{uuid.uuid4().hex}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise PigbenchError(
                f"the store {root} cannot be written ({error.strerror}): choose another with --store"
            ) from None

    def entry(self, stage: str, key: str) -> Entry:
        """Where the artifact is, or would be."""
        return Entry(stage, key, self.root / "artifacts" / stage / key)

    def has(self, stage: str, key: str) -> bool:
        """Whether the artifact was published. Only a manifest is looked for; `open` verifies."""
        return (self.entry(stage, key).path / MANIFEST).is_file()

    def open(self, stage: str, key: str) -> Entry:
        """The artifact, its bytes verified against the manifest.

        Raises Damaged if there is none, or after setting a damaged one aside.
        """
        entry = self.entry(stage, key)
        if not self.has(stage, key):  # perhaps another worker has just set it aside
            raise Damaged(f"{stage} artifact {key[:12]} is not there; it will be computed again")
        fault = _fault(entry)
        if fault:
            self._set_aside(entry)
            raise Damaged(f"{stage} artifact {key[:12]}: {fault}; it will be computed again")
        return entry

    def manifest(self, stage: str, key: str) -> dict[str, Any]:
        """What an artifact is; its other files are not looked at. Raises Damaged as `open` does."""
        try:
            return self.entry(stage, key).manifest
        except (ValueError, OSError):
            return self.open(stage, key).manifest

    def partial(self, key: str) -> Path:
        """The directory for a stage's checkpoints; `publish` removes it."""
        directory = self.root / "partial" / key
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    @contextmanager
    def building(self) -> Iterator[Path]:
        """A fresh directory to write an artifact in; removed if it was not published."""
        directory = self.root / "building" / f"{os.getpid()}-{_here()}-{uuid.uuid4().hex}"
        directory.mkdir()
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def publish(self, stage: str, key: str, directory: Path, manifest: dict[str, Any]) -> Entry:
        """Make `directory` the artifact, by one rename, and drop the stage's checkpoints."""
        files = {str(file.relative_to(directory)): _hash(file) for file in _files(directory)}
        large = {name: _stamp(directory / name) for name in files if (directory / name).stat().st_size > LARGE}
        content = {"stage": stage, "key": key, "files": files, "large": large, **manifest}
        (directory / MANIFEST).write_text(json.dumps(content, indent=1, sort_keys=True), encoding="utf-8")
        for file in _files(directory):
            _flush(file)
        entry = self.entry(stage, key)
        entry.path.parent.mkdir(parents=True, exist_ok=True)
        if entry.path.exists() and not self.has(stage, key):  # what is left of a deletion that was cut short
            self._set_aside(entry)
        try:
            directory.rename(entry.path)
        except OSError:
            if not self.has(stage, key):  # a full disk or a lost mount, not a rival who came first
                raise
        shutil.rmtree(self.root / "partial" / key, ignore_errors=True)
        return entry

    def entries(self) -> Iterator[Entry]:
        """Every published artifact, by stage and key."""
        for manifest in sorted((self.root / "artifacts").glob(f"*/*/{MANIFEST}")):
            yield Entry(manifest.parent.parent.name, manifest.parent.name, manifest.parent)

    def verify(self) -> Iterator[tuple[Entry, str]]:
        """Every artifact with its fault, empty if it is whole. Nothing is changed."""
        for entry in self.entries():
            yield entry, _fault(entry, thoroughly=True)

    def rubbish(self) -> list[Path]:
        """What crashed processes and damaged artifacts left behind."""
        left = [path for path in (self.root / "building").iterdir() if not _owner_lives(path)]
        return left + list((self.root / "artifacts").glob("*/*.damaged-*"))

    def remove(self, path: Path) -> None:
        """Delete a directory of the store, renamed first: what is cut short is rubbish, not half an artifact."""
        doomed = self.root / "building" / f"0-{uuid.uuid4().hex}"
        with suppress(FileNotFoundError):
            path.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)

    def _set_aside(self, entry: Entry) -> None:
        with suppress(FileNotFoundError):  # another worker was quicker
            entry.path.rename(entry.path.with_name(f"{entry.key}.damaged-{uuid.uuid4().hex[:8]}"))


def _files(directory: Path) -> list[Path]:
    return sorted(file for file in directory.rglob("*") if file.is_file())


def _hash(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _flush(file: Path) -> None:
    with file.open("rb") as stream:
        os.fsync(stream.fileno())


def _stamp(file: Path) -> list[int]:
    """A file's size in bytes and the nanosecond it was last written."""
    status = file.stat()
    return [status.st_size, status.st_mtime_ns]


def _fault(entry: Entry, *, thoroughly: bool = False) -> str:
    """What is wrong with an artifact's bytes; empty if nothing is. thoroughly: hash the large files whatever."""
    try:
        manifest = entry.manifest
        expected, large = manifest["files"], {} if thoroughly else manifest.get("large", {})
    except (ValueError, KeyError, OSError):
        return "its manifest cannot be read"
    for name, known in expected.items():
        file = entry.path / name
        if not file.is_file():
            return f"{name} is missing"
        if _stamp(file) != large.get(name) and _hash(file) != known:
            return f"{name} does not match its hash"
    return ""


def _here() -> str:
    """This machine in a few letters, for names of directories."""
    return hashlib.sha256(machine().encode()).hexdigest()[:8]


def _owner_lives(building: Path) -> bool:
    """Whether the process that made a building directory still runs; another machine's does, for a day."""
    process, _, rest = building.name.partition("-")
    if not process.isdecimal() or process == "0":
        return False
    if rest.startswith(_here()):
        return lives(int(process))
    return time.time() - building.stat().st_mtime < DAY
