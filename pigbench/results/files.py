"""Records on disk: found, read with patience for what is not one, and written whole or not at all."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from pigbench.errors import PigbenchError
from pigbench.results.fields import on_one_line
from pigbench.results.record import FORMAT, FORMAT_1, Record
from pigbench.results.same import same_numbers, supersedes


@dataclass(frozen=True)
class Skipped:
    """A file among the records that is none, and why."""

    path: Path
    reason: str


def load_records(paths: Iterable[str | Path], *, statistics: bool = True) -> tuple[list[Record], list[Skipped]]:
    """The records under `paths`, each a record file or a directory, and the files that are none.

    A directory is searched for `*.json` at any depth; a store only in its `records`, to which a run writes. A file
    reached in two ways is read once. statistics: whether those of the cases are unpacked, which no table shows. Raises
    PigbenchError for a path that does not exist.
    """
    records, skipped = [], []
    for file in {file.resolve(): file for path in paths for file in record_files(Path(path))}.values():
        try:
            records.append(read_record(file, statistics=statistics))
        except (ValueError, OSError) as error:
            skipped.append(Skipped(file, shorten(on_one_line(_reason(error)), 300, placeholder=" …")))
    return records, skipped


def read_record(path: Path, *, statistics: bool = True) -> Record:
    """The record in `path`, without its cases' statistics if these are not wanted.

    Raises ValueError or OSError with what is wrong.
    """
    content = _parsed(path.read_bytes())
    found = content.get("format") if isinstance(content, dict) else None
    if not (isinstance(found, str) and found.startswith("pigbench-record/")):
        raise ValueError("not a pigbench record")
    if found == FORMAT_1:
        from pigbench.results.format1 import converted

        return converted(content)
    if found != FORMAT:
        raise ValueError(f"written as {found}; this pigbench reads {FORMAT_1} and {FORMAT}")
    if not statistics and isinstance(content.get("scores"), dict):
        content["scores"].pop("statistics", None)
    return Record.model_validate(content)


def _parsed(content: bytes) -> Any:
    """JSON as pydantic reads it: it takes no half surrogate and no nesting that it could not write again."""
    try:
        return from_json(content)
    except ValueError as error:
        deep = "recursion limit" in str(error)
        raise ValueError(
            "not a pigbench record: nested too deeply" if deep else "not JSON: truncated or another kind of file"
        ) from None


def write_record(record: Record, directory: Path) -> Path:
    """Write `record` under the name that its dataset, preset, protocol and key give it; the path of the file.

    A record of that name stays where its numbers are the same, whatever it cost and wherever it was made. One with
    failures gives way to a later try of the same run, and an unreadable file is set aside. Raises PigbenchError where
    a record of that name has other numbers, and where the directory cannot be written.
    """
    path = directory / record_name(record)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if not (path.exists() and _stays(path, record)):
            write_whole(path, _as_text(record))
    except OSError as error:
        raise PigbenchError(f"cannot write the record {path}: {error.strerror or error}") from error
    return path


def record_name(record: Record) -> str:
    """`<dataset>-<preset>-<protocol, 8 digits>-<key, 8 digits>.json`."""
    parts = (record.dataset.name, record.preset, record.protocol_hash[:8], record.key[:8])
    return "-".join(re.sub(r"[^\w.]+", "_", part) for part in parts) + ".json"


def _stays(path: Path, record: Record) -> bool:
    """Whether the file at `path` is to be kept rather than replaced by `record`."""
    try:
        known = read_record(path)
    except ValueError:
        path.replace(path.with_suffix(".damaged"))
        return False
    if supersedes(record, known):
        return False
    differences = same_numbers(known, record)
    if differences and not supersedes(known, record):
        raise PigbenchError(
            f"{path} holds other numbers under the same key ({differences[0]}; {len(differences)} in all): "
            "move it away, or write to another directory with --results"
        )
    return True


def _as_text(record: Record) -> str:
    """JSON with one line for each part, so that a person can read the head and git can compare two records."""
    parts = json.loads(record.model_dump_json()).items()  # by pydantic first: it writes NaN as null
    return "{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(part)}" for name, part in parts) + "\n}\n"


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all, even if the machine stops meanwhile. Raises OSError."""
    temporary = path.with_name(f".{path.stem}-{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def record_files(path: Path) -> list[Path]:
    """The files that may be records: `path` itself, or what a directory holds. Raises PigbenchError for neither."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise PigbenchError(f"no such file or directory: {path}")
    is_store = any((path / name).is_dir() for name in ("records", "artifacts"))
    return sorted(file for file in (path / "records" if is_store else path).rglob("*.json") if file.is_file())


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"])
        return f"malformed: {where + ': ' if where else ''}{fault['msg'].removeprefix('Value error, ')}"
    return getattr(error, "strerror", None) or str(error)
