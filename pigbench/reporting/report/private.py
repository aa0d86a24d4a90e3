"""A record without what names its user: paths and file names in settings, labels and messages, and ids of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pigbench.data.dataset_index import RESERVED
from pigbench.privacy import CUT, like_a_path, without_any_path
from pigbench.protocol import digest
from pigbench.reporting.report.text import command_of
from pigbench.results import Record
from pigbench.results.record import Dataset

COLUMNS = {"scores", "test_sets"}
"""The parts of a record that hold numbers of cases, packed."""
_PSEUDONYM = re.compile(r"[0-9a-f]{12}")
_VALUE = re.compile(r"=([^,=()]+)")
_MESSAGES = {"reason", "refused", "note"}


def without_names(record: Record) -> Record:
    """The record as others may have it; the same one where nothing in it names anybody."""
    plain = record.model_dump(mode="json", exclude=COLUMNS)
    cleaned = _cleaned(plain)
    if "command" in plain["provenance"]:
        cleaned["provenance"]["command"] = command_of(record)
    if cleaned != plain:
        record = Record.model_validate(record.model_dump(mode="json", include=COLUMNS) | cleaned)
    sets = {name: of.model_copy(update={"cases": _renamed(of.cases, record)}) for name, of in record.test_sets.items()}
    return record.model_copy(update={"test_sets": sets})


def shown_id(own: str, dataset: Dataset) -> str:
    """A case's or a patient's id: as it is if it is a pseudonym, else a pseudonym of it, the same in every report."""
    if dataset.name in RESERVED or _PSEUDONYM.fullmatch(own):
        return own
    return digest([dataset.identity, own])[:12]


def shown_label(label: str) -> str:
    """A generator's label, or a name with one in it, whose settings name no file: `mine(weights=…3f21a9)`."""
    return _VALUE.sub(lambda found: f"={hidden(found[1])}" if like_a_path(found[1]) else found[0], label)


def hidden(value: str) -> str:
    """What stands for a value that may be a path; others than this one get another."""
    return CUT + digest(value)[:6]


def _renamed(cases: Any, record: Record) -> Any:
    ids = {name: [shown_id(own, record.dataset) for own in getattr(cases, name)] for name in ("case_id", "patient_id")}
    return cases.model_copy(update=ids)


def _cleaned(content: Mapping[str, Any]) -> dict[str, Any]:
    """Labels cut everywhere, messages and settings as what they are; datasets and classes are called as they are."""
    return {shown_label(name): value if name == "dataset" else _part(name, value) for name, value in content.items()}


def _part(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return without_any_path(value) if name in _MESSAGES else shown_label(value)
    if isinstance(value, list):
        return [_part(name, each) for each in value]
    if not isinstance(value, dict):
        return value
    if name in _MESSAGES:
        return {shown_label(key): _part(name, each) for key, each in value.items()}
    return _settings(value) if name in ("config", "params", "preset") else _cleaned(value)


def _settings(value: Any) -> Any:
    if isinstance(value, str):
        return hidden(value) if like_a_path(value) else value
    if isinstance(value, list):
        return [_settings(each) for each in value]
    return {name: _settings(each) for name, each in value.items()} if isinstance(value, dict) else value
