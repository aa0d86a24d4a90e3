"""What a report says of each protocol: its answer, figures, tables, costs and records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pigbench.protocol import digest
from pigbench.reporting.cells import Cell, Table
from pigbench.reporting.columns import Column, case_columns, differing
from pigbench.reporting.report.cases import compared, spreads
from pigbench.reporting.report.costs import costs
from pigbench.reporting.report.curves import by_pairs, by_patients, by_share, by_use
from pigbench.reporting.report.drawing import Drawing, without_empty
from pigbench.reporting.report.embedding import Attachment, attachment
from pigbench.reporting.report.forest import forest
from pigbench.reporting.report.losses import losses
from pigbench.reporting.report.parts import by_part
from pigbench.reporting.report.pictures import Album, Picture
from pigbench.reporting.report.quality import quality
from pigbench.reporting.report.rows import differs
from pigbench.reporting.report.text import command_of, protocol_in_words
from pigbench.reporting.report.verdict import Answer, answer
from pigbench.reporting.tables import Section, section
from pigbench.results import ArmRow, Record, Summary
from pigbench.results.progress import size_of
from pigbench.results.withdrawn import SUPERSEDED


@dataclass(frozen=True)
class Protocol:
    """Everything of one protocol that a report is made of.

    by_size, by_class: its summary in parts. albums: the artifacts of its records' runs, of those that are in the store;
    without_album: why others are not.
    """

    summary: Summary
    records: tuple[Record, ...]
    by_size: tuple[Summary, ...] = ()
    by_class: tuple[Summary, ...] = ()
    albums: tuple[Album, ...] = ()
    without_album: tuple[str, ...] = ()


@dataclass(frozen=True)
class Made:
    """One record, and how it was made. facts: headings and what stands beside them."""

    facts: tuple[tuple[str, str], ...]
    command: str
    attachment: Attachment


@dataclass(frozen=True)
class Chapter:
    """One protocol, part by part. missing: what would stand here if the records held it.

    failing: the best arm's distribution of scores beside real only's; others: those of the other arms. superseded: why
    the protocol has a successor, empty if it has none.
    """

    anchor: str
    section: Section
    answer: Answer
    helping: tuple[Drawing, ...]
    uses: tuple[Table, ...]
    tables: dict[int, list[Table]]
    quality: tuple[Drawing, ...]
    pictures: tuple[Picture, ...]
    failing: tuple[Drawing, ...]
    others: tuple[Drawing, ...]
    cases: tuple[Picture, ...]
    costs: tuple[Drawing, ...]
    losses: tuple[Drawing, ...]
    protocol: tuple[tuple[str, str], ...]
    made: tuple[Made, ...]
    missing: dict[str, str]
    superseded: str = ""


def chapter(of: Protocol) -> Chapter:
    """The chapter of one protocol."""
    summary, told = of.summary, section(of.summary, costs=True)
    column = differing(case_columns(summary.group))
    segmenters = sorted({row.segmenter for row in summary.arms})
    each = [_Shown(of, name, column) for name in segmenters] if column else []
    failing = [drawings for shown in each if (drawings := shown.failing())]
    pictures = pictures_of(of)
    cases = tuple(picture for shown in each if (picture := shown.cases()))
    return Chapter(
        anchor=f"p{digest([summary.group.protocol_hash, summary.group.dataset.identity])[:8]}",
        section=told,
        answer=answer(summary),
        helping=tuple(drawing for shown in each for drawing in shown.helping()),
        uses=tuple(table for shown in each if (table := shown.uses())),
        tables={number: [table for table in told.tables if table.number == number] for number in (1, 2, 3, 4)},
        quality=tuple(without_empty([shown.quality() for shown in each])),
        pictures=tuple(pictures),
        failing=tuple(drawings[0] for drawings in failing),
        others=tuple(drawing for drawings in failing for drawing in drawings[1:]),
        cases=cases,
        costs=tuple(without_empty([shown.costs() for shown in each])),
        losses=tuple(losses(summary.group)),
        protocol=tuple(protocol_in_words(of.records[0])),
        made=tuple(map(_made, of.records)),
        missing=_missing(of, bool(failing), bool(pictures), bool(cases)),
        superseded=SUPERSEDED.get(summary.group.protocol_hash, ""),
    )


def pictures_of(of: Protocol, generator: str = "") -> list[Picture]:
    """Of every generator, or of that one, each once."""
    generators = of.summary.group.generators
    wanted = {label: info for label, info in generators.items() if generator in ("", label)}
    found: dict[str, Picture] = {}
    for album in of.albums:
        for picture in album.of_generators(wanted):
            found.setdefault(picture.title, picture)
    return list(found.values())


@dataclass(frozen=True)
class _Shown:
    """The figures of one segmenter."""

    of: Protocol
    segmenter: str
    column: Column

    @property
    def rows(self) -> list[ArmRow]:
        return [row for row in self.of.summary.arms if row.segmenter == self.segmenter]

    def helping(self) -> list[Drawing]:
        rows, column = self.rows, self.column
        return without_empty(
            [
                forest(rows, column, f"Δ {column.info.heading} of every arm, {self.segmenter}"),
                by_patients(self.of.summary, self.segmenter, column),
                by_pairs(rows, column),
                by_share(rows, column),
                by_part(self.of.by_size, self.segmenter, column, "lesion size"),
                by_part(self.of.by_class, self.segmenter, column, "class"),
            ]
        )

    def uses(self) -> Table | None:
        if (found := by_use(self.rows, self.column)) is None:
            return None
        headings, rows = found
        title = f"Δ {self.column.info.heading} by the way pairs are used, {self.segmenter}"
        return Table(title, headings, tuple(tuple(map(Cell, row)) for row in rows))

    def quality(self) -> Drawing | None:
        return quality(self.of.summary, self.segmenter, self.column)

    @property
    def pairs(self) -> list[tuple[ArmRow, ArmRow]]:
        """The complete arms, each with the one that it differs from; first the best of those with most patients."""
        known = {row.arm: row for row in self.rows if row.progress.state == "complete"}
        found = [(row, known[row.against]) for row in known.values() if differs(row, self.column)]
        better = 1 if self.column.info.better == "lower" else -1

        def place(pair: tuple[ArmRow, ArmRow]) -> tuple[float, ...]:
            row = pair[0]
            ranked = bool(row.ranked and row.generator)
            return not ranked, -size_of(row.train_patients), better * row.metrics[self.column.name].mean

        return sorted(found, key=place)

    def failing(self) -> list[Drawing]:
        """Of each arm beside the one that it differs from, such as real only."""
        pairs = self.pairs
        rows = {row.arm: row for pair in pairs for row in pair}
        known = spreads(self.of.summary.group, list(rows.values()), self.column)
        return [compared(known[row.arm], known[base.arm], self.column) for row, base in pairs]

    def cases(self) -> Picture | None:
        """Of the best arm, where its predictions are in the store."""
        if not (pairs := self.pairs):
            return None
        row, base = pairs[0]
        pictures = (album.of_cases(self.of.summary, base, row, self.column) for album in self.of.albums)
        return next(filter(None, pictures), None)

    def costs(self) -> Drawing | None:
        return costs(self.of.summary.group, self.rows, self.column, self.segmenter)


def _missing(of: Protocol, failing: bool, pictures: bool, cases: bool) -> dict[str, str]:
    """By part of the chapter, what it lacks and why."""
    found = {}
    if not pictures:
        why = "; ".join(of.without_album) or "the samples of these records are not in the store"
        generators = of.summary.group.generators.values()
        if generators and all(info.control for info in generators) and not any(album.real for album in of.albums):
            why = "controls alone were run, which hold real images and are shown only with --images"
        why = why if generators else "no generator was run"
        found["pictures"] = f"No generated images: {why}."
    if not of.summary.generators:
        found["good"] = "No record here measured generated images, so there is no Table 1."
    if not failing:
        found["fail"] = "Not shown: it takes real only and one more complete arm, both with a score for each case."
    if failing and not cases and any(album.real for album in of.albums):
        found["cases"] = "No pictures of cases: the predictions of the first fold are not in the store."
    group = of.summary.group
    if not any(info.losses for info in group.generators.values()) and not any(cost.losses for cost in group.costs):
        found["losses"] = "These records hold no loss curves of generators."
    return found


def _made(record: Record) -> Made:
    return Made(tuple(_facts(record)), command_of(record), attachment(record))


def _facts(record: Record) -> Iterator[tuple[str, str]]:
    told = record.provenance
    extra = told.model_extra or {}
    yield "made", f"{told.created or 'at an unknown time'} by pigbench {told.pigbench}"
    on = [*told.hardware, told.instructions, str(extra.get("platform", "")), f"device {extra.get('device', 'unknown')}"]
    yield "on", ", ".join(part for part in on if part)
    if versions := extra.get("versions"):
        yield "with", ", ".join(f"{name} {version}" for name, version in versions.items())
    yield "seeds", ", ".join(map(str, record.seeds))
    yield "generators", ", ".join(info.signature for info in record.generators.values()) or "none"
    yield "segmenters", ", ".join(record.segmenters.values()) or "unknown"
