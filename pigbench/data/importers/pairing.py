"""Which image goes with which mask and which patient, read off file names and tables, before any pixel is read.

Names are compared with composed accents and umlauts, as systems store them in two ways.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pigbench.data.importers.base import Found, Part, Problems
from pigbench.data.importers.spelling import composed
from pigbench.data.pixels import SUFFIXES
from pigbench.errors import PigbenchError

_CASE_COLUMNS = ("case_id", "case", "stem", "image")
_PATIENT_COLUMNS = ("patient_id", "patient")


@dataclass(frozen=True)
class Pair:
    """An image file and its mask files. stem: the image's path below its folder, without the ending."""

    stem: str
    image: Path
    masks: tuple[Path, ...]

    def found(self, patient: str | None) -> Found:
        """The pair as a case of that patient."""
        return Found(self.stem, patient, Part(self.image), tuple(map(Part, self.masks)))


@dataclass(frozen=True)
class MaskNames:
    """How a mask is named after its image.

    suffix: what its stem has after the image's, such as `_mask`. several: whether `a_1.png` and `a-left.png` are masks
    of `a.png` too, to be merged; None where nobody can ask for that.
    """

    suffix: str = ""
    several: bool | None = None

    def images(self, mask: str) -> list[str]:
        """The stems that a mask of that stem may belong to, the longest first."""
        starts = [mask[:at] for at, character in enumerate(mask) if character in "_- ("] if self.several else []
        named = [start.removesuffix(self.suffix) for start in (mask, *reversed(starts)) if start.endswith(self.suffix)]
        return [stem for stem in named if stem and not stem.endswith("/")]


def find_pairs(images: Path, masks: Path, problems: Problems, names: MaskNames = MaskNames()) -> list[Pair]:
    """The pairs by stem, sorted, from these folders and those in them. Files of other types and hidden ones are left.

    With a suffix both may be one folder. An image without a mask, the reverse, one with further masks that nobody asked
    to merge, and two files of one stem go to `problems`. Raises PigbenchError for a folder that cannot be read or holds
    no picture.
    """
    widely = names if names.several is None else MaskNames(names.suffix, several=True)
    if images.absolute() == masks.absolute():
        if not names.suffix:
            raise PigbenchError(
                f"images and masks are both in {images}: say by --mask-suffix, such as _mask, which are masks"
            )
        files = _by_stem(images, None, "image", problems)
        of_masks = {stem: file for stem, file in files.items() if widely.images(stem)}
        of_images = {stem: file for stem, file in files.items() if stem not in of_masks}
    else:
        of_images = _by_stem(images, masks, "image", problems)
        of_masks = _by_stem(masks, images, "mask", problems)
    owned: dict[str, list[str]] = {stem: [] for stem in of_images}
    stray: list[str] = []
    for mask in sorted(of_masks):
        owner = next((stem for stem in widely.images(mask) if stem in of_images), None)
        (owned[owner] if owner is not None else stray).append(mask)
    named = f"of the same stem and '{names.suffix}'" if names.suffix else "of the same stem"
    problems.add(f"image without a mask {named}", sorted(stem for stem, own in owned.items() if not own))
    problems.add(f"mask without an image {named}", stray)
    pairs = []
    for stem, own in sorted(owned.items()):
        if own and not names.several and own != [stem + names.suffix]:
            further = "image with further masks (--merge-masks makes one mask of them)"
            problems.add(further, [f"{stem} ({', '.join(own)})"])
        elif own:
            pairs.append(Pair(stem, of_images[stem], tuple(of_masks[mask] for mask in own)))
    return pairs


def existing(path: Path) -> Path:
    """The file of that name, however its umlauts are stored; `path` itself where there is none."""
    if path.exists():
        return path
    folder = path.parent if path.parent == path else existing(path.parent)
    try:
        same = (file for file in folder.iterdir() if composed(file.name) == composed(path.name))
        return next(same, folder / path.name)
    except OSError:
        return path


