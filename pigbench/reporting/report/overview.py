"""Several datasets at once: generators down, protocols across, what pairs change in every cell."""

from __future__ import annotations

from collections.abc import Sequence

from pigbench.reporting.cells import Cell, Table
from pigbench.reporting.columns import Column, case_columns, differing
from pigbench.reporting.notes import said
from pigbench.reporting.numbers import ABSENT
from pigbench.reporting.report.rows import differs, usual, where
from pigbench.results import ArmRow, Summary
from pigbench.results.withdrawn import SUPERSEDED


def overview(summaries: Sequence[Summary]) -> Table | None:
    """Δ with its verdict, of each generator's largest n with all patients, mixed in the usual way, first segmenter.

    None for one protocol, which needs none; superseded ones do not count.
    """
    summaries = [summary for summary in summaries if summary.group.protocol_hash not in SUPERSEDED]
    if len(summaries) < 2:
        return None
    columns = [_cells(summary) for summary in summaries]
    generators = dict.fromkeys(name for cells in columns for name in cells)
    if not generators:
        return None
    return Table(
        title="Generators against datasets: Δ and its verdict",
        headings=("Generator", *map(where, summaries)),
        rows=tuple((Cell(name), *(Cell(cells.get(name, ABSENT)) for cells in columns)) for name in generators),
        notes=(
            "Δ of Dice, where it was measured, with its 95% interval by itself: of each generator's largest n, with "
            "all patients, mixed in the usual way; the first segmenter by name",
            *(f"{where(each)}: {line}" for each in summaries for line in said(each.group)),
        ),
    )


def _cells(summary: Summary) -> dict[str, str]:
    column = differing(case_columns(summary.group))
    first = min((row.segmenter for row in summary.arms), default="")
    chosen: dict[str, ArmRow] = {}
    for row in summary.arms:
        if row.segmenter == first and row.generator and not row.control and usual(row) and row.train_patients is None:
            known = chosen.setdefault(row.generator, row)
            chosen[row.generator] = max(known, row, key=lambda one: one.n)
    return {name: _told(row, column) for name, row in chosen.items()} if column else {}


def _told(row: ArmRow, column: Column) -> str:
    if row.progress.state == "failed":
        return "FAILED"
    told = column.difference(row.metrics[column.name]) if differs(row, column) else ABSENT
    return f"{told}\n{row.verdict or 'no verdict'}, n {row.n}"
