"""Table 3: the learning curve, and what pairs are worth in patients; also as a figure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import isfinite, isinf
from pathlib import Path
from typing import Any

from pigbench.metrics.inference import CONFIDENCE
from pigbench.metrics.worth import LEAST_SIZES, Worth
from pigbench.reporting.cells import Cell, Table
from pigbench.reporting.columns import Column, case_columns, differing
from pigbench.reporting.notes import control_note
from pigbench.reporting.numbers import ABSENT
from pigbench.reporting.report.drawing import line_style
from pigbench.reporting.row_names import of_part, shown
from pigbench.reporting.verdict_notes import uncovered_luck
from pigbench.results import ArmRow, Group, Summary, signature
from pigbench.results.learning import Curve
from pigbench.results.naming import MIXED, details, row_name

Lines = dict[str, dict[int | None, ArmRow]]
"""By name without the number of patients: the row of each number."""


def curve_table(group: Group, rows: Sequence[ArmRow], curve: Curve) -> Table | None:
    """Table 3. `rows` share the curve's segmenter; None where the deciding metric was not measured."""
    column = differing(case_columns(group))
    if column is None:
        return None
    lines = _lines(rows)
    sizes = _sizes(group, lines)
    headings = [f"{size} patients" if size else f"all ({number:.0f})" for size, number in sizes.items()]
    return Table(
        title=f"Table 3{of_part(group)}. {column.info.heading} by number of training patients, {rows[0].segmenter}, %",
        headings=("Trained on", *headings),
        rows=tuple(_rows(lines, list(sizes), curve, column, _beyond(group, curve))),
        notes=tuple(_notes(group, rows, curve)),
        signature=signature(group, [column.name], list(rows)),
        number=3,
    )


def _rows(
    lines: Lines, sizes: Sequence[int | None], curve: Curve, column: Column, beyond: str
) -> Iterable[tuple[Cell, ...]]:
    for name, of in lines.items():
        scores = [column.number(of[size].metrics[column.name].mean) if size in of else ABSENT for size in sizes]
        yield tuple(map(Cell, (name, *scores)))
        worth = [curve.worth.get(of[size].arm) if size in of else None for size in sizes]
        if any(worth):
            cells = (told(one, beyond) if one else ABSENT for one in worth)
            yield tuple(map(Cell, (f"{name}: worth in patients", *cells)))


def told(worth: Worth, beyond: str = "more than all") -> str:
    """Such as "14 [9, 25]"; `beyond` or "none" alone where all of the interval is beyond an end of the curve."""
    point, low, high = (
        beyond if isinf(patients) else f"{patients:.0f}" if patients else "none"
        for patients in (worth.patients, worth.low, worth.high)
    )
    return point if point == low == high else f"{point} [{low}, {high}]"


def _beyond(group: Group, curve: Curve) -> str:
    """What is beyond the curve's greatest number of patients."""
    most = curve.sizes[-1]
    return "more than all" if most >= group.train_patients else f"more than {most:.0f}"


def _notes(group: Group, rows: Sequence[ArmRow], curve: Curve) -> Iterable[str]:
    if len(set(curve.sizes)) < LEAST_SIZES:
        yield f"what pairs are worth in patients takes {LEAST_SIZES} numbers of patients or more"
    else:
        yield from _notes_on_worth(group, rows, curve)
    yield from control_note(shown(row) for row in rows if row.control and row.on_curve)
    if left_out := [shown(row) for row in rows if not row.on_curve]:
        yield f"left out (incomplete, NOT CONDITIONED, pairs alone, or more steps): {'; '.join(left_out)}"
    if any(row.about.use == MIXED and row.about.share is None for row in rows):
        yield (
            "the fewer the patients, the larger the pairs' part of a batch (see Table 2); --use mix:0.25 keeps it the "
            "same"
        )


