"""How numbers, and what must be known to trust them, are put into words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from math import isfinite
from textwrap import shorten

from pigbench import registry
from pigbench.counting import counted
from pigbench.metrics.inference import CONFIDENCE
from pigbench.reporting.columns import Column, differing, held_besides, ranked_by
from pigbench.reporting.numbers import ABSENT, number
from pigbench.reporting.tuning import tuning_notes
from pigbench.results import ArmRow, GeneratorRow, Group, Progress, Summary
from pigbench.results.conditioning import Likeness
from pigbench.results.naming import of_patients, row_name
from pigbench.results.predictors import Correlation
from pigbench.results.summary import judge_of
from pigbench.results.verdicts import Family

FEW = 10
"""With fewer patients nobody has shown that intervals cover what they say."""


def span(values: Iterable[float | str | None], ending: str = "") -> str:
    """One value, or the least and the greatest; a dash where there is none."""
    known = sorted({value for value in values if value is not None})
    if not known:
        return ABSENT
    return (f"{known[0]}" if len(known) == 1 else f"{known[0]} to {known[-1]}") + ending


def how_many(values: Iterable[int], singular: str) -> str:
    """A span with its noun, the digits as in the table's cells: "1 case", "1373 cases", "3 to 5 cases"."""
    text = span(values)
    return f"{text} {singular}" if text == "1" else f"{text} {singular}s"


def shown(row: ArmRow) -> str:
    """An arm as its row is named: `real only`, `real only, 2x steps`, `+pig_2048`, `pig_2048 only`."""
    return row_name(row.about)


def made_by(row: GeneratorRow | ArmRow) -> str:
    """Whose images these are and how many, such as `pig_512 (16 patients)`."""
    return f"{row.generator}_{row.n}{of_patients(row.train_patients)}"


def unconditioned(row: ArmRow) -> str:
    """What is added to the name of a row whose lesions are not where its masks are."""
    return " NOT CONDITIONED" if row.conditioned is False else ""


def partly(progress: Progress) -> str:
    """What is added to the name of a row that lacks folds."""
    return f" ({progress.folds}/{progress.of} folds)" if progress.state == "partial" else ""


def remarks(group: Group) -> Iterable[str]:
    """What every table of `group` needs said."""
    if group.dataset.pseudo_patients:
        yield "no patient ids: near-identical images count as one patient, any others as their own"
    elif not group.dataset.has_patient_ids:
        yield "no patient ids: every case counts as its own patient"
    if group.conflicts:
        made_on = f"they were made on {_some(group.hardware)}" if group.hardware[1:] else "another processor or device"
        yield (
            f"records disagree ({made_on}, other library versions?) and one of each is shown: {_some(group.conflicts)}"
        )
    if group.redefined:
        yield f"records compute a metric in more than one way: {_some(group.redefined)}"


def caveats(summary: Summary) -> Iterable[str]:
    """What must be said even beside bare rows: the banner, the remarks, what failed and what is missing."""
    if summary.group.banner:
        yield summary.group.banner
    yield from remarks(summary.group)
    yield from _missing_images(summary.generators)
    yield from _missing_arms(summary.arms)
    for row in summary.arms:
        if mark := unconditioned(row):
            yield f"{shown(row)}, {row.segmenter}:{mark}"


def also_held(group: Group, metrics: Sequence[str]) -> str:
    """What the records hold and no table shows; empty where there is nothing."""
    besides = held_besides(group, metrics)
    return f"the records also hold {', '.join(besides)}: --metric NAME shows them" if besides else ""


def image_notes(group: Group, rows: Sequence[GeneratorRow], columns: Sequence[Column]) -> Iterable[str]:
    """The notes of Table 1."""
    runs = [run for row in rows for run in row.runs if run.status == "ok"]
    if runs:
        reals = how_many((run.n_reference for run in runs if run.n_reference is not None), "real image")
        against = f"m of {reals} ({_some(sorted({run.reference for run in runs}))})"
        yield f"mean ± SD over folds of m generated images against {against}; {_ranking(columns)}"
        smaller = any(run.floor_m != run.m for run in runs)
        fewer = f"at m = {span(run.floor_m for run in runs)}, as there are no more"
        too_high = ": FID's floor is too high by its bias" if any(column.name == "fid" for column in columns) else ""
        if any(column.info.has_floor for column in columns):
            where = fewer + too_high if smaller else "at the same m"
            yield f"floor: real training images against the same reference, {where}"
    yield from _metric_notes(columns)
    if any(row.agreement for row in rows):
        yield (
            f"agreement: Dice of the masks and what {judge_of(group)}, trained on real cases alone, finds in the "
            "images; real: the same of held-out real pairs"
        )
    yield "clipped: pixels that came out beyond [-1, 1]"
    biased = [column.info.heading for column in columns if any(column.name in row.biased for row in rows)]
    if biased:
        yield f"† {', '.join(biased)} {'is' if len(biased) == 1 else 'are'} mostly bias at this m"
    yield from _control_note(made_by(row) for row in rows if row.control)
    yield from _sampler_notes(group, rows)
    yield from _missing_images(rows)
    yield from _refused((made_by(row), row) for row in rows)
    for label in dict.fromkeys(row.generator for row in rows):
        yield from _about(label, group)
        yield from tuning_notes(label, group)
        yield from _ceiling(label, group)


