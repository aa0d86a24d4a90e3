"""The rows of Table 1, in numbers: generators, and what the set metrics say of their images."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from pigbench.results.conditioning import Likeness, agreements
from pigbench.results.group import Group
from pigbench.results.measured import FidelityRun
from pigbench.results.pool import Estimate, over_folds
from pigbench.results.progress import Progress, progress_of, size_of

CLIPPED = "clipped_fraction"
"""What is told of generated images besides the metrics: the share of their pixels beyond the range."""


def floor_of(metric: str) -> str:
    """The name of a set metric's floor: what real training images have in the generated ones' place."""
    return f"{metric}_floor"


@dataclass(frozen=True)
class GeneratorRow:
    """One generator at one n, trained on all patients of a fold's training set or on so many of them.

    metrics: by name, the mean over folds of the folds' values, of the set metrics, of their floors (`floor_of`) and of
    `CLIPPED`; empty if it failed. A metric that was refused in a fold has no number. network: whose networks it samples
    from: its own, or, where it borrows all of them as DDIM does, its lender's. agreement: of its pairs, with the first
    segmenter, see `judge_of`.
    """

    generator: str
    n: int
    extractor: str
    progress: Progress
    runs: tuple[FidelityRun, ...]
    train_patients: int | None = None
    agreement: Likeness | None = None
    sealed: bool = True
    control: bool = False
    network: str = ""
    metrics: dict[str, Estimate] = field(default_factory=dict)

    @property
    def ranked(self) -> bool:
        """Whether it may be the best: a generator, all of it there, made from training patients."""
        return self.progress.state == "complete" and self.sealed and not self.control

    @property
    def biased(self) -> set[str]:
        """The metrics that in any fold are mostly bias, as m is too small."""
        return {metric for run in self.runs for metric in run.biased}


def generator_rows(group: Group) -> list[GeneratorRow]:
    """Sorted by extractor, number of training patients, controls last, name and n."""
    together = defaultdict(list)
    for run in group.fidelity:
        together[run.extractor, size_of(run.train_patients), run.generator, run.n].append(run)
    metrics = list(group.held("set"))
    rows = [_generator_row(runs, group.folds, metrics) for _, runs in sorted(together.items())]
    about, networks = group.generators, _networks(group)
    agreement, judge = agreements(group), judge_of(group)
    rows = [
        replace(
            row,
            agreement=agreement.get((judge, (row.generator, row.n, row.train_patients))),
            sealed=about[row.generator].sealed,
            control=about[row.generator].control,
            network=networks[row.generator],
        )
        for row in rows
    ]
    return sorted(rows, key=lambda row: (row.extractor, size_of(row.train_patients), row.control))


def judge_of(group: Group) -> str:
    """The segmenter whose agreement Table 1 shows: the first by name; empty where none was measured."""
    return min((run.segmenter for run in group.agreements), default="")


def _networks(group: Group) -> dict[str, str]:
    """Whose networks each generator samples from, by label: those of one plugin and one size count as the same."""
    lenders: dict[str, str] = {}
    for label, info in group.generators.items():
        owners = {component.rpartition(".")[0] for component in info.image_passes}  # "" for a component of its own
        if len(owners) == 1 and (owner := owners.pop()):
            lenders[label] = owner
    found = {}
    for label, info in group.generators.items():
        owner = lenders.get(label, info.plugin)
        size = sorted(set(info.arithmetic.values()) - {None})  # type: ignore[type-var]
        found[label] = f"{owner} {size}" if owner in lenders.values() else label
    return found


def _generator_row(runs: list[FidelityRun], folds: int, metrics: Sequence[str]) -> GeneratorRow:
    first = runs[0]
    progress = progress_of(runs, folds)
    runs = [run for run in runs if not progress.leaves_out(run)]
    row = GeneratorRow(first.generator, first.n, first.extractor, progress, tuple(runs), first.train_patients)
    if row.progress.state == "failed":
        return row
    columns: dict[str, list[float | None]] = {CLIPPED: [run.clipped_fraction for run in runs]}
    for metric in metrics:
        columns[metric] = [run.values.get(metric) for run in runs]
        columns[floor_of(metric)] = [run.floors.get(metric) for run in runs]
        if any(metric in run.refused for run in runs):  # a mean over the other folds would pass for the whole
            columns[metric] = [None] * len(runs)
    names, values = list(columns), np.array(list(columns.values()), dtype=float).T  # None is NaN
    of_fold, of_seed = np.array([(run.fold, run.seed) for run in runs]).T
    means, spreads = over_folds(np.nan_to_num(values), np.isfinite(values).astype(int), of_fold, of_seed)
    return replace(
        row, metrics={name: Estimate(mean, sd) for name, mean, sd in zip(names, means, spreads, strict=True)}
    )