def patients_by_regex(stems: list[str], pattern: str) -> dict[str, str]:
    """The patient of every stem: group 1 of the pattern's first match, or the whole match if it has no group.

    Raises PigbenchError for an invalid pattern, stems in which it finds nothing, and a single patient in all of them.
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
    check_several(patients, f"--patient-regex '{pattern}' finds")
    return patients


def check_several(patients: Mapping[str, str], how: str) -> None:
    """Raises PigbenchError where more than one case has one patient in all: that is no grouping."""
    names = set(patients.values())
    if len(patients) > 1 and len(names) == 1:
        raise PigbenchError(
            f"{how} a single patient, '{min(names)}', in all {len(patients)} names, such as {min(patients)}: folds "
            "need several"
        )


def patients_by_table(stems: list[str], table: Path) -> dict[str, str]:
    """The patient of every stem, from a CSV with a case column (stem or file name, with or without its folders) and a
    patient column.

    Raises PigbenchError for an unreadable table, missing columns, stems without a patient and stems with two.
    """
    found: dict[str, set[str]] = {stem: set() for stem in stems}
    last = {stem: stem.split("/")[-1] for stem in stems}
    times = Counter(last.values())
    named = {stem: stem for stem in stems} | {name: stem for stem, name in last.items() if times[name] == 1}
    for case, patient in _rows(table):
        name = composed(case)
        stem = named.get(str(Path(name).with_suffix("")) if Path(name).suffix.lower() in SUFFIXES else name)
        if stem is not None and patient:
            found[stem].add(patient)
    problems = Problems()
    problems.add(f"no patient in {table} for", [stem for stem in stems if not found[stem]])
    problems.add(f"two patients in {table} for", [stem for stem in stems if len(found[stem]) > 1])
    problems.raise_any()
    return {stem: min(found[stem]) for stem in stems}


def _by_stem(folder: Path, other: Path | None, what: str, problems: Problems) -> dict[str, Path]:
    """The pictures in `folder` and the folders in it, but for `other`, by their paths without the ending."""
    found: dict[str, list[Path]] = {}
    try:
        for file in _pictures(folder.absolute(), other and other.absolute()):
            found.setdefault(composed(file.relative_to(folder.absolute()).with_suffix("").as_posix()), []).append(file)
    except OSError as error:
        raise PigbenchError(f"the {what} folder {folder} cannot be read: {error.strerror}") from None
    if not found:
        raise PigbenchError(f"the {what} folder {folder} holds no PNG, TIFF, JPEG or BMP file")
    twice = sorted(stem for stem, files in found.items() if len(files) > 1)
    problems.add(f"{what} stem with more than one file in {folder}", twice)
    return {stem: files[0] for stem, files in found.items() if stem not in twice}


def _pictures(folder: Path, other: Path | None) -> Iterator[Path]:
    for file in sorted(folder.iterdir()):
        if file.name.startswith((".", "__")) or file == other:
            continue
        if file.is_dir():
            if not folder.resolve().is_relative_to(file.resolve()):  # a link to a folder above
                yield from _pictures(file, other)
        elif file.suffix.lower() in SUFFIXES:
            yield file


def table_rows(table: Path, needed: tuple[str, ...] = (), plain: Callable[[str], str] = str) -> list[dict[str, str]]:
    """The rows of a CSV by column name; the separator is the header's most frequent of comma, semicolon and tab.

    plain: what is made of a column's name. Raises PigbenchError if it cannot be read or lacks a column that is needed.
    """
    try:
        lines = table.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise PigbenchError(f"the table {table.absolute()} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise PigbenchError(f"the table {table} is not in UTF-8: save it as 'CSV UTF-8'") from None
    separator = max(",;\t", key=lines[0].count) if lines else ","
    reader = csv.DictReader(lines, delimiter=separator, restval="")
    names = reader.fieldnames = [plain(name) for name in reader.fieldnames or ()]
    if missing := [name for name in needed if name not in names]:
        has = ", ".join(names) or "none"
        raise PigbenchError(f"the table {table} has no column {', '.join(missing)}; its columns are {has}")
    return [{name: (value or "").strip() for name, value in row.items() if name} for row in reader]


def _rows(table: Path) -> list[tuple[str, str]]:
    """(case, patient) of every row."""
    rows = table_rows(table, plain=lambda name: name.strip().lower())
    case, patient = (_column(rows, accepted, table) for accepted in (_CASE_COLUMNS, _PATIENT_COLUMNS))
    return [(row[case], row[patient]) for row in rows]


def _column(rows: list[dict[str, str]], accepted: tuple[str, ...], table: Path) -> str:
    names = list(rows[0]) if rows else []
    if found := [name for name in accepted if name in names]:
        return found[0]
    raise PigbenchError(
        f"--patients {table} has no column {' or '.join(accepted)}; its columns are {', '.join(names) or 'none'}"
    )
