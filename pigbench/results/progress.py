"""How much of a row of the tables is there, and how rows are sorted by the number of training patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Literal

from pigbench.results.measured import FidelityRun, Fit


@dataclass(frozen=True)
class Progress:
    """How much of a row is there: `folds` of `of` done with every one of `seeds`, each trained `trainings` times.

    failures: (fold, seed, reason).
    """

    folds: int
    of: int
    seeds: tuple[int, ...]
    trainings: int = 1
    failures: tuple[tuple[int, int, str], ...] = ()

    @property
    def state(self) -> Literal["complete", "partial", "failed"]:
        """`failed` if any fold failed, `partial` if some are merely not there. Only complete rows are ranked."""
        if self.failures:
            return "failed"
        return "complete" if self.folds == self.of else "partial"


def progress_of(runs: Sequence[FidelityRun] | Sequence[Fit], folds: int) -> Progress:
    """A repeat is a seed, or one of several trainings with it."""
    repeats = {(run.seed, getattr(run, "training", 0)) for run in runs}
    seeds = tuple(sorted({seed for seed, _ in repeats}))
    done = {(run.fold, run.seed, getattr(run, "training", 0)) for run in runs if run.status == "ok"}
    failures = sorted((run.fold, run.seed, run.reason) for run in runs if run.status == "failed")
    whole = sum(all((fold, *repeat) in done for repeat in repeats) for fold in {fold for fold, *_ in done})
    trainings = max(sum(seed == one for one, _ in repeats) for seed in seeds)
    return Progress(whole, folds, seeds, trainings, tuple(failures))


def size_of(train_patients: int | None) -> float:
    """What rows are sorted by; all patients come last."""
    return inf if train_patients is None else train_patients
