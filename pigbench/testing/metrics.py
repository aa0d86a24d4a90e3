"""A metric on drawn masks or features, and its checks in the order in which they are made."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from pigbench.contracts import CaseMasks, CaseMetric, Metric, SetMetric, Sets, rule
from pigbench.errors import PigbenchError
from pigbench.metrics.comparing import value_of
from pigbench.metrics.measuring import require_declared, scored, statistics_of
from pigbench.metrics.refusals import Refused
from pigbench.testing.at_work import package_of
from pigbench.testing.late_imports import late_imports
from pigbench.testing.masks import make_cases, make_sets
from pigbench.testing.results import Check, Fault, calling, entry, promised


class MetricAtWork(ABC):
    """A metric of either kind. inputs: what it is tried on, by what they show."""

    def __init__(self, plugin: type[Metric], inputs: Mapping[str, Any]) -> None:
        self.plugin, self.inputs = plugin, inputs
        self.package: Path | None = package_of(plugin)

    def fresh(self) -> Any:
        """The metric, without memories. Raises Fault."""
        with calling("__init__", self.plugin):
            return self.plugin()

    @abstractmethod
    def measure(self, metric: Any, name: str, given: Any) -> dict[str, float]:
        """What the metric says of one input. Raises Fault."""


class CasesAtWork(MetricAtWork):
    """A case metric on cases of many kinds."""

    def measure(self, metric: CaseMetric, name: str, given: CaseMasks) -> dict[str, float]:
        """The statistics of a case. Raises Fault."""
        with _telling(f"measure of {name}", CaseMetric.measure):
            return statistics_of(metric, given)

    @cached_property
    def rows(self) -> list[dict[str, float]]:
        """The statistics of every case. Raises Fault."""
        metric = self.fresh()
        return [self.measure(metric, name, copied(case)) for name, case in self.inputs.items()]

    def scores(self, rows: Sequence[int]) -> np.ndarray:
        """The scores of some of the cases. Raises Fault."""
        metric, names = self.fresh(), list(self.inputs)
        cases = [self.inputs[names[row]] for row in rows]
        statistics = {name: np.array([self.rows[row][name] for row in rows]) for name in metric.statistics}
        lesion = np.array([case.truth.any() for case in cases])
        predicted = np.array([case.prediction.any() for case in cases])
        of = names[rows[0]] if len(rows) == 1 else f"{len(rows)} cases"
        with _telling(f"score of {of}", CaseMetric.score):
            return scored(metric, statistics, lesion, predicted)


class SetsAtWork(MetricAtWork):
    """A set metric on features of several kinds."""

    def measure(
        self, metric: SetMetric, name: str, given: Sets, known: Mapping[str, np.ndarray] | None = None
    ) -> dict[str, float]:
        """The value for a set of features. Raises Fault."""
        with _telling(f"measure of {name}", SetMetric.measure):
            return {"value": value_of(metric, given, known or {})}

    def known(self, sets: Sets) -> dict[str, np.ndarray]:
        """What follows from the real images alone. Raises Fault."""
        with _telling("known", SetMetric.known):
            found = self.fresh().known(replace(copied(sets), generated=sets.generated[:0].copy()))
            return {name: np.asarray(value) for name, value in found.items()}


def checks_of(plugin: type[Metric]) -> tuple[Sequence[Check], MetricAtWork]:
    """What a metric is tried with, by its kind."""
    if issubclass(plugin, CaseMetric):
        return CASE_CHECKS, CasesAtWork(plugin, make_cases())
    return SET_CHECKS, SetsAtWork(plugin, make_sets())


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
    for name, one, other in zip(subject.inputs, alone, together, strict=True):
        if not np.isclose(one, other, rtol=1e-9, atol=0, equal_nan=True):
            raise Fault(f"{name} scores {one} by itself and {other} among others", rule("Scores are one number"))
    if not np.isfinite(together).any():
        raise Fault("no case has a score", rule("Scores are one number"))
    return f"from {np.nanmin(together):.3g} to {np.nanmax(together):.3g}, {np.isnan(together).sum()} excluded"


def values(subject: SetsAtWork) -> str:
    """Every set has a finite value in range."""
    metric = subject.fresh()
    found = [subject.measure(metric, name, copied(sets))["value"] for name, sets in subject.inputs.items()]
    return f"from {min(found):.3g} to {max(found):.3g}"


def with_known(subject: SetsAtWork) -> str:
    """With what is known of the real images, the value is the same as without."""
    for name, sets in subject.inputs.items():
        known = subject.known(sets)
        without, value = (subject.measure(subject.fresh(), name, copied(sets), given)["value"] for given in ({}, known))
        if not np.isclose(value, without, rtol=1e-6, atol=1e-9):
            raise Fault(f"{name}: {value} with what is known, {without} without", promised(SetMetric.known))
    return f"{', '.join(known) or 'nothing'} known of the real images"


def same_again(subject: MetricAtWork) -> str:
    """Measured again, every number is the same."""
    metric = subject.fresh()
    for name, given in subject.inputs.items():
        first, again = (subject.measure(metric, name, copied(given)) for _ in range(2))
        if changed := [key for key in first if not np.array_equal(first[key], again[key], equal_nan=True)]:
            raise Fault(f"measured again, {name} has another {changed[0]}", rule("The same masks"))
    return "measured twice"


def left_alone(subject: MetricAtWork) -> str:
    """What the metric is given is what it was."""
    metric = subject.fresh()
    for name, before in subject.inputs.items():
        given = copied(before)
        subject.measure(metric, name, given)
        for field in fields(given):
            if not np.array_equal(getattr(given, field.name), getattr(before, field.name)):
                raise Fault(f"after measuring {name}, '{field.name}' has changed", rule("A metric leaves"))
    return "what it is given is what it was"


def copied(given: Any) -> Any:
    """The same with arrays of its own, which can be written to."""
    arrays = {field.name: getattr(given, field.name) for field in fields(given)}
    return replace(given, **{name: value.copy() for name, value in arrays.items() if isinstance(value, np.ndarray)})


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
    Check("masks alone", left_alone),
    Check("late imports", late_imports),
)
SET_CHECKS = (
    Check("declaration", declaration, first_of_all=True),
    Check("value", values, first_of_all=True),
    Check("known", with_known),
    Check("same again", same_again),
    Check("features alone", left_alone),
    Check("late imports", late_imports),
)
