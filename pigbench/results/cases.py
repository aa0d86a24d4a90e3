"""The cases that arms are tested on, and what was measured of each, in columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from pydantic import ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from pigbench.results.columns import Indexes, Texts, Values, same_columns
from pigbench.results.fields import Name, Number
from pigbench.results.parts import Part, Sparse, repeated


class TestCases(Part):
    """The cases of a test set, in columns. fold: in whose held-out part it is.

    area: share of the image that is lesion, on the grid that is scored on; NaN where nobody noted it. side: pixels of
    that grid's longer side.
    """

    case_id: Texts
    patient_id: Texts
    fold: Indexes
    area: Values | None = None
    side: Indexes | None = None

    def __len__(self) -> int:
        return len(self.case_id)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TestCases) and _same_parts(self, other)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _of_one_length({name: column for name, column in vars(self).items() if column is not None})
        if twice := repeated(self.case_id):
            raise ValueError(f"a case is listed twice: {twice[0]}")
        if self.area is not None and ((self.area < 0) | (self.area > 1)).any():
            raise ValueError("an area that is no share of the image")
        return self


class TestSet(Sparse):
    """What arms are tested on. ceiling: by metric, the mean score of perfect masks of the working resolution; empty
    where that is the grid that is scored on. ceiling_of_classes: the same of each class, if there are several."""

    __test__ = False  # pytest takes it for tests
    cases: TestCases
    ceiling: dict[Name, Number] = {}
    ceiling_of_classes: list[dict[Name, Number]] = []


class Scores(Part):
    """What was measured of every case of every fit, in columns; each case once for a fit.

    fit: index into the record's fits. case: index into the cases of the test set. statistics: by what they are kept
    under and their name, as in `overlap.tp`. scores: by metric, NaN where the case is excluded or the metric refused.
    test_set: index into the record's test sets, class_: into the dataset's classes; all of the first if None.
    """

    fit: Indexes
    case: Indexes
    test_set: Indexes | None = None
    class_: Indexes | None = Field(None, alias="class")
    statistics: dict[Name, Values] = {}
    scores: dict[Name, Values] = {}

    model_config = ConfigDict(populate_by_name=True)

    def __len__(self) -> int:
        return len(self.fit)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scores) and _same_parts(self, other)

    @property
    def of_held_out(self) -> np.ndarray:
        """(N,) bool: the rows of the first test set, which tables are made of."""
        return np.ones(len(self), bool) if self.test_set is None else self.test_set == 0

    @property
    def classes(self) -> np.ndarray:
        """(N,) the class of each row."""
        return np.zeros(len(self), np.int32) if self.class_ is None else self.class_

    @classmethod
    def stacked(
        cls,
        fits: Iterable[tuple[int, Sequence[int] | np.ndarray, Mapping[str, Any], Mapping[str, Any]]],
        classes: Sequence[np.ndarray] = (),
    ) -> Self:
        """The columns of several fits, each given as its index, its cases' indexes, its statistics and its scores.

        A statistic or a score that a fit lacks is NaN there. classes: of each fit's rows, if there are several.
        """
        whole = list(fits)
        lengths = [len(cases) for _, cases, *_ in whole]
        told = {"class": np.concatenate(classes)} if classes else {}
        return cls.model_validate(
            {
                "fit": np.repeat(np.array([fit for fit, *_ in whole], np.int32), np.array(lengths, int)),
                "case": np.concatenate(
                    [np.empty(0, np.int32), *(np.asarray(cases, np.int32) for _, cases, *_ in whole)]
                ),
                **told,
                "statistics": _side_by_side([statistics for *_, statistics, _ in whole], lengths),
                "scores": _side_by_side([scores for *_, scores in whole], lengths),
            }
        )

    @model_serializer(mode="wrap")
    def _told(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        told = written(self)
        if (classes := told.pop("class_", None)) is not None:
            told["class"] = classes
        return {name: value for name, value in told.items() if value is not None}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        own = {"case": self.case, "test_set": self.test_set, "class": self.class_}
        columns = {"fit": self.fit} | {name: column for name, column in own.items() if column is not None}
        _of_one_length(columns | self.statistics | self.scores)
        return self


def _side_by_side(parts: Sequence[Mapping[str, Any]], lengths: Sequence[int]) -> dict[str, np.ndarray]:
    """The columns of several fits, one below the other; NaN where one of them lacks a column."""
    names = dict.fromkeys(name for part in parts for name in part)
    return {
        name: np.concatenate(
            [
                np.asarray(part[name], dtype=float) if name in part else np.full(length, np.nan)
                for part, length in zip(parts, lengths, strict=True)
            ]
        )
        for name in names
    }


def _same_parts(a: Part, b: Part) -> bool:
    """Whether two parts with columns hold the same."""
    ours, theirs = ({**vars(part), **(part.model_extra or {})} for part in (a, b))
    return ours.keys() == theirs.keys() and all(_same(ours[name], theirs[name]) for name in ours)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[name], b[name]) for name in a)
    return same_columns(a, b) if isinstance(a, np.ndarray) else a == b


def _of_one_length(columns: Mapping[str, Any]) -> None:
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"columns of unequal length: {lengths}")
