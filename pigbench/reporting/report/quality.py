"""Whether images that score better also help more: each measure of images against Δ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, nan
from typing import TYPE_CHECKING

from pigbench.metrics.inference import CONFIDENCE
from pigbench.reporting.columns import Column, set_columns
from pigbench.reporting.numbers import number
from pigbench.reporting.report.drawing import GREY, Drawing, drawn, name_points
from pigbench.reporting.report.forest import style_of
from pigbench.reporting.report.rows import differs, usual
from pigbench.reporting.row_names import made_by
from pigbench.reporting.verdict_notes import correlated
from pigbench.results import ArmRow, Summary
from pigbench.results.predictors import AGREEMENT, FEWEST, correlations

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KID = "kid"
Points = list[tuple[str, float, str, ArmRow]]
"""Whose pairs, the measure as it is drawn and as Table 1 has it, and the row that says what they do."""


def quality(summary: Summary, segmenter: str, column: Column) -> Drawing | None:
    """KID and agreement against Δ, a point for each generator's pairs; None where fewer than two have both."""
    panels = {label: points for label, points in _panels(summary, segmenter, column).items() if len(points) > 1}
    if not panels:
        return None
    return Drawing(
        title=f"Image measures against Δ {column.info.heading}, {segmenter}",
        caption=(
            "A point for each generator's pairs, marked by verdict as above; bars are intervals of Δ. "
            + _correlated(summary, segmenter)
        ),
        svg=drawn(lambda figure: _paint(figure, panels, column), 3.2),
        headings=("Pairs", "measure", "value", f"Δ {column.heading}"),
        rows=tuple(
            (name, label, told, column.difference(row.metrics[column.name]))
            for label, points in panels.items()
            for name, _, told, row in points
        ),
    )


def _correlated(summary: Summary, segmenter: str) -> str:
    known = {name: of for name, of in correlations(summary, segmenter).items() if name in (KID, AGREEMENT)}
    if not known:
        return f"No correlation is given: that takes at least {FEWEST} generators."
    return f"Rank correlation with {CONFIDENCE:.0%} intervals, descriptive: {correlated(known, summary.group)}."


def _panels(summary: Summary, segmenter: str, column: Column) -> dict[str, Points]:
    images = {(row.generator, row.n, row.train_patients): row for row in summary.generators if row.metrics}
    arms = [row for row in summary.arms if row.segmenter == segmenter and usual(row) and differs(row, column)]
    panels: dict[str, Points] = {}
    for kid in (of for of in set_columns(summary.group) if of.name == KID):
        of_images = [images.get((row.generator or "", row.n, row.train_patients)) for row in arms]
        values = [of.metrics[KID].mean if of else nan for of in of_images]
        panels[kid.heading] = _points(arms, values, kid.info.scale, kid.info.digits)
    agreements = [row.agreement.generated if row.agreement else nan for row in arms]
    return panels | {"agreement %": _points(arms, agreements, 100, 1)}


def _points(arms: Sequence[ArmRow], values: Sequence[float], scale: float, digits: int) -> Points:
    return [
        (made_by(row), scale * value, number(value, scale, digits), row)
        for row, value in zip(arms, values, strict=True)
        if isfinite(value)
    ]


def _paint(figure: Figure, panels: Mapping[str, Points], column: Column) -> None:
    scale = column.info.scale
    for axis, (label, points) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        axis.axhline(0, color=GREY, linewidth=0.8)
        for _, value, _, row in points:
            estimate = row.metrics[column.name]
            below, above = estimate.delta - estimate.low, estimate.high - estimate.delta
            style = style_of(row)
            axis.errorbar(
                value, scale * estimate.delta, [[scale * below], [scale * above]], capsize=2, linewidth=0.9, **style
            )
        axis.set_xlabel(label)
        axis.set_ylabel(f"Δ {column.heading}")
        axis.margins(x=0.2)
        name_points(axis, [(name, value, scale * row.metrics[column.name].delta) for name, value, _, row in points])
