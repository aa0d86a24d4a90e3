"""Whether a generator's lesions are where its masks are: what the folds' measurements say together.

Two measures can tell, each over chance and beside real pairs: the *agreement* of masks with what real-only segmenters
find (`metrics.agreement`), and the *contrast* of lesions with what is around them (`metrics.contrast`). A measure
counts where it tells intact real pairs from those of which half have a foreign mask. Foreign masks score high in
neither, while masks that are followed may score low in one: a segmenter finds little in images unlike those it knows,
and lesions may differ in texture alone. So pairs are not conditioned where every measure that counts is low.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pigbench.metrics.contrast import LEAST
from pigbench.results.group import Group
from pigbench.results.measured import AgreementRun, GateRun

Pairs = tuple[str, int, int | None]
"""A generator, n, and how many training patients."""

FEWEST = 8
"""Where pairs are made from fewer patients, other masks are too often the same patient's to be chance."""


@dataclass(frozen=True)
class Likeness:
    """One measure over folds and seeds, of generated and of real pairs.

    ratio: the generated pairs' part of what intact real ones have over chance. foreign_30, foreign_50: the same of real
    pairs with so many per cent of foreign masks. least: the ratio below which pairs are not conditioned. What cannot be
    told is NaN.
    """

    generated: float
    real: float
    ratio: float
    foreign_30: float
    foreign_50: float
    least: float

    @property
    def conditioned(self) -> bool | None:
        """None where the measure does not tell."""
        return bool(self.ratio >= self.least) if np.isfinite(self.ratio) and np.isfinite(self.least) else None


def contrasts(group: Group) -> dict[Pairs, Likeness]:
    """Of every generator, n and number of training patients."""
    together = defaultdict(list)
    for run in group.gates:
        if run.status == "ok":
            together[run.generator, run.n, run.train_patients].append(run)
    return {key: _contrast(runs, _are_few(key, group)) for key, runs in together.items()}


def agreements(group: Group) -> dict[tuple[str, Pairs], Likeness]:
    """By segmenter, and by generator, n and number of training patients."""
    together = defaultdict(list)
    for run in group.agreements:
        if run.status == "ok":
            together[run.segmenter, (run.generator, run.n, run.train_patients)].append(run)
    return {(judge, pairs): _agreement(runs, _are_few(pairs, group)) for (judge, pairs), runs in together.items()}


def conditioned(*measures: Likeness | None) -> bool | None:
    """What the measures say together; None where none of them tells."""
    told = [of.conditioned for of in measures if of is not None and of.conditioned is not None]
    return any(told) if told else None


def _are_few(pairs: Pairs, group: Group) -> bool:
    """Whether too few patients trained the generator for either measure to count."""
    return (pairs[-1] or group.train_patients) < FEWEST


def _agreement(runs: Sequence[AgreementRun], few: bool) -> Likeness:
    made, chance, real, real_30, real_50, real_chance = (
        _mean_of(runs, name) for name in ("agreement", "chance", "real", "real_30", "real_50", "real_chance")
    )
    parts = _ratios(real - real_chance, made - chance, real_30 - real_chance, real_50 - real_chance)
    return Likeness(made, real, *parts, least=_halfway(parts[-1], [run.tells and not few for run in runs]))


def _contrast(runs: Sequence[GateRun], few: bool) -> Likeness:
    """Records without the scale are judged by a fixed part of the real contrast, where there is some."""
    told = [run for run in runs if run.ratio is not None] or list(runs)
    made, real, real_30, real_50 = (_mean_of(told, name) for name in ("contrast", "real", "real_30", "real_50"))
    parts = _ratios(real, made, real_30, real_50)
    if all(run.ratio is None for run in runs):
        return Likeness(made, real, *parts, least=np.nan)
    known = [run.tells and not few for run in runs if run.tells is not None]
    return Likeness(made, real, *parts, least=_halfway(parts[-1], known) if known else LEAST)


def _ratios(whole: float, made: float, real_30: float, real_50: float) -> tuple[float, float, float]:
    if not whole:
        return np.nan, np.nan, np.nan
    return made / whole, real_30 / whole, real_50 / whole


def _halfway(foreign_50: float, tells: Sequence[bool]) -> float:
    """Halfway from half-foreign to intact pairs, where the measure tells them apart in most folds."""
    return (1 + foreign_50) / 2 if 2 * sum(tells) > len(tells) else np.nan


def _mean_of(runs: Sequence[GateRun] | Sequence[AgreementRun], name: str) -> float:
    """The mean of the numbers that exist; NaN where there are none."""
    known = [value for run in runs if (value := getattr(run, name)) is not None]
    return float(np.mean(known)) if known else np.nan
