"""What a stage is given, and the readings of its inputs that several stages share."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import numpy as np

from pigbench import stages
from pigbench.contracts import TrainView
from pigbench.store import Entry

if TYPE_CHECKING:
    import torch

    from pigbench.data.prepare import Prepared
    from pigbench.training import Loop, OptimiserSettings

Progress = Callable[[float, str], None]
S = TypeVar("S")


class StageFailed(Exception):
    """The stage cannot give a result, for a reason that belongs in the tables."""


@dataclass
class Job(Generic[S]):
    """One stage at work.

    spec: the stage's own. inputs: verified artifacts by role. dataset, store: where a source's files
    are found (not keyed). directory: to write the artifact's files in. checkpoints: for what a killed stage resumes
    from, written every `interval` seconds. progress: called with the share done (0 to 1) and a short text.
    """

    spec: S
    inputs: dict[str, Entry]
    dataset: str
    store: Path
    directory: Path
    checkpoints: Path
    interval: float
    progress: Progress

    def result(self, role: str) -> Any:
        """An input artifact, opened as its stage's Result."""
        entry = self.inputs[role]
        return stages.find(entry.stage).Result(entry.path)

    def results(self, role: str) -> list[Any]:
        """The inputs `role:0`, `role:1`, …, in order."""
        return [self.result(f"{role}:{i}") for i in range(sum(r.startswith(f"{role}:") for r in self.inputs))]

    @cached_property
    def prepared(self) -> Prepared:
        """The prepared dataset, memory-mapped."""
        return self.result("prepared").prepared

    @cached_property
    def folds(self) -> list[list[str]]:
        """The held-out patients of each fold."""
        return self.result("split").held_out

    @property
    def held_out(self) -> list[str]:
        """The patients of this fold's test set."""
        return self.folds[self.spec.fold]  # type: ignore[attr-defined]

    @property
    def train_patients(self) -> list[str]:
        """The patients of this fold's training set, or of the subset of it that the spec asks for, sorted."""
        from pigbench.data.splits import subset

        held_out = set(self.held_out)
        others = {patient for fold in self.folds for patient in fold} - held_out
        seed = self.inputs["split"].manifest["spec"]["seed"]
        return subset(others, self.spec.train_patients, seed, self.spec.fold)  # type: ignore[attr-defined]

    def train_view(self) -> TrainView:
        """A copy of the training cases, sealed."""
        dataset = self.inputs["prepared"].manifest["spec"]["dataset"]
        return self.prepared.view(self.train_patients, dataset)

    @property
    def device(self) -> str:
        """Where networks run; on a CPU one thread, so that the core count cannot change a number."""
        import torch

        numerics = self.spec.numerics  # type: ignore[attr-defined]
        if numerics.threads:
            torch.set_num_threads(numerics.threads)
        return numerics.device

    def autocast(self) -> torch.autocast:
        """The precision of this stage's inference."""
        import torch

        low = self.spec.numerics.precision == "bfloat16"  # type: ignore[attr-defined]
        return torch.autocast(self.device, dtype=torch.bfloat16, enabled=low)

    def loop(
        self, settings: OptimiserSettings, steps: int, path: tuple[str | int, ...], ema: float | Literal[False] = False
    ) -> Loop:
        """The training loop of a network, with this stage's device, precision, checkpoints and progress."""
        from pigbench.training import Loop

        numerics = self.spec.numerics  # type: ignore[attr-defined]
        return Loop(
            settings,
            steps,
            path,
            ema=ema,
            device=self.device,
            precision=numerics.precision,
            compiled=numerics.compile,
            checkpoints=self.checkpoints,
            interval=self.interval,
            progress=lambda step, steps, loss: self.progress(step / steps, f"loss {loss:.4f}"),
        )

    def kept(self, name: str, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """What `make` gives, or what it gave before the stage was killed: a part that need not be made twice."""
        file = self._kept_file(name)
        try:
            with np.load(file) as arrays:
                return dict(arrays)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):  # none yet, or one cut short
            made = make()
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        new = self.checkpoints / f"{name}.{os.getpid()}.new.npz"
        try:
            np.savez(new, allow_pickle=False, **made)
            new.replace(file)
        finally:
            new.unlink(missing_ok=True)
        return made

    def has_kept(self, name: str) -> bool:
        """Whether an earlier attempt left that part."""
        return self._kept_file(name).is_file()

    def _kept_file(self, name: str) -> Path:
        return self.checkpoints / f"{name}.npz"

    def write_json(self, name: str, content: Any) -> None:
        """Write a JSON file into the artifact."""
        (self.directory / name).write_text(json.dumps(content), encoding="utf-8")


def read_json(path: Path) -> Any:
    """The content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))
