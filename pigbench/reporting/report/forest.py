"""The forest plot: what every arm changes, with its intervals and its verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pigbench.metrics.inference import CONFIDENCE
from pigbench.reporting.columns import Column
from pigbench.reporting.numbers import ABSENT
from pigbench.reporting.report.drawing import BLUE, GREY, INK, VERMILLION, Drawing, drawn, spaced
from pigbench.reporting.report.rows import differs
from pigbench.reporting.row_names import full_name, shown
from pigbench.reporting.tables import verdict_of
from pigbench.results import ArmRow
from pigbench.results.verdicts import HELPS, HURTS, NOTHING_SHOWN

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLES: dict[str, dict[str, Any]] = {
    HELPS: {"color": BLUE, "marker": "o"},
    HURTS: {"color": VERMILLION, "marker": "s"},
    NOTHING_SHOWN: {"color": INK, "marker": "o", "markerfacecolor": "white"},
    "": {"color": GREY, "marker": "D", "markerfacecolor": "white"},
}
"""By verdict; shape and filling tell them apart without colour."""
CONTROL: dict[str, Any] = {"color": GREY, "marker": "X", "markerfacecolor": "white"}


def style_of(row: ArmRow) -> dict[str, Any]:
    """How a row is marked: by its verdict, or as a control."""
    return CONTROL if row.control else STYLES[row.verdict]


def forest(rows: Sequence[ArmRow], column: Column, title: str) -> Drawing | None:
    """Of the rows that have a difference; None where none has. `rows` share one segmenter."""
    compared = [row for row in rows if differs(row, column)]
    if not compared:
        return None
    return Drawing(
        title=title,
        caption=(
            f"Thick: {CONFIDENCE:.0%} interval of each row by itself. Thin, with caps: the simultaneous interval of "
            "the ranked rows, which verdicts go by; gains beyond its right cap are ruled out. Filled circle: helps. "
            "Filled square: hurts. Open circle: no difference shown. Open diamond: no verdict. Grey cross: a control."
        ),
        svg=drawn(lambda figure: _paint(figure, compared, column), spaced(len(compared))),
        headings=(
            *("Trained on", f"Δ {column.heading} [{CONFIDENCE:.0%}]", "simultaneous", "largest gain not ruled out"),
            *("verdict", "against"),
        ),
        rows=tuple(_told(row, column, rows) for row in compared),
    )


def _told(row: ArmRow, column: Column, rows: Sequence[ArmRow]) -> tuple[str, ...]:
    base = next((shown(other) for other in rows if other.arm == row.against), row.against)
    together = column.interval(*row.together) if row.together else ABSENT
    excluded = column.signed(row.together[1]) if row.together else ABSENT
    return full_name(row), column.difference(row.metrics[column.name]), together, excluded, verdict_of(row), base


def _paint(figure: Figure, rows: Sequence[ArmRow], column: Column) -> None:
    axis, scale = figure.subplots(), column.info.scale
    axis.axvline(0, color=GREY, linewidth=0.8)
    for place, row in enumerate(rows):
        estimate, style = row.metrics[column.name], style_of(row)
        if row.together:
            low, high = (scale * bound for bound in row.together)
            middle = (low + high) / 2
            axis.errorbar(middle, place, xerr=middle - low, color=style["color"], linewidth=0.9, capsize=3.5)
        bounds = [scale * estimate.low, scale * estimate.high]
        axis.plot(bounds, [place, place], color=style["color"], linewidth=2.6, solid_capstyle="butt")
        axis.plot(scale * estimate.delta, place, linestyle="none", markersize=6.5, **style)
    axis.set_yticks(range(len(rows)), [full_name(row) for row in rows])
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.set_xlabel(f"Δ {column.heading}")
    axis.grid(axis="x", color="#e4e4e4", linewidth=0.6)
    axis.set_axisbelow(True)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
