"""Which rows a figure can show."""

from __future__ import annotations

from math import isfinite

from pigbench.reporting.columns import Column
from pigbench.results import ArmRow
from pigbench.results.naming import MIXED


def differs(row: ArmRow, column: Column) -> bool:
    """Whether the row has a difference in this metric."""
    return column.name in row.metrics and isfinite(row.metrics[column.name].delta)


def usual(row: ArmRow) -> bool:
    """Whether pairs are mixed in at their natural share."""
    return (row.about.use, row.about.share) == (MIXED, None) and row.about.stretch == 1
