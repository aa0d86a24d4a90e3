"""Datasets by name: the built-in phantoms, and what was imported into a store."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pigbench.data.dataset_index import MANIFEST, RESERVED, directory
from pigbench.data.source import Source
from pigbench.errors import PigbenchError, did_you_mean

if TYPE_CHECKING:
    from pigbench.data.dataset_index import Row
    from pigbench.data.file_dataset import ImportedSource
    from pigbench.data.phantom.colour import PhantomColour
    from pigbench.data.phantom.dataset import Phantom


@dataclass(frozen=True)
class DatasetInfo:
    """One line of the list of datasets. error: why it cannot be opened; empty if it can."""

    name: str
    about: str
    cases: int = 0
    patients: int = 0
    has_patient_ids: bool = False
    fingerprint: str = ""
    error: str = ""


def open_dataset(name: str, store_root: Path) -> Source:
    """The dataset of that name. Raises PigbenchError for an unknown name, with the nearest known ones."""
    if name in RESERVED:
        return _phantom(name)
    known = _registered(store_root)
    if name not in known:
        hint = did_you_mean("dataset", name, [*RESERVED, *known])
        raise PigbenchError(f"{hint} (datasets of the store {store_root.absolute()}; `pigbench data import` adds one)")
    return _open_imported(name, store_root)


def forget_dataset(name: str, store_root: Path) -> None:
    """Take a dataset out of a store's list. Raises PigbenchError for a built-in and for an unknown name."""
    if name in RESERVED:
        raise PigbenchError(f"'{name}' is built in")
    known = _registered(store_root)
    if name not in known:
        raise PigbenchError(did_you_mean("dataset", name, known))
    shutil.rmtree(directory(store_root, name))


def cases_called(name: str, store_root: Path, dataset: str | None = None) -> list[tuple[str, Row]]:
    """The datasets and rows of the case, or of all cases of the patient, that tables and records call so.

    dataset: where to look; everywhere if None. The rows hold private names. Raises PigbenchError where there is none.
    """
    places = _registered(store_root) if dataset is None else [dataset]
    sources = {place: open_dataset(place, store_root) for place in places if place not in RESERVED}
    found = [
        (place, row)
        for place, source in sources.items()
        for row in source.rows  # type: ignore[attr-defined]
        if name in (row.case_id, row.patient_id)
    ]
    if not found:
        where = ", ".join(places) or "none"
        raise PigbenchError(f"no case or patient '{name}' in the imported datasets of {store_root.absolute()}: {where}")
    return found


def list_datasets(store_root: Path) -> list[DatasetInfo]:
    """The built-in ones, then the store's by name; one that is damaged is listed with its problem."""
    return [*map(_built_in, RESERVED), *(_imported(name, store_root) for name in _registered(store_root))]


def _registered(store_root: Path) -> list[str]:
    return sorted(manifest.parent.name for manifest in (store_root / "datasets").glob(f"*/{MANIFEST}"))


def _open_imported(name: str, store_root: Path) -> ImportedSource:
    from pigbench.data.file_dataset import ImportedSource  # importing it takes longer than listing the phantom

    return ImportedSource(name, store_root)


def _imported(name: str, store_root: Path) -> DatasetInfo:
    try:
        source = _open_imported(name, store_root)
    except PigbenchError as error:
        return DatasetInfo(name, str(error), error=str(error))
    found = source.registered
    return DatasetInfo(
        name, f"imported by {found.kind}", found.cases, found.patients, found.has_patient_ids, source.fingerprint()
    )


@cache
def _phantom(name: str) -> Phantom | PhantomColour:
    """Drawn once a process, which takes a fifth of a second."""
    from pigbench.data.phantom.colour import PhantomColour
    from pigbench.data.phantom.dataset import Phantom

    return {kind.name: kind for kind in (Phantom, PhantomColour)}[name]()


def _built_in(name: str) -> DatasetInfo:
    phantom = _phantom(name)
    about = "built-in, procedural"
    return DatasetInfo(name, about, len(phantom), phantom.patients, phantom.has_patient_ids, phantom.fingerprint())
