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


def difference_notes(group: Group, rows: Sequence[ArmRow], compared: Column | None) -> Iterable[str]:
    """What differences are to, and what their intervals cover."""
    told = [row for row in rows if row.covers]
    if not (told and compared):
        if len(rows) > 1:
            yield "no Δ: it takes two complete arms"
        return
    bases = [row for row in rows if row.arm in {other.against for other in told}]
    base = shown(bases[0]) if len(bases) == 1 else "real only of as many patients"
    of = "patients and the luck of training segmenters" if "segmenter" in told[0].covers else "patients only"
    of += " and generators" if any("generator" in row.covers for row in told) else ""
    yield f"Δ {compared.info.heading}: to {base}; {CONFIDENCE:.0%} interval over {of} (CR2, Student's t)"
    trained = {label for label, info in group.generators.items() if info.image_passes and not info.control}
    once = [row for row in told if row.generator in trained and row.covers == ("patients", "segmenter")]
    if once:
        named = ", ".join(dict.fromkeys(str(row.generator) for row in once))
        yield f"not covered is the luck of training a generator, done with one seed: {named}; --seeds 3 tells"


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
    yield f"{how}; a difference of {', '.join(least)} would be shown with a probability of 80%"
    excluded = {shown(row): compared.signed(row.together[1]) for row in rows if row.together}
    yield from each("gains beyond these are ruled out", excluded)


def predictor_notes(predictors: Mapping[str, Correlation], columns: Sequence[Column]) -> Iterable[str]:
    """What differences go with, over generators."""
    compared = differing(columns)
    if predictors and compared:
        told = {name: f"{of.value:+.2f} [{of.low:+.2f}, {of.high:+.2f}]" for name, of in predictors.items()}
        count = max(of.generators for of in predictors.values())
        what = f"rank correlation (Spearman) with Δ {compared.info.heading} over {count} generators, descriptive"
        yield from each(what, told)
