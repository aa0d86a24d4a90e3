"""A table made to fit a terminal, without a value or a name broken in its middle.

Where a table is too wide, its headings are broken between words first; then intervals stand on a line of their own, and
so does what is added to a row's name; then spreads do. What is too wide even so loses columns, from the right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from textwrap import wrap

from pigbench.reporting.tables import Cell, Table

GAP = 2
"""Columns of the terminal between two of the table."""
ROOM = 34
"""Columns of the terminal that a number of samples, a distance and its floor take at most."""
_WIDE = re.compile("[\u0300-\U0010ffff]")
"""All that can be printed before these characters is one column wide."""
_BEFORE_INTERVAL = re.compile(r" (?=\[)")
_BEFORE_EITHER = re.compile(r" (?=\[|±)")
# What `notes.partly` and `notes.unconditioned` add to a name.
_AFTER_NAME = re.compile(r" (?=NOT CONDITIONED$|\(\d+/\d+ folds\))")


def fitted(table: Table, width: int) -> tuple[Table, tuple[str, ...]]:
    """`table` in at most `width` columns of a terminal, with line breaks in its texts, and the headings left out.

    Only the name of a row that takes more than half of the width is broken elsewhere, between words if they allow it.
    """
    if _width(table) <= width:
        return table, ()
    named = replace(table, rows=tuple((_name(row[0], width), *row[1:]) for row in table.rows))
    for breaks in (None, _BEFORE_INTERVAL, _BEFORE_EITHER):
        rows = tuple(tuple(_broken(cell, breaks) for cell in row) for row in named.rows) if breaks else named.rows
        if _width(form := _with_headings_broken(replace(named, rows=rows))) <= width:
            return form, ()
    return _cut(form, width)


def _broken(cell: Cell, breaks: re.Pattern[str]) -> Cell:
    text = breaks.sub("\n", cell.text)
    return cell if text == cell.text else Cell(text, cell.mark)


def _name(cell: Cell, width: int) -> Cell:
    """The name of a row in lines of half the width, what is added to it on lines of its own.

    A longer word stays whole if a distance and its floor have room beside it.
    """
    most = max(width // 2 - 2, min(width - ROOM, max(map(len, cell.text.split()), default=0)))
    parts = _AFTER_NAME.split(cell.text)
    if len(parts) == 1 and len(cell.text) <= most:
        return cell
    lines = [line for part in parts for line in wrap(part, most, break_on_hyphens=False)]
    return replace(cell, text="\n  ".join(lines))


def _with_headings_broken(table: Table) -> Table:
    """`table` with its headings broken between words, as far as the values beneath are narrower."""
    widths = [max(map(text_width, column), default=0) for column in zip(*_texts(table.rows), strict=True)]
    lines = (
        wrap(heading, max(width, *map(text_width, heading.split())), break_on_hyphens=False)
        for heading, width in zip(table.headings, widths, strict=True)
    )
    return replace(table, headings=tuple("\n".join(of_one) for of_one in lines))


def _cut(table: Table, width: int) -> tuple[Table, tuple[str, ...]]:
    """The columns that have room, from the left, at least one of numbers; and the headings of the others."""
    groups = _together(table)
    kept = list(range(table.naming)) + groups.pop(0)
    while groups and _width(_part(table, kept + groups[0])) <= width:
        kept += groups.pop(0)
    left = tuple(" ".join(table.headings[column].split()) for columns in groups for column in columns)
    return _part(table, kept), left


def _together(table: Table) -> list[list[int]]:
    """The columns of numbers, each with those that stay beside it."""
    groups: list[list[int]] = []
    for column in range(table.naming, len(table.headings)):
        if column in table.tied:
            groups[-1].append(column)
        else:
            groups.append([column])
    return groups


def _part(table: Table, columns: Sequence[int]) -> Table:
    """`table` with these columns."""
    rows = tuple(tuple(row[column] for column in columns) for row in table.rows)
    return replace(table, headings=tuple(table.headings[column] for column in columns), rows=rows)


def _width(table: Table) -> int:
    """What the table takes of a terminal's width."""
    columns = zip(table.headings, *_texts(table.rows), strict=True)
    widths = [max(map(text_width, column)) for column in columns]
    return sum(widths) + GAP * len(widths) - 1


def _texts(rows: Iterable[Sequence[Cell]]) -> list[list[str]]:
    return [[cell.text for cell in row] for row in rows]


@lru_cache(maxsize=2**18)  # each text of a table is measured several times
def text_width(text: str) -> int:
    """What the longest line of a text takes of a terminal's width; some characters take two columns."""
    from rich.cells import cell_len

    lines = text.split("\n")
    return max(map(cell_len if _WIDE.search(text) else len, lines))
