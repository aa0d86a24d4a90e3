"""Which rows a figure can show, and how it names protocols."""

from __future__ import annotations

from math import isfinite

from pigbench.reporting.columns import Column
from pigbench.results import ArmRow, Summary
from pigbench.results.naming import MIXED


def differs(row: ArmRow, column: Column) -> bool:
    """Whether the row has a difference in this metric."""
    return column.name in row.metrics and isfinite(row.metrics[column.name].delta)


def usual(row: ArmRow) -> bool:
    """Whether pairs are mixed in at their natural share."""
    return (row.about.use, row.about.share) == (MIXED, None) and row.about.stretch == 1


def where(summary: Summary) -> str:
    """What tells a protocol from others: dataset, preset and the beginning of its hash."""
    group = summary.group
    return f"{group.dataset.name}, {group.preset}, {group.protocol_hash[:8]}"
