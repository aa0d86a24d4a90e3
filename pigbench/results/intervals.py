"""What an arm differs by from another, with an interval; and what the rows of one table say together.

`difference` takes a frame of cases, `compare_rows` the pools of a table's rows; `metrics.inference` does the sums.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from pigbench.errors import PigbenchError, did_you_mean
from pigbench.metrics.inference import (
    CONFIDENCE,
    Arms,
    Differences,
    Luck,
    differences,
    picked,
    pool,
    repeated,
    side_by_side,
    simultaneous_level,
)
from pigbench.results.pool import AT_ONCE, Pool

if TYPE_CHECKING:
    import polars

Part = Literal["patients", "segmenter", "generator"]
"""What an interval covers: other patients, another training of the segmenter, another of the generator."""
FEWEST = 2
"""Patients without whom there is no interval."""
VERDICTS = ("helps", "hurts", "no difference shown")


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


@dataclass(frozen=True)
class Family:
    """The rows of one segmenter whose intervals cover together with 95 %, which verdicts are given by.

    level: of each by itself. bounds: by arm. detectable: the difference that its median row would show, with a
    probability of 80 %. against: what all differ from.
    """

    against: str
    level: float = CONFIDENCE
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    detectable: float = np.nan

    def verdict(self, arm: str) -> str:
        """One of `VERDICTS`; empty for an arm that is none of the family."""
        if arm not in self.bounds:
            return ""
        low, high = self.bounds[arm]
        return VERDICTS[0] if low > 0 else VERDICTS[1] if high < 0 else VERDICTS[2]


@dataclass(frozen=True)
class Member:
    """A row to compare. generated: whether it trains on a generator's pairs. ranked: whether it gets a verdict."""

    pool: Pool
    generated: bool = False
    ranked: bool = True


@dataclass(frozen=True)
class Compared:
    """The rows of one segmenter against one of them. intervals: by arm and metric."""

    intervals: Mapping[str, Mapping[str, Interval]]
    family: Family


def compare_rows(rows: Mapping[str, Member], against: str, deciding: str) -> Compared:
    """What all rows, by arm, differ by from the row `against`, in every metric; verdicts go by the metric `deciding`.

    Every row has the same metrics. Luck is pooled over rows where a row's own trainings are few.
    """
    metrics = rows[against].pool.metrics
    (base,) = _side_by_side({against: rows[against]})
    others = _side_by_side({name: row for name, row in rows.items() if name != against})
    by_training = [block for block in (base, *others) if not block.arms.by_generator] or [base]
    pooled = pool([luck for block in by_training for luck in block.lucks(len(metrics))])
    scored = rows[against].pool.patients()
    intervals: dict[str, dict[str, Interval]] = {}
    ranked: dict[tuple[str, ...], Differences] = {}
    for block in others:
        times, covers = len(block.names), _covers(block.arms, base.arms, pooled.freedom)
        found = differences(repeated(base.arms, times), block.arms, repeated(pooled, times))
        patients = [np.minimum(rows[name].pool.patients(), scored) for name in block.names]
        each = _intervals(found, metrics, np.concatenate(patients), covers)
        intervals |= dict(zip(block.names, each, strict=True))
        if "segmenter" in covers:
            places = [n for n, name in enumerate(block.names) if rows[name].ranked and deciding in intervals[name]]
            columns = [place * len(metrics) + metrics.index(deciding) for place in places]
            ranked[tuple(block.names[place] for place in places)] = picked(found, columns)
    return Compared(intervals, _family(against, ranked))


@dataclass(frozen=True)
class _Block:
    """Arms of one layout side by side, each with all metrics."""

    names: tuple[str, ...]
    arms: Arms

    def lucks(self, metrics: int) -> list[Luck]:
        """Of each arm."""
        return [
            picked(self.arms.luck, range(number * metrics, (number + 1) * metrics)) for number in range(len(self.names))
        ]


