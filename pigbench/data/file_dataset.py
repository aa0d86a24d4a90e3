"""Imported datasets: registered once, their files left where they are and verified when they are read."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from pigbench import registry
from pigbench.contracts import Config, Task
from pigbench.contracts.arrays import in_three_channels
from pigbench.counting import counted
from pigbench.data import dataset_index
from pigbench.data.dataset_index import Registered, Row
from pigbench.data.duplicates import groups, signature
from pigbench.data.importers.base import Found, Importer, Part, Problems, UnusableError
from pigbench.data.importers.checks import Facts, Reader, inspect
from pigbench.data.importers.options import BACKGROUND, MaskOptions
from pigbench.data.pseudonyms import pseudonyms
from pigbench.data.source import CaseFiles, CaseInfo, Progress, Source
from pigbench.errors import PigbenchError
from pigbench.protocol import digest, plugin_config
from pigbench.store import Store

LONGEST = 64
"""Letters of a class's name."""


@dataclass(frozen=True)
class Imported:
    """What an import found, for the person who asked for it.

    known: the same dataset was registered under this name before. rows: its cases. lost_patients: patients of whom
    nothing is left, as all their cases were left out. skipped_table: lists what was left out; None if nothing was.
    smoothed: masks that look smoothed, of which no half of the values was taken. grey: images without colour in a
    dataset that has some. patient_options: those that say whose a case is. has_values: whether there are some that say
    what the values of masks mean.
    """

    dataset: Registered
    known: bool
    rows: list[Row]
    lost_patients: int
    skipped_table: Path | None
    smoothed: int
    grey: int
    patient_options: tuple[str, ...]
    has_values: bool

    @property
    def shared_images(self) -> int:
        """Images whose bytes occur in more than one patient; they can leak from training into a test fold."""
        owners = defaultdict(set)
        for row in self.rows:
            owners[row.image_sha256].add(row.patient_id)
        return sum(len(patients) > 1 for patients in owners.values())

    @property
    def merged(self) -> int:
        """Images whose several masks were made one."""
        return sum(len(mask_parts(row)) > 1 for row in self.rows)


def make_importer(kind: str, options: dict[str, Any]) -> Importer:
    """The installed importer of that kind with these options. Raises PigbenchError for an unknown one of either."""
    plugin = registry.find("datasets", kind).load()
    config: Config = plugin_config(plugin.Options, kind, {}, options)  # type: ignore[assignment]
    return plugin(config)


def import_dataset(
    kind: str,
    path: Path,
    name: str,
    store_root: Path,
    options: dict[str, Any] | None = None,
    *,
    skip_bad: bool = False,
    own_ids: bool = False,
    progress: Progress | None = None,
) -> Imported:
    """Register what an importer finds under `path` as dataset `name`, all of it or nothing. No image is copied.

    skip_bad: leave out what is faulty and list it in the register. own_ids: show the user's own names of cases and
    patients wherever ids are shown, instead of hashes. Raises PigbenchError for whatever is wrong with the name, the
    store, the options, the files or the patients.
    """
    _check_name(name)
    importer, store, problems = make_importer(kind, options or {}), Store(store_root), Problems()
    found = importer.find(path, problems)
    _check_classes(importer.classes)
    good = inspect(importer, found, problems, progress, signature if importer.groups_near_duplicates else None)
    problems.raise_any(skip_bad=skip_bad)
    if not good:
        nothing = f"{kind}: no case with a mask under {path}"
        raise PigbenchError(f"with --skip-bad nothing would be left\n{problems.told()}" if len(problems) else nothing)
    cases, facts = [case for case, _ in good], [fact for _, fact in good]
    patients, known_patients, pseudo = _patients(importer, cases, facts)
    rows, content = _rows(cases, facts, patients)
    coloured = sum(fact.in_colour for fact in facts)
    if own_ids:
        rows = _under_own_ids(rows)
    known = dataset_index.publish(
        store,
        name,
        rows,
        kind=kind,
        options=importer.options.model_dump(mode="json", exclude_defaults=True, exclude=set(importer.looking)),
        content=content,
        has_patient_ids=known_patients,
        pseudo_patients=pseudo,
        channels=3 if coloured else 1,
        classes=importer.classes,
        own_ids=digest(sorted([row.patient_id, row.case_id] for row in rows))[:16] if own_ids else "",
        skipped=dict(problems.items()),
    )
    where = dataset_index.directory(store.root, name)
    lost = {case.patient for case in found if case.patient} - {case.patient for case in cases}
    return Imported(
        dataset=dataset_index.load(where),
        known=known,
        rows=rows,
        lost_patients=len(lost),
        skipped_table=where / dataset_index.SKIPPED if len(problems) else None,
        smoothed=importer.foreground.smoothed if importer.foreground else 0,
        grey=len(facts) - coloured if coloured else 0,
        patient_options=tuple(
            f"--{name.replace('_', '-')}" for name in type(importer.options).model_fields if name.startswith("patient")
        ),
        has_values=isinstance(importer.options, MaskOptions),
    )


