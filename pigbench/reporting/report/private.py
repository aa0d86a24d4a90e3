"""Records without what names their user: paths and file names in settings, labels and messages, and own ids."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pigbench.data.dataset_index import RESERVED
from pigbench.privacy import CUT, like_a_path, without_files
from pigbench.protocol import digest
from pigbench.reporting.report.text import command_of
from pigbench.results import Record

COLUMNS = {"scores", "test_sets"}
"""The parts of a record that hold numbers of cases, packed."""
_PSEUDONYM = re.compile(r"[0-9a-f]{12}")
_MESSAGES = {"banner", "note", "objective", "origin", "pretrained_on", "reason", "refused", "sampler"}
_SETTINGS = {"config", "params", "preset"}


@dataclass(frozen=True)
class Disguise:
    """What stands for the names in the records of a dataset.

    labels: for labels of plugins with a path among their settings. ids: for a user's own ids of cases and patients.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)

    def name(self, text: str) -> str:
        """A text with labels in it, such as an arm's name."""
        for label, shown in self.labels.items():
            text = text.replace(label, shown)
        return text

    def id(self, own: str) -> str:
        """Of a case or a patient."""
        return self.ids.get(own, own)

    def record(self, record: Record) -> Record:
        """The record as others may have it; an equal one where nothing in it names anybody."""
        plain = record.model_dump(mode="json", exclude=COLUMNS)
        told = self._part("", plain)
        if "command" in plain["provenance"]:
            told["provenance"]["command"] = command_of(record)
        if told != plain:
            record = Record.model_validate(record.model_dump(mode="json", include=COLUMNS) | told)
        if not self.ids:
            return record
        sets = {}
        for name, of in record.test_sets.items():
            ids = {part: list(map(self.id, getattr(of.cases, part))) for part in ("case_id", "patient_id")}
            sets[name] = of.model_copy(update={"cases": of.cases.model_copy(update=ids)})
        return record.model_copy(update={"test_sets": sets})

    def _part(self, name: str, value: Any) -> Any:
        """A part of a record by its name; the names of datasets and classes stay."""
        if name in _SETTINGS:
            return _settings(value)
        if isinstance(value, str):
            return without_files(value) if name in _MESSAGES else self.name(value)
        if isinstance(value, list):
            return [self._part(name, each) for each in value]
        if isinstance(value, dict) and name != "dataset":
            return {self.name(key): self._part(name if name in _MESSAGES else key, of) for key, of in value.items()}
        return value


def disguises(records: Sequence[Record]) -> dict[str, Disguise]:
    """By the identity of the dataset: the same for all its records, so that they can be merged as before."""
    of_datasets: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        of_datasets[record.dataset.identity].append(record)
    return {identity: Disguise(_labels(of), _ids(of)) for identity, of in of_datasets.items()}


def shown_label(label: str) -> str:
    """A plugin's label, as it is unless a path or a file may be among its settings: `mine(…3f21a9)`."""
    name, _, settings = label.partition("(")
    return f"{name}({_hidden(label)})" if re.search(r"[/\\]|\w\.[A-Za-z]", settings) else label


def _labels(records: Sequence[Record]) -> dict[str, str]:
    """Those that change, the longest first, as a label may hold another one."""
    known = {label for record in records for label in (*record.generators, *record.segmenters)}
    return {label: shown for label in sorted(known, key=len, reverse=True) if (shown := shown_label(label)) != label}


def _ids(records: Sequence[Record]) -> dict[str, str]:
    """Numbers for ids that are a user's own, in the same order; none where they are pseudonyms already."""
    cases = [record.cases for record in records if record.dataset.name not in RESERVED]
    ids = sorted({own for of in cases for own in (*of.case_id, *of.patient_id)})
    pseudonyms = all(map(_PSEUDONYM.fullmatch, ids)) and not all(own.isdigit() for own in ids)
    return {} if pseudonyms else {own: f"id-{number:07}" for number, own in enumerate(ids)}


def _settings(value: Any) -> Any:
    if isinstance(value, str):
        return _hidden(value) if like_a_path(value) else value
    if isinstance(value, list):
        return [_settings(each) for each in value]
    return {name: _settings(each) for name, each in value.items()} if isinstance(value, dict) else value


def _hidden(value: str) -> str:
    """What stands for a value that may be a path; others than this one get another."""
    return CUT + digest(value)[:6]
