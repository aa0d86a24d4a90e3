"""Case metrics at work: the statistics and scores of cases that come one at a time.

A metric that breaks the contract gets no numbers and a reason; the others stay. Nothing that a metric does raises here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pigbench.contracts import CaseMasks, CaseMetric, EmptyRule
from pigbench.counting import counted
from pigbench.errors import PigbenchError
from pigbench.metrics import kept_as
from pigbench.metrics.refusals import breaks, number, read_only, refusing, without


@dataclass(frozen=True)
class Measured:
    """What case metrics say of N cases.

    statistics: by the name that they are kept under, (N,) float64 by name; once where metrics share them. scores: by
    metric, (N,) float64, NaN where its rule for empty masks excludes the case. refused: by metric, why there is none.
    """

    statistics: dict[str, dict[str, np.ndarray]]
    scores: dict[str, np.ndarray]
    refused: dict[str, str]


def measure_cases(metrics: Mapping[str, CaseMetric], cases: Iterable[CaseMasks]) -> Measured:
    """The statistics and scores of all cases by the metrics, by name. `cases` is gone through once.

    An error of `cases` itself is raised as it is.
    """
    refused: dict[str, str] = {}
    sharing = _sharing(metrics, refused)
    kept: dict[str, list[dict[str, float]]] = {name: [] for name in sharing}
    lesion, predicted = [], []
    for case in cases:
        lesion.append(bool(case.truth.any()))
        predicted.append(bool(case.prediction.any()))
        shown = _read_only(case)
        for name, names in sharing.items():
            if names[0] in refused:
                continue
            metric = metrics[names[0]]
            with refusing(refused, names, metric):
                kept[name].append(statistics_of(metric, shown))
    statistics = {
        name: {each: np.array([row[each] for row in kept[name]], float) for each in metrics[names[0]].statistics}
        for name, names in sharing.items()
        if names[0] not in refused
    }
    scores = {}
    for name in without(metrics, refused):
        with refusing(refused, [name], metrics[name]):
            own = statistics[kept_as(name, metrics[name])]
            scores[name] = scored(metrics[name], own, np.array(lesion, bool), np.array(predicted, bool))
    of_some = {kept_as(name, metrics[name]) for name in scores}
    return Measured({name: own for name, own in statistics.items() if name in of_some}, scores, refused)


def scored(
    metric: CaseMetric, statistics: Mapping[str, np.ndarray], lesion: np.ndarray, predicted: np.ndarray
) -> np.ndarray:
    """(N,) scores from statistics that were kept, the metric's rule for empty masks applied: NaN where it excludes.

    statistics: (N,) each. lesion, predicted: (N,) bool, whether truth and prediction have any pixel. Raises Refused for
    statistics and scores that break the contract.
    """
    outcomes = metric.empty.outcomes(lesion, predicted)
    decided = np.logical_or.reduce([np.zeros(len(lesion), bool), *outcomes.values()])
    for name, values in statistics.items():
        if len(wrong := np.flatnonzero(~np.isfinite(values) & ~decided)):
            raise breaks(f"{values[wrong[0]]} as '{name}' of case {wrong[0]}", "A statistic is finite")
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = np.array(metric.score({name: read_only(values) for name, values in statistics.items()}))
    if scores.shape != lesion.shape or scores.dtype.kind not in "biuf":
        what = f"scores {scores.shape} {scores.dtype} of {counted(len(lesion), 'case')}"
        raise breaks(what, "Scores are one number")
    scores = scores.astype(float)
    for outcome, where in outcomes.items():
        scores[where] = np.nan if outcome == "excluded" else outcome
    within = np.isfinite(scores) & (scores >= metric.low) & (scores <= metric.high)
    if len(wrong := np.flatnonzero(~within & ~outcomes.get("excluded", np.zeros(len(lesion), bool)))):
        raise breaks(
            f"a score of {scores[wrong[0]]} to case {wrong[0]}, where {metric.low:g} to {metric.high:g} is the range",
            "Scores are one number",
        )
    return scores


def require_declared(metric: CaseMetric) -> None:
    """Raises PigbenchError where there are no statistics or no rule for empty masks."""
    if not getattr(metric, "statistics", ()) or not isinstance(getattr(metric, "empty", None), EmptyRule):
        raise PigbenchError("it declares no statistics, or no rule for empty masks")


def _sharing(metrics: Mapping[str, CaseMetric], refused: dict[str, str]) -> dict[str, list[str]]:
    """The metrics by the name that their statistics are kept under; the first of each measures for all.

    One that has other statistics than the first of its name is refused.
    """
    sharing: dict[str, list[str]] = {}
    for name, metric in metrics.items():
        names = sharing.setdefault(kept_as(name, metric), [])
        with refusing(refused, [name], metric):
            require_declared(metric)
            if any(_kept(metric) != _kept(metrics[other]) for other in names[:1]):
                raise PigbenchError(f"'{names[0]}' keeps other statistics under '{kept_as(name, metric)}'")
            names.append(name)
    return {kept: names for kept, names in sharing.items() if names}


def _kept(metric: CaseMetric) -> tuple[object, ...]:
    """What metrics that share statistics have in common."""
    return type(metric).measure, tuple(metric.statistics)


def statistics_of(metric: CaseMetric, case: CaseMasks) -> dict[str, float]:
    """One case measured. Raises Refused for other statistics than the metric declares."""
    found: object = metric.measure(case)
    if not isinstance(found, Mapping) or set(found) != set(metric.statistics):
        what = ", ".join(map(str, found)) or "no statistics" if isinstance(found, Mapping) else _briefly(found)
        raise breaks(f"{what} where it declares {', '.join(metric.statistics)}", "The statistics have the names")
    row = {}
    for name, value in found.items():
        if (one := number(value)) is None:
            raise breaks(f"{_briefly(value)} as '{name}'", "The statistics have the names")
        row[name] = one
    return row


def _briefly(value: Any) -> str:
    shape = np.shape(value)
    return f"an array {shape}" if shape else f"{value!r:.40}"


def _read_only(case: CaseMasks) -> CaseMasks:
    return replace(
        case,
        truth=read_only(case.truth),
        prediction=read_only(case.prediction),
        probability=read_only(case.probability),
    )
