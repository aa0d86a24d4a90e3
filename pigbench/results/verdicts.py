"""What the rows of one table say together: the interval of each, and the verdicts of those that are ranked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

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
from pigbench.results.intervals import Interval, covered_by, intervals_of
from pigbench.results.pool import AT_ONCE, Pool

VERDICTS = ("helps", "hurts", "no difference shown")


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
        times, covers = len(block.names), covered_by(block.arms, base.arms, pooled.freedom)
        found = differences(repeated(base.arms, times), block.arms, repeated(pooled, times))
        patients = [np.minimum(rows[name].pool.patients(), scored) for name in block.names]
        each = intervals_of(found, metrics, np.concatenate(patients), covers)
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
    return Arms.of(sums, counts, layout.fold_of_patient, seeds if generated else None)


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


def _family(against: str, members: Mapping[tuple[str, ...], Differences]) -> Family:
    names = [name for some in members for name in some]
    if not names:
        return Family(against)
    together = side_by_side(list(members.values()))
    level = simultaneous_level(together)
    bounds = zip(*(bound.tolist() for bound in together.bounds(level)), strict=True)
    return Family(against, level, dict(zip(names, bounds, strict=True)), float(np.median(together.detectable(level))))
