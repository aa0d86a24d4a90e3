"""Δ in parts of the cases: thirds by lesion size, or class by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pigbench.metrics.inference import CONFIDENCE
from pigbench.reporting.columns import Column
from pigbench.reporting.report.drawing import GREY, Drawing, drawn, line_style, spaced
from pigbench.reporting.report.rows import differs
from pigbench.reporting.row_names import shown
from pigbench.results import ArmRow, Summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Rows = dict[str, list[tuple[str, ArmRow]]]
"""By arm, each part's name and row."""


def by_part(parts: Sequence[Summary], segmenter: str, column: Column, what: str) -> Drawing | None:
    """Of the arms with a generator's pairs, controls apart. parts: of one protocol. what: `lesion size` or `class`."""
    rows = _rows(parts, segmenter, column)
    if not rows:
        return None
    return Drawing(
        title=f"Δ {column.info.heading} by {what}, {segmenter}",
        caption=f"Bars: {CONFIDENCE:.0%} interval of each by itself; no verdicts are given on parts.",
        svg=drawn(lambda figure: _paint(figure, rows, column), spaced(sum(len(of) for of in rows.values()), 0.2)),
        headings=("Trained on", what, column.heading, f"Δ [{CONFIDENCE:.0%}]"),
        rows=tuple(
            (name, part, column.number(row.metrics[column.name].mean), column.difference(row.metrics[column.name]))
            for name, of in rows.items()
            for part, row in of
        ),
    )


def _rows(parts: Sequence[Summary], segmenter: str, column: Column) -> Rows:
    found: Rows = {}
    for summary in parts:
        for row in summary.arms:
            wanted = row.segmenter == segmenter and row.generator and not row.control
            if wanted and summary.group.part and differs(row, column):
                found.setdefault(shown(row), []).append((summary.group.part.name, row))
    return found


def _paint(figure: Figure, rows: Mapping[str, list[tuple[str, ArmRow]]], column: Column) -> None:
    axis, scale = figure.subplots(), column.info.scale
    axis.axvline(0, color=GREY, linewidth=0.8)
    parts = list(dict.fromkeys(part for of in rows.values() for part, _ in of))
    names, place = [], 0
    for name, of in rows.items():
        for part, row in of:
            estimate, style = row.metrics[column.name], line_style(parts.index(part))
            axis.plot(
                [scale * estimate.low, scale * estimate.high], [place, place], color=style["color"], linewidth=1.4
            )
            axis.plot(scale * estimate.delta, place, linestyle="none", markersize=5.5, **style)
            names.append(f"{name}, {part}")
            place += 1
    axis.set_yticks(range(place), names)
    axis.set_ylim(place - 0.4, -0.6)
    axis.set_xlabel(f"Δ {column.heading}")
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
