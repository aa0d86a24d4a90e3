"""Processes: what this machine has for them, how they compute, which still live, and that none outlives its parent."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import platform
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from pathlib import Path
from types import ModuleType

SINGLE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
"""The environment in which a worker's libraries compute in one thread; they read it when they are imported."""


M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's mallopt


def keep_freed_memory() -> None:
    """Have this process keep up to 1 GiB of what it frees, as a network wants the same memory at every step.

    By default glibc returns large blocks to the kernel, which zeroes them anew when they are wanted: a tenth of a small
    network's time on a CPU, and half of it under Dask's nanny, which asks for that. Elsewhere this does nothing.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt:
        mallopt(M_MMAP_THRESHOLD, 32 * 2**20)  # the most that every version takes
        mallopt(M_TRIM_THRESHOLD, 2**30)


def cores() -> int:
    """How many processors this process may use; a cluster's allocation or `taskset` may leave it fewer than exist."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine() -> str:
    """This machine, or container, since it started: where the number of a process means something."""
    try:
        started = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{platform.node()} {started} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return platform.node()


def hardware(*, with_gpu: bool) -> str:
    """What computes here, as the system names it: "AMD EPYC", or "AMD EPYC with NVIDIA H200"."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        processor = platform.processor() or platform.machine()
    if not with_gpu:
        return processor
    import torch

    return f"{processor} with {torch.cuda.get_device_name()}"


def instructions() -> str:
    """The widest vector instructions of this processor, "" where it does not say: networks give other last digits."""
    try:
        known = set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    except OSError:
        return ""
    return next((name for flag, name in (("avx512f", "avx512"), ("avx2", "avx2")) if flag in known), "")


def processor_features() -> str:
    """The processor's model and everything that it can, as the system says it: code may be compiled for all of that."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    told = {line.strip() for line in lines if line.startswith(("model", "cpu family", "stepping", "flags", "Features"))}
    return "\n".join([platform.machine(), *sorted(told)])


def lives(process: int) -> bool:
    """Whether a process of this machine still runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def may_start_processes() -> bool:
    """Whether this process may have children; a daemonic one, as a Dask worker is, may not."""
    return not multiprocessing.current_process().daemon


@contextmanager
def without_main() -> Iterator[None]:
    """Within it, a process that multiprocessing spawns does not import this one's main module again.

    Ours need nothing of it. A script without `if __name__ == "__main__"` would be run once more by each of them, and
    one that was piped to Python cannot be read again.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def die_with_parent() -> None:
    """From now on this process, started by multiprocessing, ends when its parent does, however the parent ends."""
    threading.Thread(target=_await_parent, daemon=True).start()


def _await_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
