"""Whether two records hold the same numbers, whatever they cost and wherever they were made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pigbench.counting import counted
from pigbench.results.measured import Fit, fit_name
from pigbench.results.naming import of_patients
from pigbench.results.record import Record

_LISTS = {
    "fidelity": "{generator}_{n}{subset} {extractor} seed {seed} fold {fold}",
    "gates": "{generator}_{n}{subset} seed {seed} fold {fold}",
    "agreements": "{generator}_{n}{subset} {segmenter} seed {seed} fold {fold}",
    "reconstructions": "{generator}{subset} seed {seed} fold {fold}",
}
"""The lists of measurements of generators, and what names an entry of each."""
_APART = {*_LISTS, "fits", "test_sets", "scores", "costs", "tuning", "provenance"}


def same_numbers(a: Record, b: Record) -> list[str]:
    """What differs between two records, costs, tuning and provenance aside; empty if they are the same record."""
    return sorted(_differences(_head(a) | _of_runs(a) | _of_cases(a), _head(b) | _of_runs(b) | _of_cases(b)))


def supersedes(a: Record, b: Record) -> bool:
    """Whether `b` has failures and all that it did measure stands in `a` too, so that `a` can take its place."""
    if all(run.status == "ok" for run in b.runs):
        return False
    there = _of_runs(a, failed=False) | _of_cases(a)
    wanted = _of_runs(b, failed=False) | _of_cases(b)
    return all(name in there and there[name] == value for name, value in wanted.items())


@dataclass(frozen=True, eq=False)
class _Column:
    """A number, or NaN, of each of some cases, which are sorted."""

    cases: tuple[str, ...]
    values: np.ndarray

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Column) or self.cases != other.cases:
            return False
        return np.array_equal(self.values, other.values, equal_nan=True)

    def unlike(self, other: _Column) -> str:
        """The first case of which they say different things, and of how many others they do."""
        if self.cases != other.cases:
            return f"{counted(len(self.cases), 'case')} != {counted(len(other.cases), 'case')}, or others"
        a, b = self.values, other.values
        (differing,) = np.nonzero(~((a == b) | (np.isnan(a) & np.isnan(b))))
        more = f" and {len(differing) - 1} more" if len(differing) > 1 else ""
        first = differing[0]
        return f"{a[first]} != {b[first]} in case {self.cases[first]}{more}"


def _head(record: Record) -> dict[str, Any]:
    """Every value outside the measurements, by its place."""
    return dict(_flat("", json.loads(record.model_dump_json(exclude=_APART))))


def _of_runs(record: Record, *, failed: bool = True) -> dict[str, Any]:
    """Every value of the measurements, by a name that does not depend on their order. failed: of those too."""
    found: dict[str, Any] = {}
    for part in (*_LISTS, "fits"):
        for run in getattr(record, part):
            if failed or run.status == "ok":
                found |= _flat(f"{part}[{_name(part, run)}]", json.loads(run.model_dump_json()))
    return found


def _name(part: str, run: Any) -> str:
    if isinstance(run, Fit):
        return fit_name(run)
    return _LISTS[part].format(**vars(run), subset=of_patients(run.train_patients))


def _of_cases(record: Record) -> dict[str, Any]:
    """The test sets, and of every fit its column of each statistic and score."""
    scores, classes = record.scores, record.dataset.classes
    found: dict[str, Any] = {}
    nothing = np.zeros(len(scores), np.int32)
    at, of = (nothing if column is None else column for column in (scores.test_set, scores.class_))
    for index, (name, test_set) in enumerate(record.test_sets.items()):
        cases = test_set.cases
        order = sorted(range(len(cases)), key=cases.case_id.__getitem__)
        place = np.empty(len(cases), np.int32)
        place[order] = np.arange(len(cases))
        ids = np.array(cases.case_id, object)
        found[f"{name}.patients"] = [(ids[row], cases.patient_id[row]) for row in order]
        for about, column in (("fold", cases.fold), ("area", cases.area), ("side", cases.side)):
            if column is not None:
                found[f"{name}.{about}"] = _Column(tuple(ids[order]), column[order].astype(float))
        found |= _flat(f"{name}.ceiling", test_set.ceiling)
        for class_, ceiling in zip(classes, test_set.ceiling_of_classes, strict=False):
            found |= _flat(f"{name}.ceiling, {class_}", ceiling)
        mine = np.flatnonzero(at == index)
        mine = mine[np.lexsort((place[scores.case[mine]], of[mine], scores.fit[mine]))]
        for rows in np.split(mine, np.flatnonzero(np.diff(scores.fit[mine]) | np.diff(of[mine])) + 1):
            if len(rows):
                where = f"{fit_name(record.fits[scores.fit[rows[0]]])}, {name}, {classes[of[rows[0]]]}"
                told = tuple(ids[scores.case[rows]])
                for what, column in (scores.statistics | scores.scores).items():
                    found[f"scores[{where}].{what}"] = _Column(told, column[rows])
    return found


def _differences(ours: dict[str, Any], theirs: dict[str, Any]) -> Iterator[str]:
    for name in ours.keys() | theirs.keys():
        a, b = ours.get(name, "absent"), theirs.get(name, "absent")
        if a != b:
            columns = isinstance(a, _Column) and isinstance(b, _Column)
            yield f"{name}: {a.unlike(b) if columns else f'{_short(a)} != {_short(b)}'}"


def _short(value: Any) -> str:
    return counted(len(value.cases), "case") if isinstance(value, _Column) else str(value)[:100]


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}" if name else key, inner)
    else:
        yield name, value