def _notes_on_worth(group: Group, rows: Sequence[ArmRow], curve: Curve) -> Iterable[str]:
    beyond, least, most = _beyond(group, curve), curve.sizes[0], curve.sizes[-1]
    all_there_are = f"; more than all: more than the {most:.0f} there are" if beyond == "more than all" else ""
    yield (
        "worth: how many real patients real only would need for the same score, read off its own curve (made monotone, "
        f"over the logarithm of their number); none: fewer than {least:.0f}{all_there_are}"
    )
    over = "test patients"
    over += " and the luck of training segmenters" if "segmenter" in curve.covers else " only, so too narrow"
    over += " and generators" if "generator" in curve.covers else ""
    yield (
        f"in brackets {CONFIDENCE:.0%} intervals over {over}; they are conditional on the order in which patients were "
        "added: another order would give another curve"
    )
    yield from uncovered_luck(group, [row for row in rows if row.arm in curve.worth])


def _sizes(group: Group, lines: Lines) -> dict[int | None, float]:
    """The numbers of training patients, as rows name them and as they are, ascending."""
    found = {size: float(size or group.train_patients) for of in lines.values() for size in of}
    return dict(sorted(found.items(), key=lambda one: (one[1], one[0] is None)))


def _lines(rows: Sequence[ArmRow]) -> Lines:
    found: Lines = defaultdict(dict)
    for row in rows:
        if row.on_curve:
            about = row.about
            name = row_name(about).replace(details(about.train_patients, about.use, about.share), "")
            found[name + details(None, about.use, about.share)][row.train_patients] = row
    return found


def draw_curves(summaries: Sequence[Summary], path: Path) -> None:
    """Write the learning curves as a figure, whose format is that of the file's name: real only and each generator's.

    Bars are the 95 % intervals of the difference to as many real patients.
    """
    from matplotlib.figure import Figure

    drawn = [(summary, segmenter) for summary in summaries for segmenter in summary.curves]
    figure = Figure(figsize=(5.5 * len(drawn), 4), layout="constrained")
    for axis, (summary, segmenter) in zip(figure.subplots(1, len(drawn), squeeze=False)[0], drawn, strict=True):
        draw_curve(axis, summary, segmenter)
    figure.savefig(path)


def points_of(summary: Summary, segmenter: str) -> dict[str, list[tuple[float, ArmRow]]]:
    """What is drawn: by name, the number of training patients and the row of each point."""
    rows = [row for row in summary.arms if row.segmenter == segmenter]
    lines = _lines(rows)
    at = _sizes(summary.group, lines)
    return {name: [(at[size], row) for size, row in of.items()] for name, of in lines.items()}


def draw_curve(axis: Any, summary: Summary, segmenter: str) -> None:
    """Draw one segmenter's learning curves on an axis."""
    curve, group = summary.curves[segmenter], summary.group
    column = differing(case_columns(group))
    assert column is not None, "a curve has a metric"
    for number, (name, points) in enumerate(points_of(summary, segmenter).items()):
        estimates = [row.metrics[column.name] for _, row in points]
        means = [column.info.scale * estimate.mean for estimate in estimates]
        widths = [estimate.high - estimate.low for estimate in estimates]
        halves = [column.info.scale * width / 2 if isfinite(width) else 0.0 for width in widths]
        at = [size * 2 ** (0.02 * number) for size, _ in points]  # side by side
        axis.errorbar(at, means, halves, capsize=3, label=name, **line_style(number))
    axis.set_xscale("log", base=2)
    axis.set_xticks(list(curve.sizes), [f"{size:.0f}" for size in curve.sizes])
    axis.set_xlabel("training patients")
    axis.set_ylabel(column.heading)
    part = f", {group.part.name} lesions" if group.part and group.part.areas else of_part(group)
    axis.set_title(f"{group.dataset.name}, {group.preset}, {segmenter}{part}", fontsize=10)
    axis.legend(fontsize=8, title_fontsize=8, title=f"bars: {CONFIDENCE:.0%} interval of Δ")
