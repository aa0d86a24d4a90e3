"""A metric on drawn masks or features, and its checks in the order in which they are made."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from pigbench.contracts import CaseMetric, Metric, SetMetric, Sets, rule
from pigbench.errors import PigbenchError
from pigbench.metrics.comparing import value_of
from pigbench.metrics.measuring import require_declared, scored, statistics_of
from pigbench.metrics.refusals import Refused
from pigbench.testing.at_work import package_of
from pigbench.testing.late_imports import late_imports
from pigbench.testing.masks import make_cases, make_sets
from pigbench.testing.results import Check, Fault, calling, entry, promised


class MetricAtWork:
    """A metric of either kind."""

    def __init__(self, plugin: type[Metric]) -> None:
        self.plugin = plugin
        self.package: Path | None = package_of(plugin)

    def fresh(self) -> Any:
        """The metric, without memories. Raises Fault."""
        with calling("__init__", self.plugin):
            return self.plugin()


class CasesAtWork(MetricAtWork):
    """A case metric on cases of many kinds."""

    def __init__(self, plugin: type[Metric]) -> None:
        super().__init__(plugin)
        self.cases = make_cases()

    @cached_property
    def rows(self) -> list[dict[str, float]]:
        """The statistics of every case. Raises Fault."""
        return self.measured()

    def measured(self) -> list[dict[str, float]]:
        """The statistics of every case by a new metric, from arrays that it could change. Raises Fault."""
        metric, rows = self.fresh(), []
        for name, case in self.cases.items():
            with _telling(f"measure of {name}", CaseMetric.measure):
                rows.append(statistics_of(metric, copied(case)))
        return rows

    def scores(self, rows: Sequence[int]) -> np.ndarray:
        """The scores of some of the cases. Raises Fault."""
        metric, cases = self.fresh(), list(self.cases.values())
        statistics = {name: np.array([self.rows[row][name] for row in rows]) for name in metric.statistics}
        lesion = np.array([cases[row].truth.any() for row in rows])
        predicted = np.array([cases[row].prediction.any() for row in rows])
        with _telling(f"score of {self._told(rows)}", CaseMetric.score):
            return scored(metric, statistics, lesion, predicted)

    def _told(self, rows: Sequence[int]) -> str:
        return list(self.cases)[rows[0]] if len(rows) == 1 else f"{len(rows)} cases"


class SetsAtWork(MetricAtWork):
    """A set metric on features of several kinds."""

    def __init__(self, plugin: type[Metric]) -> None:
        super().__init__(plugin)
        self.sets = make_sets()

    def known(self, sets: Sets) -> dict[str, np.ndarray]:
        """What follows from the real images alone. Raises Fault."""
        with _telling("known", SetMetric.known):
            found = self.fresh().known(replace(copied(sets), generated=sets.generated[:0].copy()))
            return {name: np.asarray(value) for name, value in found.items()}

    def value(self, name: str, sets: Sets, known: Mapping[str, np.ndarray]) -> float:
        """The value for a set of features. Raises Fault."""
        with _telling(f"measure of {name}", SetMetric.measure):
            return value_of(self.fresh(), sets, known)


def checks_of(plugin: type[Metric]) -> tuple[Sequence[Check], MetricAtWork]:
    """What a metric is tried with, by its kind."""
    if issubclass(plugin, CaseMetric):
        return CASE_CHECKS, CasesAtWork(plugin)
    return SET_CHECKS, SetsAtWork(plugin)


def declaration(subject: MetricAtWork) -> str:
    """The class is whole, and says all that a table needs."""
    plugin = subject.plugin
    if inspect.isabstract(plugin):
        missing = ", ".join(sorted(plugin.__abstractmethods__))
        kind = CaseMetric if issubclass(plugin, CaseMetric) else SetMetric
        raise Fault(f"it does not have all methods: {missing}", promised(kind))
    for name, good in _WANTED.items():
        value = getattr(plugin, name, None)
        if not good(value):
            raise Fault(f"its {name} is {value!r}", entry(Metric, name))
    if not plugin.low < plugin.high:
        raise Fault(f"its range goes from {plugin.low} to {plugin.high}", entry(Metric, "low, high"))
    if isinstance(metric := subject.fresh(), CaseMetric):
        _require_outcomes(metric)
    return f"{plugin.heading}, {plugin.better} is better, {plugin.low:g} to {plugin.high:g}"


_WANTED = {
    "heading": lambda value: isinstance(value, str) and value,
    "better": lambda value: value in ("higher", "lower"),
    "unit": lambda value: isinstance(value, str),
    "note": lambda value: isinstance(value, str) and not value[:1].isspace(),
    "scale": lambda value: isinstance(value, int | float) and value > 0,
    "digits": lambda value: isinstance(value, int) and value >= 0,
}


def _require_outcomes(metric: CaseMetric) -> None:
    try:
        require_declared(metric)
    except PigbenchError as error:
        raise Fault(str(error), entry(CaseMetric, "statistics")) from error
    for field in fields(metric.empty):
        outcome = getattr(metric.empty, field.name)
        if outcome not in ("computed", "excluded") and not metric.low <= outcome <= metric.high:
            raise Fault(f"its rule for empty masks gives {outcome} to {field.name}", rule("Scores are one number"))


def statistics(subject: CasesAtWork) -> str:
    """Every case has the statistics that are declared."""
    return f"{', '.join(subject.fresh().statistics)} of {len(subject.rows)} cases"


def scores(subject: CasesAtWork) -> str:
    """All cases have scores in range, and each the same by itself as among others."""
    rows = range(len(subject.rows))
    alone = np.concatenate([subject.scores([row]) for row in rows])
    together = subject.scores(rows)
    for name, one, other in zip(subject.cases, alone, together, strict=True):
        if not np.isclose(one, other, rtol=1e-9, atol=0, equal_nan=True):
            raise Fault(f"{name} scores {one} by itself and {other} among others", rule("Scores are one number"))
    if not np.isfinite(together).any():
        raise Fault("no case has a score", rule("Scores are one number"))
    return f"from {np.nanmin(together):.3g} to {np.nanmax(together):.3g}, {np.isnan(together).sum()} excluded"


def same_again(subject: CasesAtWork) -> str:
    """Measured again, the statistics are the same."""
    for name, first, again in zip(subject.cases, subject.rows, subject.measured(), strict=True):
        if changed := [key for key in first if not np.array_equal(first[key], again[key], equal_nan=True)]:
            raise Fault(f"measured again, {name} has another {changed[0]}", rule("The same masks"))
    return "measured twice"


def masks_alone(subject: CasesAtWork) -> str:
    """The masks are what they were."""
    metric = subject.fresh()
    for name, case in subject.cases.items():
        given = copied(case)
        with _telling(f"measure of {name}", CaseMetric.measure):
            metric.measure(given)
        _require_unchanged(given, case, f"after measuring {name}")
    return "truth, prediction and probability are what they were"


def values(subject: SetsAtWork) -> str:
    """Every set has a finite value in range."""
    found = [subject.value(name, copied(sets), {}) for name, sets in subject.sets.items()]
    return f"from {min(found):.3g} to {max(found):.3g}"


def with_known(subject: SetsAtWork) -> str:
    """With what is known of the real images, the value is the same as without."""
    for name, sets in subject.sets.items():
        known = subject.known(sets)
        without, value = (subject.value(name, copied(sets), given) for given in ({}, known))
        if not np.isclose(value, without, rtol=1e-6, atol=1e-9):
            raise Fault(f"{name}: {value} with what is known, {without} without", promised(SetMetric.known))
    return f"{', '.join(known) or 'nothing'} known of the real images"


def same_value_again(subject: SetsAtWork) -> str:
    """Compared again, the value is the same."""
    for name, sets in subject.sets.items():
        first, again = (subject.value(name, copied(sets), {}) for _ in range(2))
        if first != again:
            raise Fault(f"compared again, {name} give {again} and not {first}", rule("The same masks"))
    return "compared twice"


def features_alone(subject: SetsAtWork) -> str:
    """The features are what they were."""
    for name, sets in subject.sets.items():
        given = copied(sets)
        subject.value(name, given, {})
        _require_unchanged(given, sets, f"after comparing {name}")
    return "the features are what they were"


def copied(given: Any) -> Any:
    """The same with arrays of its own, which can be written to."""
    arrays = {field.name: getattr(given, field.name) for field in fields(given)}
    return replace(given, **{name: value.copy() for name, value in arrays.items() if isinstance(value, np.ndarray)})


def _require_unchanged(given: Any, before: Any, when: str) -> None:
    for field in fields(given):
        if not np.array_equal(getattr(given, field.name), getattr(before, field.name)):
            raise Fault(f"{when}, '{field.name}' has changed", rule("A metric leaves"))


@contextmanager
def _telling(what: str, promise: Any) -> Iterator[None]:
    """Turns a refusal into a Fault with the same sentence, and other errors as `calling` does."""
    with np.errstate(divide="ignore", invalid="ignore"), calling(what, promise):
        try:
            yield
        except Refused as refused:
            raise Fault(f"{what} {refused.what}", refused.sentence) from refused


CASE_CHECKS = (
    Check("declaration", declaration, first_of_all=True),
    Check("statistics", statistics, first_of_all=True),
    Check("scores", scores),
    Check("same again", same_again),
    Check("masks alone", masks_alone),
    Check("late imports", late_imports),
)
SET_CHECKS = (
    Check("declaration", declaration, first_of_all=True),
    Check("value", values, first_of_all=True),
    Check("known", with_known),
    Check("same again", same_value_again),
    Check("features alone", features_alone),
    Check("late imports", late_imports),
)
