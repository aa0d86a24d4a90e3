"""The learning curve: how well arms do by the number of training patients, and what pairs are worth in patients."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pigbench.metrics.inference import Arms, Luck, parts_of_means, picked, pool, side_by_side
from pigbench.metrics.worth import LEAST_SIZES, Worth, worth
from pigbench.results.intervals import FEWEST, Part
from pigbench.results.pool import Pool
from pigbench.results.verdicts import Member, arms_of


@dataclass(frozen=True)
class Curve:
    """The real-only arms of one segmenter that everything is read off, by ascending number of training patients.

    sizes: the numbers, of all patients a mean over folds. worth: by arm. covers: what its intervals cover, see
    `results.intervals.Interval`.
    """

    arms: tuple[str, ...]
    sizes: tuple[float, ...]
    worth: Mapping[str, Worth]
    covers: tuple[Part, ...]


def learning_curve(
    members: Mapping[str, Member],
    sizes: Mapping[str, float],
    real: Sequence[str],
    others: Sequence[str],
    metric: str,
) -> Curve | None:
    """What each of `others` is worth in a metric, where the curve has points enough; None of fewer than two.

    sizes: the number of training patients, by arm. real: the real-only arms. others: those whose worth is wanted. Luck
    is pooled over all members. Arms of which too few patients have a score are left out.
    """
    arms = {arm: _arms(member, metric) for arm, member in members.items() if _is_scored(member.pool, metric)}
    points = sorted((arm for arm in real if arm in arms), key=sizes.__getitem__)
    distinct = len({sizes[arm] for arm in points})
    if distinct < 2:
        return None
    lucks = _pooled(arms, sizes)
    parts = {arm: parts_of_means(of, lucks[sizes[arm]]) for arm, of in arms.items()}
    found = {}
    for arm in (arm for arm in others if arm in arms) if distinct >= LEAST_SIZES else ():
        chosen = [*points, arm]
        means = np.array([arms[one].mean[0] for one in chosen])
        found[arm] = worth([sizes[one] for one in points], means, side_by_side([parts[one] for one in chosen]))
    covers: tuple[Part, ...] = ("patients",)
    covers += ("segmenter",) if all(luck.freedom for luck in lucks.values()) else ()
    generated = [of.by_generator for of in arms.values() if of.generated]
    covers += ("generator",) if generated and all(generated) else ()
    return Curve(tuple(points), tuple(sizes[arm] for arm in points), found, covers)


def _is_scored(pool: Pool, metric: str) -> bool:
    """Whether enough patients have a score for an interval."""
    return metric in pool.metrics and pool.patients()[pool.metrics.index(metric)] >= FEWEST


def _arms(member: Member, metric: str) -> Arms:
    """One arm's scores of one metric."""
    return picked(arms_of([member.pool], member.generated), [member.pool.metrics.index(metric)])


def _pooled(arms: Mapping[str, Arms], sizes: Mapping[str, float]) -> dict[float, Luck]:
    """The luck of all arms of as many patients."""
    together: dict[float, list[Luck]] = defaultdict(list)
    for arm, of in arms.items():
        together[sizes[arm]] += [] if of.by_generator else [of.luck]
    every = [of.luck for of in arms.values()]
    return {size: pool(lucks or every) for size, lucks in together.items()}
