"""Ids that can be shown and a hash of the whole, from content and grouping alone.

Two labs with the same files and the same grouping by patient get the same ids, hence the same split, whatever they
call their files and patients; and no name can be guessed from an id, because no name enters it. The salt is itself a
hash of all the content: a patient who is in two datasets has unrelated ids in them.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Content = tuple[str, str]
"""Hashes of a case's image file and of its mask file."""


@dataclass(frozen=True)
class Pseudonyms:
    """What to call each case and each patient, in the order of the cases given, and the hash of the whole."""

    case_ids: list[str]
    patient_ids: list[str]
    content: str


def pseudonyms(contents: Sequence[Content], patients: Sequence[str], stems: Sequence[str]) -> Pseudonyms:
    """Ids for cases of these contents that belong to these patients.

    patients and stems are private names. Only who shares a name counts; stems merely order cases of equal bytes.
    """
    members: dict[str, list[int]] = defaultdict(list)
    for index, patient in enumerate(patients):
        members[patient].append(index)
    groups = {patient: sorted(contents[index] for index in indices) for patient, indices in members.items()}
    first = {patient: min(stems[index] for index in indices) for patient, indices in members.items()}

    def order(index: int) -> tuple[Any, ...]:
        patient = patients[index]
        return contents[index], groups[patient], first[patient], stems[index]

    salt = _hash(sorted(contents))
    seen: Counter[Content] = Counter()
    case_ids = [""] * len(contents)
    for index in sorted(range(len(contents)), key=order):
        case_ids[index] = _hash([salt, "case", *contents[index], seen[contents[index]]])[:12]
        seen[contents[index]] += 1
    of_patient = {
        patient: _hash([salt, "patient", sorted(case_ids[index] for index in indices)])[:12]
        for patient, indices in members.items()
    }
    return Pseudonyms(case_ids, [of_patient[patient] for patient in patients], _hash(sorted(groups.values())))


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()
