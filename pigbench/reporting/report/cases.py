"""Where segmenters fail: the distribution of a score over cases and patients, and lesions that are missed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pigbench.reporting.columns import Column
from pigbench.reporting.numbers import ABSENT
from pigbench.reporting.report.drawing import BLUE, INK, Drawing, drawn
from pigbench.reporting.row_names import shown
from pigbench.results import ArmRow, Group

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 20
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Spread:
    """An arm's scores, means over its trainings. cases, patients: one value each, unsorted. missed: the share of the
    cases with a lesion that score 0, a mean over trainings; NaN where no case's area is known."""

    name: str
    cases: np.ndarray
    patients: np.ndarray
    missed: float


def spreads(group: Group, rows: Sequence[ArmRow], column: Column) -> dict[str, Spread]:
    """By arm. rows: of one segmenter, complete, with scores of that metric."""
    trials = defaultdict(list)
    for trial in group.trials:
        if column.name in trial.scores:
            trials[trial.arm.arm, trial.run.segmenter].append(trial)
    found = {}
    for row in rows:
        own = trials[row.arm, row.segmenter]
        cases = np.concatenate([trial.cases for trial in own])
        scores = np.concatenate([trial.scores[column.name] for trial in own])
        found[row.arm] = _spread(shown(row), group, cases, scores, misses=column.info.better == "higher")
    return found


def _spread(name: str, group: Group, cases: np.ndarray, scores: np.ndarray, *, misses: bool) -> Spread:
    """misses: whether a score of 0 says that nothing was found."""
    there = np.isfinite(scores)
    cases, scores = cases[there], scores[there]
    by_case = _means(cases, scores)
    patient = group.tested.patient[list(by_case)]
    with_lesion = group.tested.area[cases] > 0
    return Spread(
        name,
        np.array(list(by_case.values())),
        np.array(list(_means(patient, np.array(list(by_case.values()))).values())),
        float((scores[with_lesion] == 0).mean()) if with_lesion.any() and misses else float("nan"),
    )


def _means(keys: np.ndarray, values: np.ndarray) -> dict[int, float]:
    of: dict[int, list[float]] = defaultdict(list)
    for key, value in zip(keys.tolist(), values.tolist(), strict=True):
        of[key].append(value)
    return {key: float(np.mean(each)) for key, each in of.items()}


def compared(spread: Spread, base: Spread, column: Column) -> Drawing:
    """Two arms' distributions over each other, by case and by patient."""
    both = {"by case": (base.cases, spread.cases), "by patient": (base.patients, spread.patients)}
    return Drawing(
        title=f"{column.info.heading} of {spread.name} beside {base.name}",
        caption=(
            f"Grey area: {base.name}. Blue line: {spread.name}. Means over trainings; vertical lines are medians."
            + _missed(base, spread)
        ),
        svg=drawn(lambda figure: _paint(figure, both, column), 2.5, arranged=False),
        headings=("Arm", "of", *(f"{100 * q:g} %" for q in QUANTILES), "nothing found"),
        rows=tuple(
            (arm.name, what, *map(column.number, np.quantile(values, QUANTILES)), _share(missed))
            for arm in (base, spread)
            for what, values, missed in (("cases", arm.cases, arm.missed), ("patients", arm.patients, np.nan))
        ),
    )


def _missed(base: Spread, spread: Spread) -> str:
    if not np.isfinite([base.missed, spread.missed]).all():
        return ""
    return f" Images with a lesion of which nothing is found: {_share(base.missed)} and {_share(spread.missed)}."


def _share(value: float) -> str:
    return f"{value:.1%}" if np.isfinite(value) else ABSENT


def _paint(figure: Figure, both: Mapping[str, tuple[np.ndarray, np.ndarray]], column: Column) -> None:
    scale = column.info.scale
    figure.subplots_adjust(left=0.07, right=0.98, bottom=0.19, top=0.97, wspace=0.16)
    for axis, (what, (base, arm)) in zip(figure.subplots(1, len(both)), both.items(), strict=True):
        bins = np.histogram_bin_edges(scale * np.concatenate([base, arm]), BINS)
        axis.hist(scale * base, bins, color="#dcdcdc", edgecolor="#767676", linewidth=0.6)
        axis.hist(scale * arm, bins, histtype="step", color=BLUE, linewidth=1.6)
        axis.axvline(scale * np.median(base), color=INK, linestyle=":", linewidth=1.2)
        axis.axvline(scale * np.median(arm), color=BLUE, linestyle="--", linewidth=1.2)
        axis.set_xlabel(f"{column.heading} {what}")
        axis.set_ylabel("cases" if what == "by case" else "patients")
