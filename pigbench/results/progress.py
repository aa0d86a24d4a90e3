"""How much of a row of the tables is there, and how rows are sorted by the number of training patients.

A repeat is a seed, or one of several trainings with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Literal

from pigbench.results.measured import FidelityRun, Fit

Repeat = tuple[int, int]
"""A seed and the number of a training."""


@dataclass(frozen=True)
class Progress:
    """How much of a row is there: `folds` of `of` done with every one of `seeds`, each trained `trainings` times.

    failures: (fold, seed, reason). left_out: the repeats that do not count, and how many folds of each are there.
    """

    folds: int
    of: int
    seeds: tuple[int, ...]
    trainings: int = 1
    failures: tuple[tuple[int, int, str], ...] = ()
    left_out: tuple[tuple[Repeat, int], ...] = ()

    def leaves_out(self, run: FidelityRun | Fit) -> bool:
        """Whether a run belongs to a repeat that does not count."""
        return repeat_of(run) in dict(self.left_out)

    @property
    def state(self) -> Literal["complete", "partial", "failed"]:
        """`failed` if any fold failed, `partial` if some are merely not there. Only complete rows are ranked."""
        if self.failures:
            return "failed"
        return "complete" if self.folds == self.of else "partial"


def repeat_of(run: FidelityRun | Fit) -> Repeat:
    """Which repeat a run belongs to."""
    return run.seed, getattr(run, "training", 0)


def progress_of(runs: Sequence[FidelityRun | Fit], folds: int) -> Progress:
    """How much of a row these runs make."""
    left_out = _incomplete(runs, folds)
    runs = [run for run in runs if repeat_of(run) not in left_out]
    repeats = {repeat_of(run) for run in runs}
    seeds = tuple(sorted({seed for seed, _ in repeats}))
    done = {(run.fold, *repeat_of(run)) for run in runs if run.status == "ok"}
    failures = sorted((run.fold, run.seed, run.reason) for run in runs if run.status == "failed")
    whole = sum(all((fold, *repeat) in done for repeat in repeats) for fold in {fold for fold, *_ in done})
    trainings = max(sum(seed == one for one, _ in repeats) for seed in seeds)
    return Progress(whole, folds, seeds, trainings, tuple(failures), tuple(sorted(left_out.items())))


def _incomplete(runs: Sequence[FidelityRun | Fit], folds: int) -> dict[Repeat, int]:
    """The repeats that lack folds, with the number that each has, where others are there as a whole and none failed.

    Counted in, they would take a row's folds away, and give their cases more weight than others.
    """
    done: dict[Repeat, set[int]] = defaultdict(set)
    for run in runs:
        done[repeat_of(run)].add(run.fold)
    there = {repeat: len(of) for repeat, of in done.items()}
    if folds not in there.values() or any(run.status == "failed" for run in runs):
        return {}
    return {repeat: count for repeat, count in there.items() if count < folds}


def size_of(train_patients: int | None) -> float:
    """What rows are sorted by; all patients come last."""
    return inf if train_patients is None else train_patients
