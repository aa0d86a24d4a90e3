"""What an arm differs by from another, with an interval, from a frame of cases; `metrics.inference` does the sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from pigbench.errors import PigbenchError, did_you_mean
from pigbench.metrics.inference import Arms, Differences, differences, pool

if TYPE_CHECKING:
    import polars

Part = Literal["patients", "segmenter", "generator"]
"""What an interval covers: other patients, another training of the segmenter, another of the generator."""
FEWEST = 2
"""Patients without whom there is no interval."""


@dataclass(frozen=True)
class Interval:
    """A difference of means with its 95 % interval, in the metric's own unit.

    error, freedom: its standard error, and the degrees of freedom of its t. patients: with a score in both arms.
    covers: what would vary it, as far as the interval knows.
    """

    delta: float
    low: float
    high: float
    error: float
    freedom: float
    patients: int
    covers: tuple[Part, ...] = ("patients",)


def difference(
    cases: polars.DataFrame, arm: str, base: str, metric: str = "dice", *, segmenter: str | None = None
) -> Interval:
    """By how much the mean of `metric` over the cases of `arm` exceeds that of `base`, with its 95 % interval.

    cases: as `pigbench.results.cases` gives them: a row for each case and training, with at least the columns arm,
    segmenter, seed, training, fold, patient_id, case_id and the metric's; null where a case has no score. All arms
    belong in it, as the luck of trainings is pooled over them; where a column `train_patients` is there, over those
    of as many patients. Where a column `generator` is there, null marks arms
    without one; otherwise all but `base` count as generated. Only trainings with a score in every fold of their arm
    count, and only cases of both arms. segmenter: needed where there are several. Raises PigbenchError for an unknown
    arm, metric or segmenter, for cases of several protocols, and for fewer than two patients.
    """
    for name in (arm, base):
        if name not in cases["arm"]:
            raise PigbenchError(did_you_mean("arm", name, sorted(cases["arm"].unique())))
    if metric not in cases.columns:
        raise PigbenchError(did_you_mean("metric", metric, cases.columns))
    if "protocol" in cases.columns and cases["protocol"].n_unique() > 1:
        raise PigbenchError("cases of several protocols, which nothing compares: filter them by protocol")
    frame = _alike(_of_segmenter(cases, segmenter), arm, base)
    arms = _arms(frame, arm, base, metric)
    if arm == base or any(of.patients < FEWEST for of in (arms[arm], arms[base])):
        raise PigbenchError(f"no difference of '{arm}' to '{base}': it takes two arms with cases of two patients")
    every = [of.arms for of in arms.values()]
    pooled = pool([of.luck for of in every if not of.by_generator] or [arms[base].arms.luck])
    found = differences(arms[base].arms, arms[arm].arms, pooled)
    covers = covered_by(arms[arm].arms, arms[base].arms, pooled.freedom)
    patients = min(arms[arm].patients, arms[base].patients)
    return intervals_of(found, (metric,), np.array([patients]), covers)[0][metric]


def intervals_of(
    found: Differences, metrics: Sequence[str], patients: np.ndarray, covers: tuple[Part, ...]
) -> list[dict[str, Interval]]:
    """Of arms side by side, each with all metrics; without those that too few patients have scores of."""
    columns = (found.delta, *found.bounds(), found.error, found.freedom, patients)
    numbers = list(zip(*(column.tolist() for column in columns), strict=True))
    return [
        {
            metric: Interval(*of, covers=covers)  # type: ignore[misc]
            for metric, of in zip(metrics, numbers[start : start + len(metrics)], strict=True)
            if of[-1] >= FEWEST
        }
        for start in range(0, len(numbers), len(metrics))
    ]


def covered_by(arm: Arms, base: Arms, freedom: float) -> tuple[Part, ...]:
    """What the interval of their difference covers; the luck of generators only if it knows that of both arms."""
    covers: tuple[Part, ...] = ("patients",)
    if freedom or (arm.by_generator and base.by_generator):
        covers += ("segmenter",)
    generated = [side.by_generator for side in (arm, base) if side.generated]
    return (*covers, "generator") if generated and all(generated) else covers


@dataclass(frozen=True)
class _Scored:
    arms: Arms
    patients: int


def _of_segmenter(cases: polars.DataFrame, segmenter: str | None) -> polars.DataFrame:
    known = sorted(cases["segmenter"].unique())
    if segmenter is None and len(known) > 1:
        raise PigbenchError(f"cases of several segmenters: choose one, segmenter={' or '.join(map(repr, known))}")
    if segmenter is not None and segmenter not in known:
        raise PigbenchError(did_you_mean("segmenter", segmenter, known))
    return cases.filter(cases["segmenter"] == (segmenter or known[0]))


def _alike(frame: polars.DataFrame, arm: str, base: str) -> polars.DataFrame:
    """The arms that were trained on as many patients as these two, whose luck is like theirs."""
    if "train_patients" not in frame.columns:
        return frame
    sizes = frame["train_patients"].fill_null(0)
    return frame.filter(sizes.is_in(sizes.filter(frame["arm"].is_in([arm, base])).unique().to_list()))


def _arms(frame: polars.DataFrame, arm: str, base: str, metric: str) -> dict[str, _Scored]:
    """Every arm's scores, `arm`'s and `base`'s of the cases that both have."""
    import polars
    from polars import col

    pair = col("arm").is_in([arm, base])
    both = frame.filter(pair).group_by("case_id").agg(col("arm").n_unique() == 2).filter("arm")["case_id"]
    frame = frame.filter(~pair | col("case_id").is_in(both.implode()))
    score = col(metric).cast(polars.Float64).fill_nan(None)
    sums = frame.group_by("arm", "seed", "training", "fold", "patient_id").agg(
        score.sum().alias("sum"), score.count().alias("count")
    )
    patients = sums.group_by("patient_id").agg(col("fold").first()).sort("patient_id").with_row_index("place")
    sums = sums.join(patients.select("patient_id", "place"), on="patient_id")
    generated = _generated(frame, base)
    by_arm = sums.partition_by("arm", as_dict=True).items()
    return {name: _scored(of, patients["fold"].to_numpy(), name in generated) for (name,), of in by_arm}


def _generated(frame: polars.DataFrame, base: str) -> set[str]:
    if "generator" in frame.columns:
        return set(frame.filter(frame["generator"].is_not_null())["arm"].unique())
    return set(frame["arm"].unique()) - {base}


def _scored(sums: polars.DataFrame, fold: np.ndarray, generated: bool) -> _Scored:
    """One arm, from its patients' sums in each training. fold: of every patient, by `place`."""
    from polars import col

    scored = sums.filter(col("count") > 0)
    there = scored.filter((col("fold").n_unique() == scored["fold"].n_unique()).over("seed", "training"))
    repeats = there.select("seed", "training").unique().sort("seed", "training").with_row_index("repeat")
    there = there.join(repeats, on=["seed", "training"])
    values = np.zeros((2, max(len(repeats), 1), len(fold), 1))
    values[:, there["repeat"], there["place"], 0] = there["sum"], there["count"]
    arms = Arms.of(values[0], values[1], fold, repeats["seed"].to_list() if generated else None)
    return _Scored(arms, int((values[1] > 0).any(axis=(0, 2)).sum()))
