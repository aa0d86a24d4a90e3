"""The record: what one run leaves, as one JSON file. Enough to compute every table again, and nothing of the images.

Its parts are in `results.described`, `results.measured` and, for what belongs to every single case, `results.cases`.
Unknown keys are kept, so that a later version may add some; a missing key, a wrong type or a contradiction makes a
record malformed. All of that is found out here: whoever has a Record may rely on its types, ranges and references.
Format 1 becomes a Record of these parts when it is read (`results.format1`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from pigbench.results.cases import Scores, TestCases, TestSet
from pigbench.results.described import Arm, Dataset, GeneratorInfo, MetricInfo, Provenance, Tuning, UsedProtocol
from pigbench.results.fields import Name, Prose, Seed
from pigbench.results.measured import AgreementRun, Cost, FidelityRun, Fit, GateRun, Reconstruction, fit_name
from pigbench.results.parts import Part, repeated

FORMAT, FORMAT_1 = "pigbench-record/2", "pigbench-record/1"
HELD_OUT = "held-out"
"""The test set of the patients that no fold's networks have seen."""
MOST_FOLDS = 10_000


class Record(Part):
    """One run: its protocol, what it measured, what it cost and where it was made.

    metrics: in the order of the tables' columns. segmenters: name and hash of source and settings, by label.
    """

    format: Literal["pigbench-record/2"]
    key: Name = Field(min_length=8)
    protocol: UsedProtocol
    protocol_hash: Name = Field(min_length=8)
    preset: Name
    banner: Prose = ""
    dataset: Dataset
    folds: int = Field(gt=0, le=MOST_FOLDS)
    seeds: list[Seed]
    metrics: dict[Name, MetricInfo]
    generators: dict[Name, GeneratorInfo]
    segmenters: dict[Name, Name] = {}
    arms: dict[Name, Arm]
    fits: list[Fit]
    fidelity: list[FidelityRun]
    gates: list[GateRun] = []
    agreements: list[AgreementRun] = []
    reconstructions: list[Reconstruction] = []
    costs: list[Cost] = []
    tuning: list[Tuning] = []
    provenance: Provenance = Provenance()
    test_sets: dict[Name, TestSet] = Field(min_length=1)
    scores: Scores

    def __repr__(self) -> str:
        """One line, as a notebook shows it: its numbers are for `pigbench.compare` and `pigbench.results.cases`."""
        made = f"{len(self.arms)} arms, {self.folds} folds, {len(self.fits)} segmenter trainings"
        return f"<Record of {self.dataset.name}, preset {self.preset}: {made}>"

    __str__ = __repr__

    @property
    def runs(self) -> list[Fit | FidelityRun | GateRun | AgreementRun | Reconstruction]:
        """All that can have failed."""
        return [*self.fidelity, *self.fits, *self.gates, *self.agreements, *self.reconstructions]

    @property
    def cases(self) -> TestCases:
        """Those of the first test set, which tables are made of."""
        return next(iter(self.test_sets.values())).cases

    @model_validator(mode="after")
    def _names_what_it_lists(self) -> Self:
        for label, info in self.generators.items():
            if info.label != label:
                raise ValueError(f"generator '{label}' calls itself '{info.label}'")
        for name, arm in self.arms.items():
            if arm.arm != name:
                raise ValueError(f"arm '{name}' calls itself '{arm.arm}'")
        for fit in self.fits:
            if fit.arm not in self.arms:
                raise ValueError(f"arm '{fit.arm}' is not among its arms")
        used: set[str | None] = {arm.generator for arm in self.arms.values()}
        used |= {run.generator for run in self.runs if not isinstance(run, Fit)}
        if strangers := used - {None} - self.generators.keys():
            raise ValueError(f"generator '{min(map(str, strangers))}' is not among its generators")
        for run in self.runs:
            if run.fold >= self.folds:
                raise ValueError(f"fold {run.fold} of {self.folds}")
        for study in self.tuning:
            known = self.generators if study.group == "generators" else self.segmenters
            if unknown := set(study.used_by) - known.keys():
                raise ValueError(
                    f"study '{study.study}' is used by '{min(unknown)}', which is not among its {study.group}"
                )
        return self

    @model_validator(mode="after")
    def _measured_once(self) -> Self:
        if twice := repeated(fit.unit for fit in self.fits):
            raise ValueError(f"a fit is listed twice: {twice[0]}")
        return self

    @model_validator(mode="after")
    def _metrics_are_described(self) -> Self:
        def known(kind: str) -> set[str]:
            return {name for name, info in self.metrics.items() if info.kind == kind}

        of_sets = {name for run in self.fidelity for part in (run.values, run.floors, run.biased) for name in part}
        for kind, used in (("case", set(self.scores.scores)), ("set", of_sets)):
            if unknown := used - known(kind):
                raise ValueError(f"metric '{min(unknown)}' is not among its {kind} metrics")
        kept = {f"{info.kept_as or name}.{part}" for name, info in self.metrics.items() for part in info.statistics}
        if unknown := self.scores.statistics.keys() - kept:
            raise ValueError(f"statistic '{min(unknown)}' is none of its metrics'")
        for name, values in self.scores.scores.items():
            low, high = self.metrics[name].low, self.metrics[name].high
            if (low is not None and (values < low).any()) or (high is not None and (values > high).any()):
                raise ValueError(f"a score of metric '{name}' that is out of its range")
        return self

    @model_validator(mode="after")
    def _fits_have_their_cases(self) -> Self:
        """Every fit that is there has the scores of all cases of its fold, once, and no others."""
        scores, sets = self.scores, list(self.test_sets.values())
        for name, column, size in (
            ("fit", scores.fit, len(self.fits)),
            ("test_set", scores.test_set, len(sets)),
            ("class", scores.class_, len(self.dataset.classes)),
        ):
            if column is not None and len(column) and column.max() >= size:
                raise ValueError(f"scores.{name}: {column.max()} of {size}")
        at = np.zeros(len(scores), np.int32) if scores.test_set is None else scores.test_set
        for index, test_set in enumerate(sets):
            if len(test_set.ceiling_of_classes) not in (0, len(self.dataset.classes)):
                raise ValueError(f"ceilings of {len(test_set.ceiling_of_classes)} classes")
            if (fold := test_set.cases.fold).size and fold.max() >= self.folds:
                raise ValueError(f"fold {fold.max()} of {self.folds}")
            used = scores.case[at == index]
            if len(used) and used.max() >= len(test_set.cases):
                raise ValueError(f"scores.case: {used.max()} of {len(test_set.cases)}")
        if _repeats([column for column in (at, scores.class_, scores.fit, scores.case) if column is not None]):
            raise ValueError("a case of a fit is listed twice")
        told = 1 if scores.class_ is None else len(self.dataset.classes)
        for number in range(told):
            self._are_complete(scores.of_held_out & (scores.classes == number))
        return self

    def _are_complete(self, rows: np.ndarray) -> None:
        fit, case = self.scores.fit[rows], self.scores.case[rows]
        own_fold = np.array([fit.fold for fit in self.fits], np.int32)
        if (strayed := own_fold[fit] != self.cases.fold[case]).any():
            raise ValueError(f"a case of another fold: {fit_name(self.fits[fit[strayed.argmax()]])}")
        expected = np.bincount(self.cases.fold, minlength=self.folds)
        for unit, found in zip(self.fits, np.bincount(fit, minlength=len(self.fits)), strict=True):
            if unit.status == "ok" and (not found or found != expected[unit.fold]):
                raise ValueError(f"{found} of {expected[unit.fold]} cases: {fit_name(unit)}")
            if unit.status == "failed" and found:
                raise ValueError(f"scores of a fit that failed: {fit_name(unit)}")


def _repeats(columns: Sequence[np.ndarray]) -> bool:
    """Whether two rows of these columns, none of them negative, are the same."""
    row, units = np.zeros(len(columns[0]), np.int64), 1
    for column in columns:
        width = int(column.max(initial=0)) + 1
        row, units = row * width + column, units * width
    if units > 10 * len(row) + 1000:
        return len(np.unique(row)) < len(row)
    seen = np.zeros(units, bool)
    seen[row] = True
    return int(seen.sum()) < len(row)
