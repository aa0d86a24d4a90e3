"""How numbers, and what must be known to trust them, are put into words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from textwrap import shorten

from pigbench import registry
from pigbench.counting import counted
from pigbench.reporting.columns import Column, differing, held_besides, ranked_by
from pigbench.reporting.conditioning_notes import class_notes, conditioning_notes, refusals
from pigbench.reporting.numbers import ABSENT, each, how_many, number, some, span
from pigbench.reporting.row_names import made_by, shown, unconditioned
from pigbench.reporting.tuning import tuning_notes
from pigbench.reporting.verdict_notes import difference_notes, unknown_luck, verdict_notes
from pigbench.results import ArmRow, GeneratorRow, Group, Progress, Summary
from pigbench.results.generator_rows import judge_of
from pigbench.results.naming import of_patients
from pigbench.results.progress import Repeat
from pigbench.results.verdicts import Family
from pigbench.results.withdrawn import SUPERSEDED

FEW = 10
"""With fewer patients nobody has shown that intervals cover what they say."""


def remarks(group: Group) -> Iterable[str]:
    """What every table of `group` needs said."""
    for reason in group.withdrawn:
        yield f"WITHDRAWN, and shown because it was asked for: {reason}"
    if why := SUPERSEDED.get(group.protocol_hash):
        yield f"superseded by a later protocol: {why}"
    if group.dataset.pseudo_patients:
        yield "no patient ids: near-identical images count as one patient, any others as their own"
    elif not group.dataset.has_patient_ids:
        yield "no patient ids: every case counts as its own patient"
    if group.conflicts:
        made_on = f"they were made on {some(group.hardware)}" if group.hardware[1:] else "another processor or device"
        yield (
            f"records disagree ({made_on}, other library versions?) and one of each is shown: {some(group.conflicts)}"
        )
    if group.redefined:
        yield f"records compute a metric in more than one way: {some(group.redefined)}"


def said(group: Group) -> Iterable[str]:
    """What must be said wherever a number of `group` stands: the banner and the remarks."""
    if group.banner:
        yield group.banner
    yield from remarks(group)


def caveats(summary: Summary) -> Iterable[str]:
    """What must be said even beside bare rows: the banner, the remarks, what failed and what is missing."""
    yield from said(summary.group)
    yield from _missing_images(summary.generators)
    yield from missing_arms(summary.arms)
    for row in summary.arms:
        if mark := unconditioned(row):
            yield f"{shown(row)}, {row.segmenter}:{mark}"


def also_held(group: Group, metrics: Sequence[str]) -> str:
    """What the records hold and no table shows; empty where there is nothing."""
    besides = held_besides(group, metrics)
    return f"the records also hold {', '.join(besides)}: --metric NAME shows them" if besides else ""


def image_notes(group: Group, rows: Sequence[GeneratorRow], columns: Sequence[Column]) -> Iterable[str]:
    """The notes of Table 1, the gravest first."""
    yield from _missing_images(rows)
    yield from _refused((made_by(row), row) for row in rows)
    biased = [column.info.heading for column in columns if any(column.name in row.biased for row in rows)]
    if biased:
        yield f"† {', '.join(biased)} {'is' if len(biased) == 1 else 'are'} mostly bias at this m"
    runs = [run for row in rows for run in row.runs if run.status == "ok"]
    if runs:
        reals = how_many((run.n_reference for run in runs if run.n_reference is not None), "real image")
        against = f"m of {reals} ({some(sorted({run.reference for run in runs}))})"
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
            "images, both on the network's grid; real: the same of held-out real pairs with a lesion, so not Table 2's "
            "Dice"
        )
    yield "clipped: pixels that came out beyond [-1, 1]"
    yield from control_note(made_by(row) for row in rows if row.control)
    yield from _sampler_notes(group, rows)
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
    """The notes of Table 2, the gravest first; of a part of the cases without what was said of all of them."""
    measured = [row for row in rows if row.metrics]
    whole = [row for row in measured if row.progress.state == "complete"]
    yield from unknown_luck(rows)
    yield from missing_arms(rows)
    yield from _refused((shown(row), row) for row in rows)
    if not group.part:
        yield from refusals(rows)
    if whole and (fewest := min(row.patients for row in whole)) < FEW:
        yield f"only {counted(fewest, 'patient')}: too few for an interval to be believed"
    compared = differing(columns)
    yield from difference_notes(group, rows, compared)
    yield from verdict_notes(rows, compared, family)
    if group.part:
        yield "no verdicts on parts of the cases: intervals are not corrected for the number of parts"
    if whole:
        cases = how_many((row.cases for row in whole), "case")
        patients = how_many((row.patients for row in whole), group.dataset.grouped_by)
        yield f"mean over {cases} of {patients}, pooled out of fold, ± SD over folds (spread, not evidence)"
    if len(group.dataset.classes) > 1 and not (group.part and group.part.by.startswith("class:")):
        each_class = some(group.dataset.classes)
        yield f"a case's score is a mean over the classes that it has or that are predicted: {each_class}; --by class"
        counts = [column.info.heading for column in columns if _counts_absent(column)]
        if counts:
            yield f"{', '.join(counts)}: a mean over all {len(group.dataset.classes)} classes, whatever a case has"
    excluded = {shown(row): row.excluded for row in measured if row.excluded}
    yield from each("excluded, truth and prediction empty, over all trainings", excluded)
    yield from _perfect(group, columns)
    yield from _metric_notes(columns)
    yield from control_note(shown(row) for row in rows if row.control)
    if compared:
        means = {shown(row): compared.number(row.metrics[compared.name].patient_mean) for row in measured}
        yield from each(f"{compared.info.heading} by patient", means)
    if not group.part:
        yield from _training_notes(group, rows, measured)


def _counts_absent(column: Column) -> bool:
    """Whether a metric has a score where neither truth nor prediction has anything."""
    return column.info.empty is not None and column.info.empty.both_empty == "computed"


def _training_notes(group: Group, rows: Sequence[ArmRow], measured: Sequence[ArmRow]) -> Iterable[str]:
    """What the arms were trained on, and how."""
    for what, pretrained in (("synthetic part of a batch", False), ("part of the steps on pairs", True)):
        some_rows = [row for row in rows if row.about.use.endswith("pretrain") == pretrained]
        shares = {shown(row): [round(100 * run.share) for run in row.runs if run.share] for row in some_rows}
        yield from each(what, {arm: span(of, " %") for arm, of in shares.items() if of})
    yield from _steps(measured)
    empty = {shown(row): _empty(row) for row in rows if any(run.empty_masks for run in row.runs)}
    yield from each("empty synthetic masks, left out, over all folds", empty)
    filtered = {shown(row): _filtered(row) for row in rows if any(run.offered for run in row.runs)}
    yield from each("pairs kept, of those offered, and their agreement", filtered)
    yield from class_notes(group, rows)
    yield from conditioning_notes(rows)
    for label in dict.fromkeys(row.generator for row in rows if row.generator):
        if note := group.generators[label].note:
            yield f"{label}: {note}"
        yield from tuning_notes(label, group)
    for segmenter in dict.fromkeys(row.segmenter for row in rows):
        yield from tuning_notes(segmenter, group)


def control_note(names: Iterable[str]) -> Iterable[str]:
    """Which rows are controls, if any are."""
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
    """The empty masks among all pairs of the arm, each counted once, however many trainings had it."""
    runs = {(run.fold, run.seed): run for run in row.runs}.values()
    return f"{sum(run.empty_masks for run in runs)} of {sum(run.offered or row.n for run in runs)}"


def _filtered(row: ArmRow) -> str:
    """What was kept of the pairs that an arm was offered, over its fits."""
    runs = [run for run in row.runs if run.offered and run.agreement is not None]
    agreement = sum(run.agreement or 0 for run in runs) / max(len(runs), 1)
    kept, offered = span(run.synthetic_used for run in runs), span(run.offered for run in runs)
    before = [run.offered_agreement for run in runs if run.offered_agreement is not None]
    of_all = f", of all {number(sum(before) / len(before), 100, 1)} %" if before else ""
    return f"{kept} of {offered} ({number(agreement, 100, 1)} %{of_all})"


def _about(label: str, group: Group) -> Iterable[str]:
    """What a reader must know of a generator: its own note, and what its training was worth."""
    info = group.generators[label]
    counted = {component: count for component, count in info.image_passes.items() if count is not None}
    passes = ", ".join(f"{component} {count:,}" for component, count in counted.items())
    said = [part for part in (info.note, f"image-passes in training: {passes}" if passes else "") if part]
    if said:
        yield f"{label}: {'; '.join(said)}"


def _ceiling(label: str, group: Group) -> Iterable[str]:
    """What its own compression makes of held-out images, over folds and seeds, for each number of patients."""
    of_sizes = defaultdict(list)
    for run in group.reconstructions:
        there = run.psnr is not None and run.mae is not None  # no PSNR where nothing is lost
        if run.generator == label and run.status == "ok" and there:
            of_sizes[of_patients(run.train_patients)].append(run)
    for subset, runs in of_sizes.items():
        psnr, error = (sum(getattr(run, name) for run in runs) / len(runs) for name in ("psnr", "mae"))
        yield (
            f"{label}{subset}: gives held-out images back with a PSNR of {psnr:.1f} dB (mean error {error:.1%} of the "
            "range), the ceiling of what it can generate"
        )


def _missing_images(rows: Sequence[GeneratorRow]) -> Iterable[str]:
    yield from _incomplete((made_by(row), row.progress) for row in rows)


def missing_arms(rows: Sequence[ArmRow]) -> Iterable[str]:
    """The rows that lack folds or failed, and why."""
    yield from _incomplete((f"{shown(row)}, {row.segmenter}", row.progress) for row in rows)


def _incomplete(rows: Iterable[tuple[str, Progress]]) -> Iterable[str]:
    for name, progress in rows:
        if progress.state == "partial":
            done = f"only {progress.folds} of {progress.of} folds"
            yield f"{name}: {done}; its numbers are of their cases, and it is neither ranked nor compared"
        elif progress.state == "failed":
            yield f"{name}: FAILED, {progress.folds}/{progress.of} folds done; {_failures(progress)}"
        if left_out := [_repeat(*each, progress.of) for each in progress.left_out]:
            yield f"{name}: left out, as folds are missing: {'; '.join(left_out)}"


def _repeat(repeat: Repeat, folds: int, of: int) -> str:
    """Such as "seed 0, training 3 (1 of 5 folds)"; trainings are numbered from 0, as in records."""
    seed, training = repeat
    return f"seed {seed}, training {training} ({folds} of {of} folds)"


def _failures(progress: Progress) -> str:
    """The reasons, each once, with the folds (and seeds, where there are several) that it stopped."""
    where: dict[str, dict[str, None]] = defaultdict(dict)  # a fold stops several trainings
    for fold, seed, reason in progress.failures:
        words = shorten(reason, 300, placeholder=" …") or "no reason given"
        where[words][str(fold) if len(progress.seeds) == 1 else f"{fold} (seed {seed})"] = None
    return "; ".join(f"fold{'s' * (len(folds) > 1)} {', '.join(folds)}: {reason}" for reason, folds in where.items())
