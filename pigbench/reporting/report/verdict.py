"""The answer in plain words: what each generator's pairs do, what that holds for, and what speaks against it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pigbench.counting import counted
from pigbench.metrics.inference import CONFIDENCE
from pigbench.reporting.columns import Column, case_columns, differing
from pigbench.reporting.notes import FEW, said
from pigbench.reporting.numbers import ABSENT, how_many, some, span
from pigbench.reporting.row_names import made_by
from pigbench.results import ArmRow, Group, Summary
from pigbench.results.naming import MIXED, way_of
from pigbench.results.verdicts import HELPS, HURTS, NOTHING_SHOWN, VERDICTS

MOST_CAVEATS = 3
VERBS = {HELPS: "help", HURTS: "hurt", NOTHING_SHOWN: "no difference shown", "": "no verdict"}


@dataclass(frozen=True)
class Answer:
    """What is said of one protocol. sentences: one a generator and segmenter. holds_for: data, size, trainings.
    intervals: what those in the sentences are. caveats: the banner and remarks, all of them, then the gravest others up
    to `MOST_CAVEATS` in all."""

    sentences: tuple[str, ...]
    holds_for: str
    intervals: str
    caveats: tuple[str, ...]


def answer(summary: Summary) -> Answer:
    """The verdict of one protocol in words."""
    group = summary.group
    column = differing(case_columns(group))
    sentences = tuple(_sentences(summary, column)) or ("Nothing here says whether pairs help: no arm has any.",)
    always = tuple(said(group))
    others = tuple(_caveats(summary))[: max(MOST_CAVEATS - len(always), 0)]
    return Answer(sentences, _holds_for(summary), _intervals(summary), always + others)


def _sentences(summary: Summary, column: Column | None) -> Iterator[str]:
    of: dict[tuple[str, str], list[ArmRow]] = defaultdict(list)
    for row in summary.arms:
        if row.generator and not row.control:
            of[row.generator, row.segmenter].append(row)
    several = len({row.segmenter for row in summary.arms}) > 1
    for (generator, segmenter), rows in of.items():
        told = "; ".join(_told(rows, column, summary.group)) if column else "nothing was measured"
        judge = f", judged by {segmenter}" if several else ""
        if told.startswith((VERBS[HELPS], VERBS[HURTS])):
            yield f"{generator}'s pairs {told}{judge}."
        else:
            yield f"{generator}{judge}: {told}."


def _told(rows: Sequence[ArmRow], column: Column, group: Group) -> Iterator[str]:
    """What the rows of one generator say, verdict by verdict."""
    groups: dict[tuple[str, str], list[ArmRow]] = defaultdict(list)
    for row in rows:
        groups[row.verdict, "" if row.verdict else _why_none(row)].append(row)
    for (verdict, why), found in sorted(groups.items(), key=lambda each: (*VERDICTS, "").index(each[0][0])):
        where = ", ".join(_where(row, rows, column, group) for row in found)
        yield f"{VERBS[verdict]} {where}" + (f", as {why}" if why else "")


def _where(row: ArmRow, all_rows: Sequence[ArmRow], column: Column, group: Group) -> str:
    """Such as "with 16 training patients, pretrain (+3.1 [+0.9, +5.4] Dice)", as much of it as tells the rows apart."""
    about = row.about
    size = about.train_patients or round(group.train_patients)
    number = how_many([size], f"training {group.dataset.grouped_by}")
    said = f"with {number}" if about.train_patients else f"with all {number}"
    said += f", {about.n} pairs" if len({other.n for other in all_rows}) > 1 else ""
    way = way_of(about.use, about.share)
    said += f", {way}" if (about.use, about.share) != (MIXED, None) else ""
    estimate = row.metrics.get(column.name)
    if estimate is None or column.difference(estimate) == ABSENT:
        return said
    low, high = row.together or (estimate.low, estimate.high)
    return f"{said} ({column.signed(estimate.delta)} {column.interval(low, high)} {column.info.heading})"


def _why_none(row: ArmRow) -> str:
    """Why a row has no verdict."""
    if row.progress.state == "failed":
        return "it FAILED"
    if row.progress.state == "partial":
        return "folds are missing"
    if row.conditioned is False:
        return "its lesions are not where its masks are (NOT CONDITIONED)"
    if not row.sealed:
        return "nobody vouches that its pairs were made from training patients"
    if not row.covers:
        return "there is nothing complete to compare it with"
    if "segmenter" not in row.covers:
        return "each arm was trained once and the luck of a training is unknown"
    return "verdicts go by Dice, which was not measured"


def _holds_for(summary: Summary) -> str:
    group = summary.group
    side, folds = group.protocol.preset.resolution, group.folds
    segmenters = ", ".join(sorted({row.segmenter for row in summary.arms}))
    tested = how_many([len(group.tested.patients)], group.dataset.grouped_by)
    done = len({trial.run.fold for trial in group.trials if len(trial.cases)})
    rows = [row for row in summary.arms if row.progress.state == "complete"]
    trainings = span(row.progress.trainings for row in rows)
    seeds = span(len(row.progress.seeds) for row in rows if row.generator)
    contending = [row.about for row in rows if row.generator and not row.about.is_control]
    uses = list(dict.fromkeys(way_of(about.use, about.share) for about in contending))
    parts = [
        group.dataset.name,
        f"{side} × {side} pixels" if side else "",
        f"{tested} in {how_many([folds], 'fold')}" if done == folds else f"{tested} in {done} of {folds} folds",
        f"a mean over the classes {some(group.dataset.classes)}" if len(group.dataset.classes) > 1 else "",
        f"segmenters: {segmenters}" if segmenters else "",
        f"{trainings} training{'s' * (trainings != '1')} of each arm and fold" if rows else "",
        f"generator seeds: {seeds}" if seeds != ABSENT else "",
        f"pairs used by {', '.join(uses)}" if uses else "",
        f"preset {group.preset}",
    ]
    return "; ".join(part for part in parts if part)


def _intervals(summary: Summary) -> str:
    """Of which kind the intervals in the sentences are; empty where there are none."""
    ranked = max((len(family.bounds) for family in summary.families.values()), default=0)
    if ranked > 1:
        rows = f"simultaneous for the {ranked} rows with a verdict, otherwise of a row by itself"
        return f"Intervals: {CONFIDENCE:.0%}, {rows}."
    return f"Intervals: {CONFIDENCE:.0%}." if any(row.covers for row in summary.arms) else ""


def _caveats(summary: Summary) -> Iterable[str]:
    """What speaks against believing the verdicts besides banner and remarks, the gravest first."""
    group, rows = summary.group, [row for row in summary.arms if row.generator and not row.control]
    if any(row.covers and "segmenter" not in row.covers for row in rows):
        yield "Arms were trained once: the luck of a training is unknown, so intervals are too narrow."
    complete = [row for row in summary.arms if row.progress.state == "complete" and row.patients]
    if complete and (fewest := min(row.patients for row in complete)) < FEW:
        yield f"Only {counted(fewest, 'patient')}: too few for an interval to be believed."
    yield from _unfinished(summary)
    if failed := [row for row in rows if row.progress.state == "failed"]:
        yield f"{counted(len(failed), 'arm')} FAILED: {', '.join(dict.fromkeys(made_by(row) for row in failed))}."
    if once := {row.generator for row in rows if row.covers == ("patients", "segmenter")}:
        trained = sorted(label for label in once if label and group.generators[label].image_passes)
        if trained:
            yield f"Trained with one seed, so another training of {', '.join(trained)} may differ."
    yield from _coarse(group)


def _unfinished(summary: Summary) -> Iterator[str]:
    """Where twice the steps help real only, part of a gain may be that."""
    column = differing(case_columns(summary.group))
    for row in summary.arms:
        estimate = row.metrics.get(column.name) if column else None
        if row.generator is None and row.about.stretch > 1 and estimate and estimate.low > 0 and column:
            yield (
                f"Real only gains {column.difference(estimate)} {column.info.heading} when it is trained "
                f"{row.about.stretch} times as long: the baseline is not trained out."
            )


def _coarse(group: Group) -> Iterator[str]:
    column, side = differing(case_columns(group)), group.protocol.preset.resolution
    if column and side and (best := group.ceiling.get(column.name)) is not None:
        told = f"{column.info.heading} {column.number(best)} {column.info.unit}".strip()
        yield f"At {side} × {side} pixels even a perfect mask would reach only {told}."