class ImportedSource(Source):
    """A registered dataset. What it shows are pseudonyms; names of files and patients stay in the store's register."""

    def __init__(self, name: str, store_root: Path) -> None:
        """Raises PigbenchError if `name` is not registered in the store, or what is there is malformed."""
        self.name = name
        self._directory = dataset_index.directory(store_root, name)
        self.registered = dataset_index.load(self._directory)
        self.has_patient_ids = self.registered.has_patient_ids
        self.pseudo_patients = self.registered.pseudo_patients
        self.channels, self.classes = self.registered.channels, self.registered.classes

    def identity(self) -> dict[str, Any]:
        """The hash of all the files' bytes and of the grouping by patient, and whether patients are known."""
        return self.registered.is_what

    def cases(self) -> list[CaseInfo]:
        """Every case, ordered by patient id and case id."""
        return [
            CaseInfo(row.case_id, row.patient_id, row.lesion_fraction, row.prepared_fraction, spacing_of(row))
            for row in self.rows
        ]

    def read(self, index: int, resolution: int) -> tuple[np.ndarray, np.ndarray]:
        """Case `index` as its files have it. Raises PigbenchError if they are gone, or not as they were imported."""
        row = self.rows[index]
        image, mask = self._verified(row, "image"), self._verified(row, "mask")
        return in_three_channels(image) if self.channels == 3 else image, mask

    def read_truth(self, index: int) -> np.ndarray:
        """The mask of case `index` as its files have it. Raises as `read` does."""
        return self._verified(self.rows[index], "mask")

    def files(self) -> list[CaseFiles]:
        """The files of every case, in order."""
        return [
            CaseFiles(Path(row.image), tuple(part.file for part in mask_parts(row)), row.image_inside)
            for row in self.rows
        ]

    def check_files(self) -> None:
        """Raises PigbenchError with the path of a file that has moved: for the terminal, as paths are private."""
        files = dict.fromkeys(file for case in self.files() for file in (case.image, *case.masks))
        if gone := [file for file in files if not file.is_file()]:
            others = f" and {counted(len(gone) - 1, 'other file')}" if len(gone) > 1 else ""
            raise PigbenchError(
                f"dataset '{self.name}': {gone[0]}{others} {'is' if len(gone) == 1 else 'are'} gone. If its folder has "
                f"moved, import it again under the same name; `pigbench data validate {self.name}` lists every fault"
            )

    @cached_property
    def rows(self) -> list[Row]:
        """The register's rows; they hold private names."""
        return dataset_index.load_rows(self._directory, self.registered)

    @cached_property
    def _reader(self) -> Reader:
        importer = make_importer(self.registered.kind, self.registered.options)
        return Reader(importer, self.classes)

    def faults(self, index: int) -> list[str]:
        """What is wrong with the files of case `index`, each with its path: for the terminal, as paths are private."""
        row = self.rows[index]
        found = []
        for what, parts in (("image", [image_part(row)]), ("mask", mask_parts(row))):
            try:
                self._verified(row, what)
            except PigbenchError:
                file = next((part.file for part in parts if not part.file.is_file()), parts[0].file)
                found.append(f"{row.case_id}: {what} {file}")
        return found

    def _verified(self, row: Row, what: str) -> np.ndarray:
        """The image or the mask, if it is what was imported. Errors name the case, not the file: they reach records."""
        where = f"dataset '{self.name}': the {what} of case {row.case_id}"
        try:
            if what == "image":
                known, (found, pixels) = row.image_sha256, self._reader.image(image_part(row))
            else:
                known = row.mask_sha256
                found, pixels, _ = self._reader.mask(mask_parts(row), (row.height, row.width))
            if found != known:
                raise UnusableError
        except OSError as error:
            raise PigbenchError(
                f"{where} cannot be read ({error.strerror}). If its folder has moved, import it again under the same "
                f"name; `pigbench data validate {self.name}` names every such file"
            ) from None
        except UnusableError:
            raise PigbenchError(
                f"{where} has changed since it was imported: put the old file back (`pigbench data validate "
                f"{self.name}` names it), or import under a new name"
            ) from None
        return pixels


