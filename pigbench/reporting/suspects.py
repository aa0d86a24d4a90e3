"""Near-identical images of different patients side by side, to be looked at before anyone believes it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pigbench.contracts import to_unit_range
from pigbench.data.prepare import prepare_case
from pigbench.reporting.contact_sheet import Cell, contact_sheet

if TYPE_CHECKING:
    from pigbench.data.source import Source

GROUPS = 20
"""Groups drawn at most, one a row."""
MEMBERS = 6
"""Cases drawn at most of a group."""
SIDE = 256
"""Pixels a side of each image."""


def draw(source: Source, groups: Sequence[Sequence[str]], path: Path) -> str:
    """Write the first groups of case ids to `path` as a PNG, one a row; returns what was drawn, in words.

    Images are prepared as for a run, without their masks. `groups` must not be empty.
    """
    shown = [group[:MEMBERS] for group in groups[:GROUPS]]
    columns = max(len(group) for group in shown)
    rows = {case.case_id: row for row, case in enumerate(source.cases())}
    blank = Cell(np.ones((SIDE, SIDE), np.float32))
    cells = [
        _cell(source, rows[group[column]]) if column < len(group) else blank
        for group in shown
        for column in range(columns)
    ]
    counted = _counted(len(shown), len(groups))
    contact_sheet(cells, path, columns, title=f"{source.name}: {counted}")
    left_out = any(len(group) > MEMBERS for group in groups[:GROUPS])
    return f"{counted} drawn in {path}" + (f", the first {MEMBERS} images of each" if left_out else "")


def _cell(source: Source, row: int) -> Cell:
    case = source.cases()[row]
    image, _ = prepare_case(*source.read(row, SIDE), SIDE)
    return Cell(to_unit_range(image), caption=f"{case.case_id}, patient {case.patient_id}")


def _counted(shown: int, total: int) -> str:
    groups = "group" if total == 1 else "groups"
    return f"{total} {groups} of suspects" if shown == total else f"{shown} of {total} {groups} of suspects"
