"""Tables that took long to make, kept so that they are shown at once the next time.

They lie in the user's cache directory as JSON, under a hash of what they were made of: the records' names, sizes and
times, what was asked for, and the code. Whatever is wrong with a kept file, the tables are made anew.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pigbench import __version__, registry
from pigbench.api.compare import Choice, places_of, read_tables
from pigbench.protocol import digest
from pigbench.reporting.tables import Section

LARGE = 2**23
"""Bytes; tables of records that have less are made in a second, and not kept."""
MOST = 20
"""Files that are kept, the newest."""


@dataclass(frozen=True)
class Kept:
    """Finished tables, and what was told about the records on the way."""

    told: list[str]
    sections: list[Section]


def finished_sections(
    path: str | Path | Sequence[str | Path], choice: Choice, tell: Callable[[str], None], *, costs: bool = False
) -> list[Section]:
    """The sections of `read_tables`, which see; taken from the cache where nothing has changed."""
    file = _place(path, choice, costs)
    kept = _read(file) if file else None
    if kept is None:
        told: list[str] = []
        try:
            tables = read_tables(path, choice, told.append)
        except BaseException:
            for line in told:
                tell(line)
            raise
        kept = Kept(told, tables.sections(costs=costs))
        if file:
            _write(file, kept)
    for line in kept.told:
        tell(line)
    return kept.sections


def _place(path: str | Path | Sequence[str | Path], choice: Choice, costs: bool) -> Path | None:
    """The file for these tables; None where they are not worth one, or there is no place for it."""
    from pigbench.results.files import record_files

    try:
        files = [_about(file) for place in places_of(path) for file in record_files(place)]
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except (OSError, RuntimeError):
        return None
    if sum(size for _, size, _ in files) < LARGE:
        return None
    asked = [choice.against, choice.datasets, choice.metrics, choice.by, choice.withdrawn, costs]
    code = [_about(file) for file in sorted(Path(__file__).parents[1].rglob("*.py"))]
    made_of = [__version__, code, sorted(registry.plugins("metrics")), asked, files]
    return home / "pigbench" / "tables" / f"{digest(made_of)[:32]}.json"


def _about(file: Path) -> tuple[str, int, int]:
    status = file.stat()
    return str(file.absolute()), status.st_size, status.st_mtime_ns


def _read(file: Path) -> Kept | None:
    from pydantic import TypeAdapter

    try:
        kept = TypeAdapter(Kept).validate_json(file.read_bytes())
        os.utime(file)
    except (OSError, ValueError):
        return None
    return kept


def _write(file: Path, kept: Kept) -> None:
    """Whole or not at all; the oldest files give way."""
    from pydantic import TypeAdapter

    from pigbench.results.files import write_whole

    with suppress(OSError):  # a full or a read-only disk: then it takes as long again
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, TypeAdapter(Kept).dump_json(kept).decode())
        there = sorted(file.parent.glob("*.json"), key=lambda one: one.stat().st_mtime, reverse=True)
        for old in there[MOST:]:
            old.unlink(missing_ok=True)
