"""Curves of an arm's score: by the number of patients, of pairs, and by their share of a batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pigbench.metrics.inference import CONFIDENCE
from pigbench.reporting.columns import Column
from pigbench.reporting.learning import draw_curve, points_of
from pigbench.reporting.numbers import ABSENT
from pigbench.reporting.report.drawing import GREY, Drawing, drawn, line_style
from pigbench.reporting.report.rows import differs, usual
from pigbench.reporting.row_names import made_by
from pigbench.results import ArmRow, Summary
from pigbench.results.naming import MIXED, of_patients, way_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def by_patients(summary: Summary, segmenter: str, column: Column) -> Drawing | None:
    """The learning curves of Table 3; None where there is one number of patients."""
    if segmenter not in summary.curves:
        return None
    lines = points_of(summary, segmenter)
    return Drawing(
        title=f"{column.info.heading} by number of training patients, {segmenter}",
        caption=(
            f"Bars: {CONFIDENCE:.0%} interval of the difference to real only of as many patients."
            + (" What pairs are worth in patients stands in Table 3." if summary.curves[segmenter].worth else "")
        ),
        svg=drawn(lambda figure: draw_curve(figure.subplots(), summary, segmenter), 3.6),
        headings=("Trained on", "patients", column.heading, f"Δ [{CONFIDENCE:.0%}]"),
        rows=tuple(
            (
                name,
                f"{patients:.0f}",
                column.number(row.metrics[column.name].mean),
                column.difference(row.metrics[column.name]),
            )
            for name, points in lines.items()
            for patients, row in points
        ),
    )


def by_pairs(rows: Sequence[ArmRow], column: Column) -> Drawing | None:
    """Δ by the number of pairs, where a generator has several. `rows` share one segmenter, here and below."""
    return _of_differences(
        [row for row in rows if usual(row)], column, _Axis("number of pairs", lambda row: row.n, log=True)
    )


def by_share(rows: Sequence[ArmRow], column: Column) -> Drawing | None:
    """Δ by the synthetic part of a batch, where an arm has several."""
    mixed = [row for row in rows if row.about.use == MIXED]
    return _of_differences(mixed, column, _Axis("synthetic part of a batch, %", _share, each_n=True))


def by_use(rows: Sequence[ArmRow], column: Column) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]] | None:
    """A table of Δ: pairs down, ways to use them across. None where no pairs are used in several ways."""
    found: dict[str, dict[str, ArmRow]] = defaultdict(dict)
    for row in rows:
        if row.generator and not row.about.is_control:
            found[made_by(row)][way_of(row.about.use, row.about.share)] = row
    several = {name: ways for name, ways in found.items() if len(ways) > 1}
    if not several:
        return None
    headings = list(dict.fromkeys(way for ways in several.values() for way in ways))
    return ("Pairs", *headings), tuple(
        (name, *(_cell(ways[way], column) if way in ways else ABSENT for way in headings))
        for name, ways in several.items()
    )


@dataclass(frozen=True)
class _Axis:
    """What rows are drawn by. each_n: whether pairs of different n are lines of their own."""

    label: str
    of: Callable[[ArmRow], float | None]
    log: bool = False
    each_n: bool = False


def _of_differences(rows: Sequence[ArmRow], column: Column, axis: _Axis) -> Drawing | None:
    lines = {name: points for name, points in _lines(rows, column, axis).items() if len(points) > 1}
    if not lines:
        return None
    return Drawing(
        title=f"Δ {column.info.heading} by {axis.label.removesuffix(', %')}, {rows[0].segmenter}",
        caption=f"Bars: {CONFIDENCE:.0%} interval of each row by itself.",
        svg=drawn(lambda figure: _paint(figure, lines, column, axis), 3.2),
        headings=("Pairs", axis.label, f"Δ {column.heading} [{CONFIDENCE:.0%}]"),
        rows=tuple(
            (name, f"{place:g}", column.difference(row.metrics[column.name]))
            for name, points in lines.items()
            for place, row in points
        ),
    )


def _lines(rows: Sequence[ArmRow], column: Column, axis: _Axis) -> Mapping[str, list[tuple[float, ArmRow]]]:
    found: dict[str, list[tuple[float, ArmRow]]] = defaultdict(list)
    for row in rows:
        place = axis.of(row)
        if place is not None and row.generator and row.about.stretch == 1 and differs(row, column):
            number = f"_{row.n}" if axis.each_n else ""
            found[f"{row.generator}{number}{of_patients(row.train_patients)}"].append((place, row))
    return {name: sorted(points, key=lambda point: point[0]) for name, points in found.items()}


def _paint(figure: Figure, lines: Mapping[str, list[tuple[float, ArmRow]]], column: Column, axis: _Axis) -> None:
    plot, scale = figure.subplots(), column.info.scale
    plot.axhline(0, color=GREY, linewidth=0.8)
    for number, (name, points) in enumerate(lines.items()):
        estimates = [row.metrics[column.name] for _, row in points]
        means = [scale * of.delta for of in estimates]
        below = [scale * (of.delta - of.low) for of in estimates]
        above = [scale * (of.high - of.delta) for of in estimates]
        at = [place * (1 + 0.012 * number) for place, _ in points]
        plot.errorbar(at, means, [below, above], capsize=3, label=name, **line_style(number))
    if axis.log:
        places = sorted({place for points in lines.values() for place, _ in points})
        plot.set_xscale("log", base=2)
        plot.set_xticks(places, [f"{place:g}" for place in places])
        plot.minorticks_off()
    plot.set_xlabel(axis.label)
    plot.set_ylabel(f"Δ {column.heading}")
    plot.legend(fontsize=8)


def _share(row: ArmRow) -> float | None:
    """In percent, a mean over fits; their natural share where none was chosen."""
    shares = [run.share for run in row.runs if run.share]
    return round(100 * sum(shares) / len(shares)) if shares else None


def _cell(row: ArmRow, column: Column) -> str:
    told = column.difference(row.metrics[column.name]) if row.metrics else "FAILED"
    return f"{told} {row.verdict}".strip()