def _arms_of(pools: Sequence[Pool], generated: bool) -> Arms:
    """Pools of one layout. generated: whether the seeds of their trainings are those of generators."""
    layout = pools[0].layout
    seeds = [seed for seed, _ in layout.repeats]
    sums, counts = (np.concatenate([getattr(of, part) for of in pools], axis=-1) for part in ("sums", "counts"))
    return Arms.of(sums, counts, layout.fold_of_patient, seeds if generated and len(set(seeds)) > 1 else None)


def _side_by_side(rows: Mapping[str, Member]) -> list[_Block]:
    alike = defaultdict(list)
    for name, row in rows.items():
        alike[id(row.pool.layout), row.generated].append(name)
    return [
        _Block(tuple(some), _arms_of([rows[name].pool for name in some], rows[some[0]].generated))
        for names in alike.values()
        for start in range(0, len(names), AT_ONCE)
        for some in [names[start : start + AT_ONCE]]
    ]


def difference(
    cases: polars.DataFrame, arm: str, base: str, metric: str = "dice", *, segmenter: str | None = None
) -> Interval:
    """By how much the mean of `metric` over the cases of `arm` exceeds that of `base`, with its 95 % interval.

    cases: as `pigbench.results.cases` gives them: a row for each case and training, with at least the columns arm,
    segmenter, seed, training, fold, patient_id, case_id and the metric's; null where a case has no score. All arms
    belong in it, as the luck of trainings is pooled over them. Where a column `generator` is there, null marks arms
    without one; otherwise all but `base` count as generated. Only trainings with a score in every fold of their arm
    count, and only cases of both arms. segmenter: needed where there are several. Raises PigbenchError for an unknown
    arm, metric or segmenter, and for fewer than two patients.
    """
    for name in (arm, base):
        if name not in cases["arm"]:
            raise PigbenchError(did_you_mean("arm", name, sorted(cases["arm"].unique())))
    if metric not in cases.columns:
        raise PigbenchError(did_you_mean("metric", metric, cases.columns))
    frame = _of_segmenter(cases, segmenter)
    arms = _arms(frame, arm, base, metric)
    if arm == base or any(of.patients < FEWEST for of in (arms[arm], arms[base])):
        raise PigbenchError(f"no difference of '{arm}' to '{base}': it takes two arms with cases of two patients")
    every = [of.arms for of in arms.values()]
    pooled = pool([of.luck for of in every if not of.by_generator] or [arms[base].arms.luck])
    found = differences(arms[base].arms, arms[arm].arms, pooled)
    covers = _covers(arms[arm].arms, arms[base].arms, pooled.freedom)
    patients = min(arms[arm].patients, arms[base].patients)
    return _intervals(found, (metric,), np.array([patients]), covers)[0][metric]


def _intervals(
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


def _covers(arm: Arms, base: Arms, freedom: float) -> tuple[Part, ...]:
    """What the interval of their difference covers."""
    covers: tuple[Part, ...] = ("patients",)
    if freedom or (arm.by_generator and base.by_generator):
        covers += ("segmenter",)
    return (*covers, "generator") if arm.by_generator else covers


def _family(against: str, members: Mapping[tuple[str, ...], Differences]) -> Family:
    names = [name for some in members for name in some]
    if not names:
        return Family(against)
    together = side_by_side(list(members.values()))
    level = simultaneous_level(together)
    bounds = zip(*(bound.tolist() for bound in together.bounds(level)), strict=True)
    return Family(against, level, dict(zip(names, bounds, strict=True)), float(np.median(together.detectable(level))))


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

    whole = (col("fold").n_unique() == sums["fold"].n_unique()).over("seed", "training")
    there = sums.filter(whole)
    repeats = there.select("seed", "training").unique().sort("seed", "training").with_row_index("repeat")
    there = there.join(repeats, on=["seed", "training"])
    values = np.zeros((2, max(len(repeats), 1), len(fold), 1))
    values[:, there["repeat"], there["place"], 0] = there["sum"], there["count"]
    seeds = repeats["seed"].to_list()
    of_generators = seeds if generated and len(set(seeds)) > 1 else None
    arms = Arms.of(values[0], values[1], fold, of_generators)
    return _Scored(arms, int((values[1] > 0).any(axis=(0, 2)).sum()))
