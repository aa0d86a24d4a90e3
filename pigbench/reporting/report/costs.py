"""What a gain costs: seconds of training and sampling against Δ, and the arms that nothing cheaper beats."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, nan
from typing import TYPE_CHECKING

from pigbench.reporting.columns import Column
from pigbench.reporting.report.drawing import GREY, Drawing, drawn, logarithmic, name_points, spaced
from pigbench.reporting.report.forest import style_of
from pigbench.reporting.report.rows import differs
from pigbench.reporting.row_names import full_name
from pigbench.results import ArmRow, Group, cost_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Point = tuple[float, ArmRow]
"""Seconds a fold and the row that they made."""


def costs(group: Group, rows: Sequence[ArmRow], column: Column, segmenter: str) -> Drawing | None:
    """Of the rows with pairs beside real cases whose generator's seconds are known; None where there are not two."""
    took = _Took(group)
    shown = [row for row in rows if differs(row, column) and not row.about.is_control]
    points = [(seconds, row) for row in shown if (seconds := took(row)) is not None]
    if len(points) < 2:
        return None
    front = pareto(points, column)
    return Drawing(
        title=f"Cost against Δ {column.info.heading}, {segmenter}",
        caption=(
            "Seconds of one worker to train a fold's generator and sample its pairs, against what they change. Ringed: "
            "ranked, better than real only, and nothing cheaper is as good (the Pareto front)."
        ),
        svg=drawn(lambda figure: _paint(figure, points, front, column), max(3.2, spaced(len(points), 0.16))),
        headings=("Trained on", "seconds a fold", f"Δ {column.heading}", "on the front"),
        rows=tuple(
            (
                full_name(row),
                f"{seconds:.1f}",
                column.difference(row.metrics[column.name]),
                "yes" if row.arm in front else "no",
            )
            for seconds, row in points
        ),
    )


def pareto(points: Sequence[Point], column: Column) -> set[str]:
    """The ranked arms that beat real only, which costs nothing, and that no other beats at the same or a lower cost."""
    better = -1 if column.info.better == "lower" else 1
    gains = [(took, better * row.metrics[column.name].delta, row.arm) for took, row in points if row.ranked]
    return {
        arm
        for took, gain, arm in gains
        if gain > 0
        and not any(other <= took and more >= gain and (other, more) != (took, gain) for other, more, _ in gains)
    }


class _Took:
    """The seconds of one worker that a fold's pairs took."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.values = {row.what: row.values for row in cost_rows(group)}

    def __call__(self, row: ArmRow) -> float | None:
        """Of training the generator and sampling as many pairs as the arm has; None where they were not measured."""
        if row.generator is None:
            return None
        trained = any(self.group.generators[row.generator].image_passes.values())
        training = self._of("train", row.generator, "wall_s") if trained else 0.0
        sampled = max((run.offered or row.n for run in row.runs), default=row.n)  # a filter chooses from more
        seconds = training + sampled / self._of("sample", row.generator, "images_per_s")
        return seconds if isfinite(seconds) else None

    def _of(self, work: str, generator: str, value: str) -> float:
        return self.values.get(f"{work} {generator}", {}).get(value, nan) or nan


def _paint(figure: Figure, points: Sequence[Point], front: set[str], column: Column) -> None:
    axis, scale = figure.subplots(), column.info.scale
    axis.axhline(0, color=GREY, linewidth=0.8)
    for took, row in points:
        gain = scale * row.metrics[column.name].delta
        axis.plot(took, gain, linestyle="none", markersize=6, **style_of(row))
        if row.arm in front:
            axis.plot(took, gain, linestyle="none", marker="o", markersize=13, markerfacecolor="none", color=GREY)
    axis.set_xscale("log")
    logarithmic(axis.xaxis)
    axis.set_xlabel("seconds a fold")
    axis.set_ylabel(f"Δ {column.heading}")
    axis.margins(x=0.25, y=0.15)
    name_points(axis, [(full_name(row), took, scale * row.metrics[column.name].delta) for took, row in points])