def _sampler_notes(group: Group, rows: Sequence[GeneratorRow]) -> Iterable[str]:
    """How the rows were sampled, where their records say, and which of them are one network sampled in several ways."""
    sampled, networks = defaultdict(list), defaultdict(list)
    for label, network in dict.fromkeys((row.generator, row.network) for row in rows):
        networks[network].append(label)
        if how := group.generators[label].sampler:
            sampled[how].append(label)
    if sampled:
        yield "sampled by " + "; ".join(f"{how}: {', '.join(labels)}" for how, labels in sampled.items())
    for labels in networks.values():
        if len(labels) > 1:
            yield f"{' and '.join(labels)} are samplers of one network: only the best of them is marked"


def _ranking(columns: Sequence[Column]) -> str:
    """Which way is better, and what the rows are ranked by."""
    by = ranked_by(columns)
    if by is None:
        return "not ranked"
    ways: dict[str, list[str]] = {"lower": [], "higher": []}
    for column in columns:
        if not column.former:
            ways[column.info.better].append(column.info.heading)
    first, other = ("lower", "higher") if by.info.better == "lower" else ("higher", "lower")
    but = f" ({other} for {', '.join(ways[other])})" if ways[other] else ""
    return f"{first} is better{but}, ranked by {by.info.heading}"


@cache
def installed_metrics() -> frozenset[str]:
    """The names of the metrics that are installed, looked up once."""
    return frozenset(registry.plugins("metrics"))


def _metric_notes(columns: Sequence[Column]) -> Iterable[str]:
    """What the metrics say of themselves, and which of them are not installed here."""
    for column in columns:
        if column.info.note:
            yield f"{column.info.heading}: {column.info.note}"
    for column in columns:
        if column.info.signature and column.name not in installed_metrics():
            yield f"{column.name} is not installed: the scores that the records hold are shown"


def _refused(rows: Iterable[tuple[str, GeneratorRow | ArmRow]]) -> Iterable[str]:
    """The metrics that broke their contract, with the sentence and the folds, once for each row."""
    for name, row in rows:
        where: dict[tuple[str, str], list[int]] = defaultdict(list)
        for run in row.runs:
            for metric, reason in run.refused.items():
                where[metric, shorten(reason, 300, placeholder=" …")].append(run.fold)
        for (metric, reason), folds in where.items():
            named = ", ".join(map(str, sorted(set(folds))))
            yield f"{name}: {metric} refused in fold{'s' * (len(set(folds)) > 1)} {named}: {reason}"


def _perfect(group: Group, columns: Sequence[Column]) -> Iterable[str]:
    """What no segmenter can exceed by more than luck, as it sees small images."""
    told = [(column, score) for column in columns if (score := group.ceiling.get(column.name)) is not None]
    side = group.protocol.preset.resolution
    if told and side:
        scores = ", ".join(f"{column.info.heading} {column.number(score)}" for column, score in told)
        yield f"a perfect mask at {side}×{side} would score {scores} on the images' own grid"


def arm_notes(
    group: Group, rows: Sequence[ArmRow], columns: Sequence[Column], family: Family | None = None
) -> Iterable[str]:
    """The notes of Table 2; of a part of the cases without what was said of all of them."""
    measured = [row for row in rows if row.metrics]
    whole = [row for row in measured if row.progress.state == "complete"]
    if any("segmenter" not in row.covers for row in rows if row.covers):
        yield (
            "every arm was trained once, so the luck of a training is unknown: the intervals are of patients only and "
            "too narrow, and there are no verdicts; --trainings 3 tells"
        )
    if whole:
        cases = how_many((row.cases for row in whole), "case")
        patients = how_many((row.patients for row in whole), group.dataset.grouped_by)
        yield f"mean over {cases} of {patients}, pooled out of fold, ± SD over folds (spread, not evidence)"
        fewest = min(row.patients for row in whole)
        if fewest < FEW:
            yield f"only {counted(fewest, 'patient')}: too few for an interval to be believed"
    compared = differing(columns)
    yield from _difference_notes(rows, compared)
    yield from _verdict_notes(rows, compared, family)
    yield from _perfect(group, columns)
    yield from _metric_notes(columns)
    yield from _control_note(shown(row) for row in rows if row.control)
    if compared:
        means = {shown(row): compared.number(row.metrics[compared.name].patient_mean) for row in measured}
        yield from _each(f"{compared.info.heading} by patient", means)
    if not group.part:
        yield from _training_notes(group, rows, measured)
    yield from _missing_arms(rows)
    yield from _refused((shown(row), row) for row in rows)


