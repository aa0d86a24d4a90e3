"""Which image goes with which mask and which patient, read off file names and tables, before any pixel is read."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from pigbench.data.importing import Problems
from pigbench.data.pixels import SUFFIXES
from pigbench.errors import PigbenchError

_CASE_COLUMNS = ("case_id", "case", "stem", "image")
_PATIENT_COLUMNS = ("patient_id", "patient")


@dataclass(frozen=True)
class Pair:
    """An image file and its mask files, of the same stem or of that stem and more: `a.png`, `a_1.png`, `a-left.png`."""

    stem: str
    image: Path
    masks: tuple[Path, ...]


def find_pairs(images: Path, masks: Path) -> list[Pair]:
    """The pairs by stem, sorted. Files of other types and hidden ones are left alone.

    A mask whose stem is no image's belongs to the image with the longest stem that it begins with. Raises PigbenchError
    for a missing or empty folder, a stem that occurs twice, an image without mask or the reverse.
    """
    problems = Problems()
    of_images, of_masks = _by_stem(images, "image", problems), _by_stem(masks, "mask", problems)
    owned: dict[str, list[str]] = {stem: [] for stem in of_images}
    stray: list[str] = []
    for mask in sorted(of_masks):
        owner = _owner(mask, of_images)
        (owned[owner] if owner is not None else stray).append(mask)
    problems.add("image without a mask of the same stem", sorted(stem for stem, own in owned.items() if not own))
    problems.add("mask without an image of the same stem", stray)
    problems.raise_any()
    return [Pair(stem, of_images[stem], tuple(of_masks[mask] for mask in owned[stem])) for stem in sorted(of_images)]


def _owner(mask: str, images: Collection[str]) -> str | None:
    """The image's stem that a mask's stem is, or begins with before one of `_- (`."""
    if mask in images:
        return mask
    starts = [mask[:at] for at, character in enumerate(mask) if character in "_- ("]
    return max((start for start in starts if start in images), key=len, default=None)


def patients_by_regex(stems: list[str], pattern: str) -> dict[str, str]:
    """The patient of every stem: group 1 of the pattern's first match, or the whole match if it has no group.

    Raises PigbenchError for an invalid pattern and for stems in which it finds nothing.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise PigbenchError(f"--patient-regex '{pattern}' is not a regular expression: {error}") from None
    group = min(compiled.groups, 1)
    patients = {stem: match[group] for stem in stems if (match := compiled.search(stem)) and match[group]}
    problems = Problems()
    problems.add(f"--patient-regex '{pattern}' finds no patient in", [stem for stem in stems if stem not in patients])
    problems.raise_any()
    return patients


def patients_by_table(stems: list[str], table: Path) -> dict[str, str]:
    """The patient of every stem, from a CSV with a case column (stem or file name) and a patient column.

    Raises PigbenchError for an unreadable table, missing columns, stems without a patient and stems with two.
    """
    found: dict[str, set[str]] = {stem: set() for stem in stems}
    for case, patient in _rows(table):
        stem = Path(case).stem if Path(case).suffix.lower() in SUFFIXES else case
        if stem in found and patient:
            found[stem].add(patient)
    problems = Problems()
    problems.add(f"no patient in {table} for", [stem for stem in stems if not found[stem]])
    problems.add(f"two patients in {table} for", [stem for stem in stems if len(found[stem]) > 1])
    problems.raise_any()
    return {stem: min(found[stem]) for stem in stems}


def _by_stem(folder: Path, what: str, problems: Problems) -> dict[str, Path]:
    try:
        listed = sorted(folder.iterdir())
    except OSError as error:
        raise PigbenchError(f"the {what} folder {folder} cannot be read: {error.strerror}") from None
    found: dict[str, Path] = {}
    twice: set[str] = set()
    for file in listed:
        if file.suffix.lower() in SUFFIXES and not file.name.startswith("."):
            twice |= {file.stem} & found.keys()
            found[file.stem] = file.absolute()
    if not found:
        raise PigbenchError(f"the {what} folder {folder} holds no PNG, TIFF or JPEG file")
    problems.add(f"{what} stem with more than one file in {folder}", sorted(twice))
    return found


def table_rows(table: Path, needed: tuple[str, ...] = ()) -> list[dict[str, str]]:
    """The rows of a CSV by column name; the separator is the header's most frequent of comma, semicolon and tab.

    Raises PigbenchError if it cannot be read or lacks a column that is needed.
    """
    try:
        lines = table.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PigbenchError(f"the table {table} cannot be read: {error}") from None
    separator = max(",;\t", key=lines[0].count) if lines else ","
    reader = csv.DictReader(lines, delimiter=separator, restval="")
    for name in needed:
        if name not in (reader.fieldnames or []):
            raise PigbenchError(f"the table {table} has no column {name}; its columns are {_listed(reader)}")
    return [{name: (value or "").strip() for name, value in row.items() if name} for row in reader]


def _rows(table: Path) -> list[tuple[str, str]]:
    """(case, patient) of every row."""
    rows = table_rows(table)
    names = list(rows[0]) if rows else []
    case, patient = _column(names, _CASE_COLUMNS, table), _column(names, _PATIENT_COLUMNS, table)
    return [(row[case], row[patient]) for row in rows]


def _listed(reader: csv.DictReader) -> str:
    return ", ".join(reader.fieldnames or []) or "none"


def _column(names: list[str], accepted: tuple[str, ...], table: Path) -> str:
    known = {name.strip().lower(): name for name in names}
    for name in accepted:
        if name in known:
            return known[name]
    raise PigbenchError(
        f"--patients {table} has no column {' or '.join(accepted)}; its columns are {', '.join(names) or 'none'}"
    )
