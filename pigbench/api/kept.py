"""What took long to make of records, kept so that it is there at once the next time.

It lies under a hash of what it was made of: the records' names, sizes and times, what was asked for, and the code.
Whatever is wrong with a kept file, it is made anew.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from pigbench import __version__, registry
from pigbench.api.compare import places_of
from pigbench.protocol import digest

if TYPE_CHECKING:
    from pydantic import TypeAdapter

MOST = 20
"""Files that are kept in one place, the newest."""
CODE = ("*.py", "*.html", "*.css", "*.js")
Made = TypeVar("Made")
Tell = Callable[[str], None]


class About(NamedTuple):
    """A file as far as it tells whether it has changed: its path, its size in bytes, and when it was changed."""

    path: str
    size: int
    changed: int

    @classmethod
    def of(cls, file: Path) -> About:
        """Raises OSError for a file that is gone."""
        status = file.stat()
        return cls(str(file.absolute()), status.st_size, status.st_mtime_ns)


def record_facts(path: str | Path | Sequence[str | Path]) -> list[About]:
    """The files under `path` that may be records. Raises OSError for one that is gone."""
    from pigbench.results.files import record_files

    return [About.of(file) for place in places_of(path) for file in record_files(place)]


def key_of(*made_of: Any) -> str:
    """A hash of what something was made of, of the code that makes it, and of the metrics that are installed."""
    package = Path(__file__).parents[1]
    code = [About.of(file) for kind in CODE for file in sorted(package.rglob(kind))]
    return digest([__version__, sorted(registry.plugins("metrics")), code, *made_of])[:32]


@dataclass(frozen=True)
class Shelf(Generic[Made]):
    """A directory of kept things of one type, which pydantic can write and read."""

    directory: Path
    kind: type[Made]

    def read(self, key: str) -> tuple[list[str], Made] | None:
        """What is kept under that key, and what was told when it was made; None if nothing can be read."""
        file = self._file(key)
        try:
            kept = self._form().validate_json(file.read_bytes())
            os.utime(file)
        except (OSError, ValueError):
            return None
        return kept

    def write(self, key: str, told: list[str], made: Made) -> None:
        """Whole or not at all; the oldest files give way."""
        from pigbench.results.files import write_whole

        with suppress(OSError):  # a full or a read-only disk: then it takes as long again
            self.directory.mkdir(parents=True, exist_ok=True)
            write_whole(self._file(key), self._form().dump_json((told, made)).decode())
            there = sorted(self.directory.glob("*.json"), key=lambda one: one.stat().st_mtime, reverse=True)
            for old in there[MOST:]:
                old.unlink(missing_ok=True)

    def _form(self) -> TypeAdapter[tuple[list[str], Made]]:
        from pydantic import TypeAdapter

        return TypeAdapter(tuple[list[str], self.kind])  # type: ignore[name-defined]

    def _file(self, key: str) -> Path:
        return self.directory / f"{key}.json"


def kept(shelf: Shelf[Made], key: str, make: Callable[[Tell], Made], tell: Tell) -> Made:
    """What is kept under that key, else what `make` makes; `tell` is given what was told on the way, then and now."""
    if found := shelf.read(key):
        told, made = found
        for line in told:
            tell(line)
        return made
    told = []

    def note(line: str) -> None:
        told.append(line)
        tell(line)

    made = make(note)
    shelf.write(key, told, made)
    return made