def spacing_of(row: Row) -> tuple[float, float] | None:
    """mm a pixel of a registered case's image, down and across; None where nobody knows."""
    return (row.mm_down, row.mm_across) if row.mm_down and row.mm_across else None


def image_part(row: Row) -> Part:
    """Where a registered case's image is."""
    return Part(Path(row.image), row.image_inside)


def mask_parts(row: Row) -> list[Part]:
    """Where a registered case's masks are."""
    return [Part(Path(file), inside) for file, inside in json.loads(row.masks)]


def check_characters(name: str) -> None:
    """Raises PigbenchError for a name that tables and file names cannot bear."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise PigbenchError(
            f"--name '{name}': use letters, digits, '-', '_' and '.', a letter or digit first, 64 at most"
        )


def _check_classes(names: tuple[str, ...]) -> None:
    """Raises PigbenchError for names of classes that records and tables cannot bear."""
    Task(1, classes=names)
    if BACKGROUND in map(str.casefold, names):
        raise PigbenchError(f"a class cannot be called {BACKGROUND}, which is what is of no class")
    known: dict[str, str] = {}
    for name in names:
        if (other := known.setdefault(name.casefold(), name)) != name:
            raise PigbenchError(f"classes {other} and {name} differ in case alone: give them other names")
        if not (name.strip() and name.isprintable() and len(name) <= LONGEST):
            raise PigbenchError(f"class {name[:LONGEST]!r}: give it a name of 1 to {LONGEST} letters or signs")


def _check_name(name: str) -> None:
    check_characters(name)
    if name.lower() in dataset_index.RESERVED:
        raise PigbenchError(f"--name '{name}' is a built-in dataset: choose another")


def _patients(importer: Importer, cases: Sequence[Found], facts: Sequence[Facts]) -> tuple[list[str], bool, bool]:
    """The patient of every case, whether they are known, and whether they are made up from near-duplicates."""
    known = [case.patient for case in cases]
    if all(patient is not None for patient in known):
        return [str(patient) for patient in known], True, False
    if any(patient is not None for patient in known):
        problems = Problems()
        problems.add("no patient for", [case.name for case in cases if case.patient is None])
        problems.raise_any()
    if importer.groups_near_duplicates:
        signatures = [fact.signature for fact in facts if fact.signature is not None]
        return [f"group {number}" for number in groups(signatures)], False, True
    return [case.name for case in cases], False, False


def _rows(cases: Sequence[Found], facts: Sequence[Facts], patients: Sequence[str]) -> tuple[list[Row], str]:
    """The register's rows, and the hash of the whole content."""
    names = [case.name for case in cases]
    ids = pseudonyms([(fact.image_sha256, fact.mask_sha256) for fact in facts], patients, names)
    rows = [
        Row(
            case_id=case_id,
            patient_id=patient_id,
            lesion_fraction=fact.lesion_fraction,
            height=fact.height,
            width=fact.width,
            image_sha256=fact.image_sha256,
            mask_sha256=fact.mask_sha256,
            patient=patient,
            name=case.name,
            image=str(case.image.file),
            image_inside=case.image.inside,
            masks=json.dumps([[str(part.file), part.inside] for part in case.masks]),
            about=json.dumps(case.about),
            prepared_fraction=fact.prepared_fraction,
            mm_down=fact.spacing[0] if fact.spacing else None,
            mm_across=fact.spacing[1] if fact.spacing else None,
        )
        for case_id, patient_id, patient, case, fact in zip(
            ids.case_ids, ids.patient_ids, patients, cases, facts, strict=True
        )
    ]
    return rows, ids.content


def _under_own_ids(rows: Sequence[Row]) -> list[Row]:
    """The rows with the user's names for ids. Raises PigbenchError where a name stands for two cases."""
    problems, times = Problems(), Counter(row.name for row in rows)
    problems.add("more than one case is called", [name for name in times if times[name] > 1])
    problems.raise_any()
    return [replace(row, case_id=row.name, patient_id=row.patient) for row in rows]
