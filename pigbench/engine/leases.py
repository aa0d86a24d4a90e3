"""Leases: what several runs on one store tell each other, so that none does what another is doing.

A lease is a file named by a node's key, touched every few seconds while its run lives. One that is not touched any
more, or whose process is gone from this machine, may be taken over. Leases only save work: two runs that compute the
same node publish the same artifact, and who comes second throws theirs away.
"""

from __future__ import annotations

import json
import os
import threading
import uuid
from contextlib import suppress
from pathlib import Path

from pigbench.processes import lives, machine

BEAT = 10.0  # seconds between two touches
EXPIRY = 60.0  # seconds without one after which a run is taken for dead


class Leases:
    """The leases of one run, kept alive from entering the block to leaving it."""

    def __init__(self, store: Path) -> None:
        self._directory = store / "leases"
        self._directory.mkdir(parents=True, exist_ok=True)
        self._owner = {"machine": machine(), "process": os.getpid(), "run": uuid.uuid4().hex}
        self._clock = self._directory / f".clock-{self._owner['run']}"
        self._held: set[str] = set()
        self._ended = threading.Event()
        self._beating = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Leases:
        now = self._now()
        for clock in self._directory.glob(".clock-*"):  # what killed runs left
            with suppress(FileNotFoundError):
                if now - clock.stat().st_mtime > EXPIRY:
                    clock.unlink()
        self._beating.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._beating.join()
        for key in list(self._held):
            self.release(key)
        self._clock.unlink(missing_ok=True)

    def take(self, key: str) -> bool:
        """Whether the node is now this run's to compute; False while another living run has it."""
        file = self._directory / key
        dead = _owner(file)
        if self._expired(file, dead):
            taken = file.with_name(f".expired-{uuid.uuid4().hex}")
            with suppress(FileNotFoundError):
                file.rename(taken)
                if _owner(taken) != dead:  # another run took it over first: this is its own
                    taken.rename(file)
                    return False
                taken.unlink()
        try:
            with file.open("x", encoding="utf-8") as lease:
                lease.write(json.dumps(self._owner))
        except FileExistsError:
            return False
        self._held.add(key)
        return True

    def release(self, key: str) -> None:
        """Others may have the node, unless they already do."""
        self._held.discard(key)
        file = self._directory / key
        if _owner(file).get("run") == self._owner["run"]:
            file.unlink(missing_ok=True)

    def _expired(self, file: Path, owner: dict) -> bool:
        """Whether the run that holds the lease is dead: gone from this machine, or silent for too long."""
        try:
            touched = file.stat().st_mtime
        except FileNotFoundError:
            return False
        if owner.get("machine") == self._owner["machine"] and not lives(owner["process"]):
            return True
        return self._now() - touched > EXPIRY

    def _now(self) -> float:
        """The file system's time; other machines' clocks may differ from ours, the file server's is one."""
        self._clock.touch()
        return self._clock.stat().st_mtime

    def _beat(self) -> None:
        while not self._ended.wait(BEAT):
            for key in list(self._held):
                with suppress(OSError):
                    os.utime(self._directory / key)
            with suppress(OSError):
                self._clock.touch()


def _owner(file: Path) -> dict:
    """Who holds a lease; nothing if it is gone or still being written."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
