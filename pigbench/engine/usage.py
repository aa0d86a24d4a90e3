"""What a stage takes, over all its attempts: a killed one has cost its time too."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

NOTED_EVERY = 10.0  # seconds, so much of a killed attempt's time goes unrecorded at most


@dataclass(frozen=True)
class Cost:
    """Seconds and peak memory (MiB) that a stage took. gpu_s: wall clock while a GPU was held; 0 on a CPU."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    gpu_s: float = 0.0
    gpu_peak_mib: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            round(self.wall_s + other.wall_s, 3),
            round(self.cpu_s + other.cpu_s, 3),
            max(self.peak_mib, other.peak_mib),
            round(self.gpu_s + other.gpu_s, 3),
            max(self.gpu_peak_mib, other.gpu_peak_mib),
        )


class Meter:
    """Measures from entering the block on. `kept`: the directory for what a killed stage resumes from."""

    def __init__(self, kept: Path, *, on_gpu: bool) -> None:
        self._on_gpu = on_gpu
        self._file = kept / f"cost-{uuid.uuid4().hex}.json"

    def __enter__(self) -> Meter:
        forget_peaks(self._on_gpu)
        self._wall, self._cpu = time.monotonic(), _cpu_seconds()
        self._noted = self._wall
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind:
            self._write()

    def note(self) -> bool:
        """Called often: now and then, leave word of the cost so far for the next attempt; whether it did."""
        due = time.monotonic() - self._noted > NOTED_EVERY
        if due:
            self._noted = time.monotonic()
            self._write()
        return due

    def cost(self) -> Cost:
        """The cost so far, earlier attempts included."""
        total = self._own()
        for file in self._file.parent.glob("cost-*.json"):
            if file != self._file:
                with contextlib.suppress(OSError, ValueError, TypeError):  # cut short
                    total += Cost(**json.loads(file.read_text(encoding="utf-8")))
        return total

    def _own(self) -> Cost:
        wall, cpu = round(time.monotonic() - self._wall, 3), round(_cpu_seconds() - self._cpu, 3)
        of_gpu = (wall, round(gpu_peak_mib(), 1)) if self._on_gpu else ()
        return Cost(wall, cpu, round(peak_mib(), 1), *of_gpu)

    def _write(self) -> None:
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(json.dumps(asdict(self._own())), encoding="utf-8")


def _cpu_seconds() -> float:
    """What this process and the ended ones it started have used."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def forget_peaks(on_gpu: bool) -> None:
    """Start the peaks anew, where the system lets us (Linux); elsewhere the peak is the process's so far."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    if on_gpu:
        import torch

        torch.cuda.reset_peak_memory_stats()


def peak_mib() -> float:
    """The most memory that this process has held since its peaks were forgotten."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024
    except (OSError, IndexError, ValueError):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (1024**2 if sys.platform == "darwin" else 1024)


def gpu_peak_mib() -> float:
    """As `peak_mib`, of a GPU's memory."""
    import torch

    return torch.cuda.max_memory_allocated() / 2**20
