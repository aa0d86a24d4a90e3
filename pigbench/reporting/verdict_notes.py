"""Notes on differences: what they are to, what their intervals cover, what decides, and what they go with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pigbench.metrics.inference import CONFIDENCE
from pigbench.reporting.columns import Column, differing
from pigbench.reporting.numbers import each
from pigbench.reporting.row_names import shown
from pigbench.results import ArmRow, Group
from pigbench.results.naming import of_patients
from pigbench.results.predictors import Correlation
from pigbench.results.verdicts import Family


def unknown_luck(rows: Sequence[ArmRow]) -> Iterable[str]:
    """The rows whose intervals are too narrow, as nothing that they rest on was trained twice."""
    told = [row for row in rows if row.covers]
    if not (unknown := [row for row in told if "segmenter" not in row.covers]):
        return
    every = len(unknown) == len(told)
    who = "every arm was" if every else f"{', '.join(map(shown, unknown))} and what they differ from were"
    yield (
        f"{who} trained once, so the luck of training segmenters is unknown: intervals cover patients only and are "
        "too narrow, and there is no verdict; run with --trainings 3 to measure it"
    )


def difference_notes(group: Group, rows: Sequence[ArmRow], compared: Column | None) -> Iterable[str]:
    """What differences are to, and what their intervals cover."""
    told = [row for row in rows if row.covers]
    if not (told and compared):
        if len(rows) > 1:
            yield "no Δ: it takes two complete arms"
        return
    bases = [row for row in rows if row.arm in {other.against for other in told}]
    base = shown(bases[0]) if len(bases) == 1 else "real only of as many patients"
    known = any("segmenter" in row.covers for row in told)
    of = "patients and the luck of training segmenters" if known else "patients only"
    of += " and generators" if any("generator" in row.covers for row in told) else ""
    yield f"Δ {compared.info.heading}: to {base}; {CONFIDENCE:.0%} interval over {of} (CR2, Student's t)"
    if known:
        yield from uncovered_luck(group, [*told, *bases])


def uncovered_luck(group: Group, rows: Sequence[ArmRow]) -> Iterable[str]:
    """The generators that ran with one seed, whose luck no interval of these rows covers."""
    once = dict.fromkeys(row.generator for row in rows if row.generator and len(row.progress.seeds) == 1)
    about = {label: group.generators[label] for label in once}
    drawn = [label for label, info in about.items() if not (info.control or info.is_external)]
    if drawn:
        luck = "training a generator" if all(about[label].image_passes for label in drawn) else "a generator"
        yield f"not covered: the luck of {luck} (one seed): {', '.join(drawn)}; --seeds 3 measures it"


def verdict_notes(rows: Sequence[ArmRow], compared: Column | None, family: Family | None) -> Iterable[str]:
    """How verdicts are given, what the design could have shown, and what each row rules out."""
    if not (family and family.bounds and compared):
        return
    if len(family.bounds) == 1:
        how = "verdict: by the interval of the one ranked row"
    else:
        how = (
            f"verdicts: by simultaneous {CONFIDENCE:.0%} intervals of the {len(family.bounds)} ranked rows, each at "
            f"{family.level:.1%}"
        )
    several = len(family.detectable) > 1
    bases = {row.arm: of_patients(row.train_patients) or " (all patients)" * several for row in rows}
    least = [f"{compared.number(value)}{bases[base]}" for base, value in family.detectable.items()]
    yield f"{how}; a true difference of {', '.join(least)} would be shown with a probability of 80%"
    excluded = {shown(row): compared.signed(row.together[1]) for row in rows if row.together}
    yield from each("largest gain not ruled out", excluded)


def predictor_notes(predictors: Mapping[str, Correlation], columns: Sequence[Column], group: Group) -> Iterable[str]:
    """What differences go with, over generators."""
    compared = differing(columns)
    if predictors and compared:
        what = f"rank correlation (Spearman, {CONFIDENCE:.0%} interval) with Δ {compared.info.heading}"
        yield f"{what}, descriptive: {correlated(predictors, group)}"


def correlated(predictors: Mapping[str, Correlation], group: Group) -> str:
    """Such as "KID (lower is better) -0.60 [-0.95, +0.40] over 7 generators, n = 512"."""
    told = []
    for name, of in predictors.items():
        info = group.metrics.get(name)
        heading = (info.heading if info else name) + " (lower is better)" * bool(info and info.better == "lower")
        told.append(f"{heading} {of.value:+.2f} [{of.low:+.2f}, {of.high:+.2f}] over {of.generators}")
    pairs = next(iter(predictors.values())).pairs
    return f"{', '.join(told)} generators, {pairs}"
