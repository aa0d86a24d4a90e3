"""What a gain costs: seconds of training and sampling against Δ, and the arms that nothing cheaper beats."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING

from pigbench.reporting.columns import Column
from pigbench.reporting.report.drawing import GREY, Drawing, drawn, logarithmic
from pigbench.reporting.report.forest import STYLES
from pigbench.reporting.report.rows import differs
from pigbench.reporting.row_names import shown
from pigbench.results import ArmRow, Group, cost_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Point = tuple[float, ArmRow]
"""Seconds a fold and the row that they made."""


def costs(group: Group, rows: Sequence[ArmRow], column: Column) -> Drawing | None:
    """Of the rows with pairs whose generator's seconds are known; None where there are not two."""
    seconds = _seconds(group)
    points = [(seconds[row.generator], row) for row in rows if row.generator in seconds and differs(row, column)]
    if len(points) < 2:
        return None
    front = pareto(points, column)
    return Drawing(
        title=f"Cost against Δ {column.info.heading}",
        caption=(
            "Seconds of one worker to train a fold's generator and sample its pairs, against what they change. Ringed: "
            "nothing cheaper is as good (the Pareto front)."
        ),
        svg=drawn(lambda figure: _paint(figure, points, front, column), 3.2),
        headings=("Trained on", "seconds a fold", f"Δ {column.heading}", "on the front"),
        rows=tuple(
            (
                shown(row),
                f"{took:.1f}",
                column.difference(row.metrics[column.name]),
                "yes" if row.arm in front else "no",
            )
            for took, row in points
        ),
    )


def pareto(points: Sequence[Point], column: Column) -> set[str]:
    """The arms that no other beats at the same or a lower cost."""
    gains = [(took, row.metrics[column.name].delta, row.arm) for took, row in points]
    return {
        arm
        for took, gain, arm in gains
        if not any((other <= took and better >= gain) and (other < took or better > gain) for other, better, _ in gains)
    }


def _seconds(group: Group) -> dict[str, float]:
    """Of training and sampling a fold, by generator, where both were measured or nothing is trained."""
    found: dict[str, float] = {}
    for row in cost_rows(group):
        work = row.what.partition(" ")[0]
        if row.generator and work in ("train", "sample") and isfinite(row.values.get("wall_s", float("nan"))):
            found[row.generator] = found.get(row.generator, 0.0) + row.values["wall_s"]
    return found


def _paint(figure: Figure, points: Sequence[Point], front: set[str], column: Column) -> None:
    axis, scale = figure.subplots(), column.info.scale
    axis.axhline(0, color=GREY, linewidth=0.8)
    for took, row in points:
        gain = scale * row.metrics[column.name].delta
        axis.plot(took, gain, linestyle="none", markersize=6, **STYLES[row.verdict])
        if row.arm in front:
            axis.plot(took, gain, linestyle="none", marker="o", markersize=13, markerfacecolor="none", color=GREY)
        axis.annotate(shown(row), (took, gain), (8, 4), textcoords="offset points", fontsize=7.5)
    axis.set_xscale("log")
    logarithmic(axis.xaxis)
    axis.set_xlabel("seconds a fold")
    axis.set_ylabel(f"Δ {column.heading}")
    axis.margins(x=0.25, y=0.15)
