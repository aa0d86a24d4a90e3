"""What the rows of one table say together: the interval of each, and the verdicts of those that are ranked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
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

HELPS, HURTS, NOTHING_SHOWN = VERDICTS = ("helps", "hurts", "no difference shown")


@dataclass(frozen=True)
class Family:
    """The rows of one segmenter whose intervals cover together with 95 %, which verdicts are given by.

    level: of each by itself. bounds: by arm. detectable: by the arm that they differ from, the difference that the
    median of its rows would show, with a probability of 80 %.
    """

    level: float = CONFIDENCE
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    detectable: Mapping[str, float] = field(default_factory=dict)

    def verdict(self, arm: str) -> str:
        """One of `VERDICTS`; empty for an arm that is none of the family."""
        if arm not in self.bounds:
            return ""
        low, high = self.bounds[arm]
        return VERDICTS[0] if low > 0 else VERDICTS[1] if high < 0 else VERDICTS[2]


@dataclass(frozen=True)
class Member:
    """A row to compare. generated: whether each seed has pairs of its own. ranked: whether it gets a verdict."""

    pool: Pool
    generated: bool = False
    ranked: bool = True
    train_patients: int | None = None


@dataclass(frozen=True)
class Compared:
    """The rows of one segmenter against some of them. intervals: by arm and metric."""

    intervals: Mapping[str, Mapping[str, Interval]]
    family: Family


def compare_rows(rows: Mapping[str, Member], against: Mapping[str, str], deciding: str) -> Compared:
    """What rows differ by from others, in every metric; verdicts go by the metric `deciding`.

    Every row has the same metrics. against: by arm, the arm that it differs from. Where a row's own trainings are few,
    luck is pooled over all rows of as many patients as it has, or the one that it differs from.
    """
    intervals: dict[str, Mapping[str, Interval]] = {}
    ranked: list[tuple[str, tuple[str, ...], Differences]] = []
    for base, patients in dict.fromkeys((base, rows[arm].train_patients) for arm, base in against.items()):
        alike = {arm: row for arm, row in rows.items() if row.train_patients in (patients, rows[base].train_patients)}
        own = [arm for arm, its in against.items() if its == base and rows[arm].train_patients == patients]
        for names, found, of_names in _differences(own, base, alike):
            intervals |= of_names
            if ours := [arm for arm in names if rows[arm].ranked and _covers_luck(of_names[arm], deciding)]:
                metrics = rows[base].pool.metrics
                columns = [names.index(arm) * len(metrics) + metrics.index(deciding) for arm in ours]
                ranked.append((base, tuple(ours), picked(found, columns)))
    return Compared(intervals, _family(ranked))


def _covers_luck(of_arm: Mapping[str, Interval], deciding: str) -> bool:
    return deciding in of_arm and "segmenter" in of_arm[deciding].covers


def _differences(
    names: Sequence[str], base: str, rows: Mapping[str, Member]
) -> Iterator[tuple[tuple[str, ...], Differences, dict[str, Mapping[str, Interval]]]]:
    """Blocks of rows: their names, their differences to `base` in all metrics, and the intervals of these.

    names: whose. rows: those whose luck is alike, with these and the base among them.
    """
    metrics, scored = rows[base].pool.metrics, rows[base].pool.patients()
    (of_base,), blocks = _side_by_side({base: rows[base]}), _side_by_side({name: rows[name] for name in names})
    rest = _side_by_side({name: row for name, row in rows.items() if name not in {base, *names}})
    by_training = [block for block in (of_base, *blocks, *rest) if not block.arms.by_generator] or [of_base]
    pooled = pool([luck for block in by_training for luck in block.lucks(len(metrics))])
    for block in blocks:
        times, covers = len(block.names), covered_by(block.arms, of_base.arms, pooled.freedom)
        found = differences(repeated(of_base.arms, times), block.arms, repeated(pooled, times))
        patients = [np.minimum(rows[name].pool.patients(), scored) for name in block.names]
        each = intervals_of(found, metrics, np.concatenate(patients), covers)
        yield block.names, found, dict(zip(block.names, each, strict=True))


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


def arms_of(pools: Sequence[Pool], generated: bool) -> Arms:
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
        _Block(tuple(some), arms_of([rows[name].pool for name in some], rows[some[0]].generated))
        for names in alike.values()
        for start in range(0, len(names), AT_ONCE)
        for some in [names[start : start + AT_ONCE]]
    ]


def _family(members: Sequence[tuple[str, tuple[str, ...], Differences]]) -> Family:
    """members: blocks of ranked rows, each with the arm that they differ from."""
    if not members:
        return Family()
    bases = [base for base, names, _ in members for _ in names]
    names = [name for _, some, _ in members for name in some]
    together = side_by_side([found for *_, found in members])
    known = list(dict.fromkeys(bases))
    level = simultaneous_level(together, [known.index(base) for base in bases])
    bounds = zip(*(bound.tolist() for bound in together.bounds(level)), strict=True)
    of_base, detectable = np.array(bases), together.detectable(level)
    return Family(
        level,
        dict(zip(names, bounds, strict=True)),
        {base: float(np.median(detectable[of_base == base])) for base in known},
    )