def _training_notes(group: Group, rows: Sequence[ArmRow], measured: Sequence[ArmRow]) -> Iterable[str]:
    """What the arms were trained on, and how."""
    shares = {shown(row): [round(100 * run.share) for run in row.runs if run.share] for row in rows}
    yield from _each("synthetic part of a batch", {arm: span(of, " %") for arm, of in shares.items() if of})
    yield from _steps(measured)
    yield from _each(
        "excluded, truth and prediction empty", {shown(row): row.excluded for row in measured if row.excluded}
    )
    empty = {shown(row): _empty(row) for row in rows if any(run.empty_masks for run in row.runs)}
    yield from _each("empty synthetic masks, left out, over all folds", empty)
    filtered = {shown(row): _filtered(row) for row in rows if any(run.offered for run in row.runs)}
    yield from _each("pairs kept, of those offered, and their agreement", filtered)
    yield from _conditioning_notes(rows)
    for label in dict.fromkeys(row.generator for row in rows if row.generator):
        if note := group.generators[label].note:
            yield f"{label}: {note}"
        yield from tuning_notes(label, group)
    for segmenter in dict.fromkeys(row.segmenter for row in rows):
        yield from tuning_notes(segmenter, group)


def _control_note(names: Iterable[str]) -> Iterable[str]:
    if controls := list(dict.fromkeys(names)):
        yield f"controls, which are there to compare with and not ranked: {'; '.join(controls)}"


def _steps(rows: Sequence[ArmRow]) -> Iterable[str]:
    """The optimiser steps: one number for all, or each number with its arms."""
    arms = defaultdict(list)
    for row in rows:
        arms[span(run.steps for run in row.runs)].append(shown(row))
    if len(arms) == 1 and ABSENT not in arms:
        yield f"optimiser steps in every arm: {next(iter(arms))}"
    elif len(arms) > 1:
        most = max(arms, key=lambda steps: len(arms[steps]))
        others = [f"{', '.join(of)} {steps}" for steps, of in arms.items() if steps != most]
        yield f"optimiser steps in every arm: {most}, but {'; '.join(others)}"


def _empty(row: ArmRow) -> str:
    """The empty masks among all that the arm was given."""
    return f"{sum(run.empty_masks for run in row.runs)} of {row.n * len(row.runs)}"


def _filtered(row: ArmRow) -> str:
    """What was kept of the pairs that an arm was offered, over its fits."""
    runs = [run for run in row.runs if run.offered and run.agreement is not None]
    agreement = sum(run.agreement or 0 for run in runs) / max(len(runs), 1)
    kept, offered = span(run.synthetic_used for run in runs), span(run.offered for run in runs)
    return f"{kept} of {offered} ({number(agreement, 100, 1)} %)"


def _conditioning_notes(rows: Sequence[ArmRow]) -> Iterable[str]:
    """Whether lesions are where the masks are, once for each generator, n and subset."""
    of = {made_by(row): row for row in rows if row.generator}
    for what, told in (
        ("contrast of lesions to what is around the mask", {name: row.contrast for name, row in of.items()}),
        ("agreement of masks with real-only segmenters (Dice)", {name: row.agreement for name, row in of.items()}),
    ):
        yield from _likeness(what, {name: likeness for name, likeness in told.items() if likeness})
    if any(row.conditioned is False for row in rows):
        yield from _rules(rows)
    unknown = [name for name, row in of.items() if row.conditioned is None]
    if unsure := [name for name in unknown if of[name].contrast or of[name].agreement]:
        yield (
            "whether masks are followed cannot be told where neither measure tells real pairs from those of which half "
            f"have foreign masks, or where there are too few: {', '.join(unsure)}"
        )
    if unmeasured := [name for name in unknown if name not in unsure]:
        yield f"not measured whether masks are followed: {', '.join(unmeasured)}"


def _likeness(what: str, told: Mapping[str, Likeness]) -> Iterable[str]:
    """A measure's values beside those of real pairs, and, where it tells, what foreign masks would make of these."""
    known = {name: of for name, of in told.items() if isfinite(of.ratio)}
    if not known:
        return
    real = span(number(of.real, 100, 1) for of in known.values())
    scaled = {name: of for name, of in known.items() if isfinite(of.least) and isfinite(of.foreign_50)}
    scale = [
        f"with {share} % foreign masks {span(number(getattr(of, f'foreign_{share}'), 1, 2) for of in scaled.values())}"
        for share in (30, 50)
    ]
    over_chance = f"; over chance real pairs count as 1, {', '.join(scale)}" if scaled else ""
    values = {
        name: number(of.generated, 100, 1) + (f" ({number(of.ratio, 1, 2)})" if name in scaled else "")
        for name, of in known.items()
    }
    yield from _each(f"{what}, % (real pairs {real}{over_chance})", values)


