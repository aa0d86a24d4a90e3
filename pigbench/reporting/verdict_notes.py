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
    """The generators that were trained with one seed, whose luck no interval of these rows covers."""
    once = dict.fromkeys(row.generator for row in rows if row.generator and len(row.progress.seeds) == 1)
    trained = [label for label in once if group.generators[label].image_passes]
    if trained:
        yield f"not covered: the luck of training a generator (one seed): {', '.join(trained)}; --seeds 3 measures it"


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
    bases = {row.arm: of_patients(row.train_patients) for row in rows}
    least = [f"{compared.number(value)}{bases[base]}" for base, value in family.detectable.items()]
    yield f"{how}; a true difference of {', '.join(least)} would be shown with a probability of 80%"
    excluded = {shown(row): compared.signed(row.together[1]) for row in rows if row.together}
    yield from each("largest gain not ruled out", excluded)


def predictor_notes(predictors: Mapping[str, Correlation], columns: Sequence[Column]) -> Iterable[str]:
    """What differences go with, over generators."""
    compared = differing(columns)
    if predictors and compared:
        told = {name: f"{of.value:+.2f} [{of.low:+.2f}, {of.high:+.2f}]" for name, of in predictors.items()}
        count, pairs = max(of.generators for of in predictors.values()), next(iter(predictors.values())).pairs
        over = f"over {count} generators, {pairs}"
        what = f"rank correlation (Spearman) with Δ {compared.info.heading} {over}, descriptive"
        yield from each(what, told)
