"""Tables of many records, kept in the user's cache directory so that they are shown at once the next time."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from pigbench.api.compare import Choice, read_tables
from pigbench.api.kept import Shelf, kept, key_of, record_facts
from pigbench.reporting.tables import Section

LARGE = 2**23
"""Bytes; tables of records that have less are made in a second, and not kept."""


def finished_sections(
    path: str | Path | Sequence[str | Path], choice: Choice, tell: Callable[[str], None], *, costs: bool = False
) -> list[Section]:
    """The sections of `read_tables`, which see; taken from the cache where nothing has changed."""
    make = partial(_made, path, choice, costs)
    place = _place(path, choice, costs)
    return kept(*place, make, tell) if place else make(tell)


def _made(
    path: str | Path | Sequence[str | Path], choice: Choice, costs: bool, tell: Callable[[str], None]
) -> list[Section]:
    return read_tables(path, choice, tell).sections(costs=costs)


def _place(
    path: str | Path | Sequence[str | Path], choice: Choice, costs: bool
) -> tuple[Shelf[list[Section]], str] | None:
    """Where these tables are kept; None where they are not worth it, or there is no place for them."""
    try:
        files = record_facts(path)
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except (OSError, RuntimeError):
        return None
    if sum(file.size for file in files) < LARGE:
        return None
    return Shelf(home / "pigbench" / "tables", list[Section]), key_of(list(vars(choice).values()), costs, files)