def _rules(rows: Sequence[ArmRow]) -> Iterable[str]:
    """By what rows are not conditioned."""
    refused = [row for row in rows if row.conditioned is False]
    by = {"contrast": [row.contrast for row in refused], "agreement": [row.agreement for row in refused]}
    least = {what: [of.least for of in told if of and of.conditioned is False] for what, told in by.items()}
    said = [f"{span(number(value, 100, 0) for value in of)}% of the real {what}" for what, of in least.items() if of]
    yield f"NOT CONDITIONED: less than {' and '.join(said)}, so not ranked"


def _difference_notes(rows: Sequence[ArmRow], compared: Column | None) -> Iterable[str]:
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
    once = [row for row in told if row.generator and not row.control and row.covers == ("patients", "segmenter")]
    if once:
        named = ", ".join(dict.fromkeys(str(row.generator) for row in once))
        yield f"not covered is the luck of training a generator, done with one seed: {named}; --seeds 3 tells"


def _verdict_notes(rows: Sequence[ArmRow], compared: Column | None, family: Family | None) -> Iterable[str]:
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
    yield from _each("gains beyond these are ruled out", excluded)


def predictor_notes(predictors: Mapping[str, Correlation], columns: Sequence[Column]) -> Iterable[str]:
    """What differences go with, over generators."""
    compared = differing(columns)
    if predictors and compared:
        told = {name: f"{of.value:+.2f} [{of.low:+.2f}, {of.high:+.2f}]" for name, of in predictors.items()}
        count = max(of.generators for of in predictors.values())
        what = f"rank correlation (Spearman) with Δ {compared.info.heading} over {count} generators, descriptive"
        yield from _each(what, told)


def _about(label: str, group: Group) -> Iterable[str]:
    """What a reader must know of a generator: its own note, and what its training was worth."""
    info = group.generators[label]
    counted = {component: count for component, count in info.image_passes.items() if count is not None}
    passes = ", ".join(f"{component} {count:,}" for component, count in counted.items())
    said = [part for part in (info.note, f"image-passes in training: {passes}" if passes else "") if part]
    if said:
        yield f"{label}: {'; '.join(said)}"


def _ceiling(label: str, group: Group) -> Iterable[str]:
    """What its own compression makes of held-out images, over folds and seeds."""
    runs = [run for run in group.reconstructions if run.generator == label and run.status == "ok"]
    runs = [run for run in runs if run.psnr is not None and run.mae is not None]  # no PSNR where nothing is lost
    if runs:
        psnr, error = (sum(getattr(run, name) for run in runs) / len(runs) for name in ("psnr", "mae"))
        yield (
            f"{label}: gives held-out images back with a PSNR of {psnr:.1f} dB (mean error {error:.1%} of the range), "
            "the ceiling of what it can generate"
        )


def _missing_images(rows: Sequence[GeneratorRow]) -> Iterable[str]:
    yield from _incomplete((made_by(row), row.progress) for row in rows)


def _missing_arms(rows: Sequence[ArmRow]) -> Iterable[str]:
    yield from _incomplete((f"{shown(row)}, {row.segmenter}", row.progress) for row in rows)


def _incomplete(rows: Iterable[tuple[str, Progress]]) -> Iterable[str]:
    for name, progress in rows:
        there = f"{progress.folds}/{progress.of} folds"
        if progress.state == "partial":
            yield f"{name}: {there}, whose cases alone its numbers are of; not ranked and not compared"
        elif progress.state == "failed":
            yield f"{name}: FAILED, {there} done; {_failures(progress)}"


def _failures(progress: Progress) -> str:
    """The reasons, each once, with the folds (and seeds, where there are several) that it stopped."""
    where = defaultdict(list)
    for fold, seed, reason in progress.failures:
        words = shorten(reason, 300, placeholder=" …") or "no reason given"
        where[words].append(str(fold) if len(progress.seeds) == 1 else f"{fold} (seed {seed})")
    return "; ".join(f"fold{'s' * (len(folds) > 1)} {', '.join(folds)}: {reason}" for reason, folds in where.items())


def _each(what: str, values: Mapping[str, object]) -> Iterable[str]:
    """One note that gives a value for every row that has one."""
    if values:
        yield f"{what}: " + ", ".join(f"{arm} {value}" for arm, value in values.items())


def _some(values: Iterable[object], most: int = 5) -> str:
    listed = [str(value) for value in values]
    return ", ".join(listed[:most]) + (f" and {len(listed) - most} more" if len(listed) > most else "")
