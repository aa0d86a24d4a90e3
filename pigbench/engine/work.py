"""One node at work: inputs verified, the stage run, its artifact published. Every engine's workers call this."""

from __future__ import annotations

import errno
import os
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pigbench import registry, stages
from pigbench.compiled_code import kept_in
from pigbench.engine.usage import Meter
from pigbench.errors import PigbenchError
from pigbench.processes import hardware
from pigbench.sources import source_hash
from pigbench.stages.job import Job, StageFailed
from pigbench.stages.node import Node
from pigbench.store import Damaged, Store

LIBRARIES = (
    "torch", "diffusers", "segmentation-models-pytorch", "albumentations", "torch-fidelity",
    "timm", "scikit-learn", "scipy", "numpy", "pillow",
)  # fmt: skip
"""Recorded beside every artifact, not keyed."""


@dataclass(frozen=True)
class Task:
    """A node as plain data, fit to travel to another process or machine."""

    stage: str
    key: str
    spec: dict[str, Any]
    inputs: dict[str, tuple[str, str]]
    label: str
    dataset: str
    store: str
    interval: float

    @classmethod
    def of(cls, node: Node, dataset: str, store: Path, interval: float) -> Task:
        """The task of a node."""
        inputs = {role: (other.stage, other.key) for role, other in node.inputs.items()}
        return cls(node.stage, node.key, node.spec, inputs, node.label, dataset, str(store), interval)


def attempt(task: Task, progress: Callable[[float, str], None]) -> tuple[str, Any]:
    """Perform a task; what it came to, as a message. A failure is (reason, where its traceback is).

    It is "failed" where the same task would fail again in the same way, "hindered" where that may pass.
    """
    try:
        perform(task, progress)
    except Damaged as damaged:
        return "damaged", str(damaged)
    except SourceChanged as change:
        return "hindered", (str(change), "")
    except (StageFailed, PigbenchError) as failure:
        return "failed", (str(failure), "")
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return "full", task.store
        return "hindered" if may_pass(error) else "failed", _explain(task, error)
    return "done", ""


class SourceChanged(StageFailed):
    """A plugin's source is no longer what the plan was made from."""


def may_pass(error: Exception) -> bool:
    """Whether it may go better the next time: there was no memory, or a file system or a network did not answer.

    A file that is missing will be missing again.
    """
    if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError | NotADirectoryError):
        return False
    if "allocate memory" in str(error):  # torch, of a CPU's
        return True
    names = {kind.__name__ for kind in type(error).__mro__}  # torch's own, without importing torch
    return isinstance(error, OSError | MemoryError) or "OutOfMemoryError" in names


def _explain(task: Task, error: Exception) -> tuple[str, str]:
    """What an unforeseen error says, and where its traceback was written."""
    where = ""
    with suppress(OSError, PigbenchError):
        log = Store(Path(task.store)).partial(task.key) / "error.txt"
        log.write_text(traceback.format_exc(), encoding="utf-8")
        where = f" (traceback in {log})"
    return f"{type(error).__name__}: {error}", where


def perform(task: Task, progress: Callable[[float, str], None]) -> None:
    """Run a task's stage and publish its artifact, unless someone already has.

    Raises what the stage raises, and store.Damaged for an input whose bytes do not match its manifest.
    """
    store = Store(Path(task.store))
    if store.has(task.stage, task.key):
        return
    _check_source(task)
    on_gpu = task.spec.get("numerics", {}).get("device", "cpu") != "cpu"
    with store.building() as directory, Meter(store.partial(task.key), on_gpu=on_gpu) as meter:

        def metered(share: float, text: str) -> None:
            if meter.note():
                with suppress(OSError):  # for `store gc` on another machine it would be rubbish after a day
                    os.utime(directory)
            progress(share, text)

        with kept_in(store):
            stages.find(task.stage).run(open_job(task, store, directory, metered))
        manifest = {
            "spec": task.spec,
            "inputs": {role: key for role, (_, key) in task.inputs.items()},
            "cost": asdict(meter.cost()),
            "hardware": hardware(with_gpu=on_gpu),
            "versions": library_versions(),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        store.publish(task.stage, task.key, directory, manifest)


def _check_source(task: Task) -> None:
    """Refuse a plugin whose source has changed since the plan was made: its result would lie under the old key."""
    for group, name, source in stages.find(task.stage).sources(task.spec):
        module = registry.find(group, name).target.partition(":")[0]
        if source_hash(module) != source:
            raise SourceChanged(f"the source of '{name}' has changed since this run began: run it again")


def open_job(task: Task, store: Store, directory: Path, progress: Callable[[float, str], None]) -> Job[Any]:
    """The job of a task, writing to `directory`. Raises store.Damaged for an input that does not match its manifest."""
    return Job(
        spec=stages.find(task.stage).Spec(**task.spec),
        inputs={role: store.open(stage, key) for role, (stage, key) in task.inputs.items()},
        dataset=task.dataset,
        store=Path(task.store),
        directory=directory,
        checkpoints=store.partial(task.key),
        interval=task.interval,
        progress=progress,
    )


def library_versions() -> dict[str, str]:
    """The installed versions of what computes our numbers."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
