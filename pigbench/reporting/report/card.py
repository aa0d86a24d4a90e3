"""A generator's card: what it is, what it costs, what it makes, and where it helps."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pigbench import registry
from pigbench.metrics.inference import CONFIDENCE
from pigbench.reporting.cells import Cell, Table
from pigbench.reporting.columns import case_columns, differing
from pigbench.reporting.numbers import ABSENT, number
from pigbench.reporting.report.chapters import Protocol, pictures_of
from pigbench.reporting.report.drawing import Drawing
from pigbench.reporting.report.losses import losses
from pigbench.reporting.report.pictures import Picture
from pigbench.reporting.report.rows import differs
from pigbench.reporting.row_names import shown, unconditioned
from pigbench.results import ArmRow, Summary, cost_rows
from pigbench.results.record import GeneratorInfo


@dataclass(frozen=True)
class Setting:
    """One signature's settings, and the protocols that it stands in."""

    signature: str
    protocols: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Card:
    """about: what its plugin says of itself, empty where it is not installed. helping: a row for every arm."""

    label: str
    about: str
    facts: tuple[tuple[str, str], ...]
    helping: Table
    images: tuple[Table, ...]
    costs: Table
    settings: tuple[Setting, ...]
    pictures: tuple[Picture, ...]
    losses: tuple[Drawing, ...]


def card(label: str, protocols: Sequence[Protocol]) -> Card:
    """The card of a generator that some of the protocols hold."""
    own = [of for of in protocols if label in of.summary.group.generators]
    infos = [of.summary.group.generators[label] for of in own]
    return Card(
        label=label,
        about=_about(infos[0]),
        facts=tuple(_facts(infos[0])),
        helping=_helping(label, [of.summary for of in own]),
        images=tuple(_images(label, own)),
        costs=_costs(label, [of.summary for of in own]),
        settings=tuple(_settings(label, own)),
        pictures=tuple(picture for of in own for picture in pictures_of(of, label)),
        losses=tuple(drawing for of in own for drawing in losses(of.summary.group, label)),
    )


def _about(info: GeneratorInfo) -> str:
    """The first paragraph of the plugin's own words."""
    plugin = registry.plugins("generators").get(info.plugin)
    if plugin is None or plugin.error():
        return ""
    return " ".join(inspect.cleandoc(plugin.load().__doc__ or "").split("\n\n")[0].split())


def _facts(info: GeneratorInfo) -> Iterator[tuple[str, str]]:
    kinds = {"images": "images alone", "pairs": "images with their masks", "images-for-masks": "images for given masks"}
    yield "makes", kinds[info.kind]
    yield "comes from", info.origin or "unknown"
    if info.sampler:
        yield "samples by", info.sampler
    if info.pretrained_on:
        yield "had seen before", info.pretrained_on
    if info.note:
        yield "note", info.note


def _helping(label: str, summaries: Sequence[Summary]) -> Table:
    rows = []
    for summary in summaries:
        for row in summary.arms:
            if row.generator == label and row.about.stretch == 1:
                rows.append(tuple(map(Cell, (_where(summary), shown(row) + unconditioned(row), *_gain(row, summary)))))
    return Table(
        title="Where its pairs help, and where not",
        headings=("Dataset", "Trained on", "segmenter", f"Δ [{CONFIDENCE:.0%}]", "verdict"),
        rows=tuple(rows),
        notes=("Δ of the deciding metric, Dice where it was measured, to real only of as many patients",),
        naming=2,
    )


def _gain(row: ArmRow, summary: Summary) -> tuple[str, str, str]:
    column = differing(case_columns(summary.group))
    if row.progress.state == "failed":
        return row.segmenter, "FAILED", ABSENT
    if column is None or not differs(row, column):
        return row.segmenter, ABSENT, ABSENT
    return (
        row.segmenter,
        column.difference(row.metrics[column.name]),
        row.verdict or ("control" if row.control else ABSENT),
    )


def _images(label: str, protocols: Sequence[Protocol]) -> Iterator[Table]:
    from pigbench.reporting.tables import image_table

    for of in protocols:
        if rows := [row for row in of.summary.generators if row.generator == label]:
            table = image_table(of.summary.group, rows)
            yield Table(
                f"Images, {_where(of.summary)}", table.headings, table.rows, table.notes, table.signature, table.naming
            )


def _costs(label: str, summaries: Sequence[Summary]) -> Table:
    """Its budget in each protocol, and what a fold took."""
    rows = []
    for summary in summaries:
        info = summary.group.generators[label]
        seconds = {row.what.partition(" ")[0]: row.values for row in cost_rows(summary.group) if row.generator == label}
        passes = sum(filter(None, info.image_passes.values()))
        arithmetic = sum(filter(None, info.arithmetic.values()))
        rows.append(
            (
                _where(summary),
                f"{passes:,}" if passes else ABSENT,
                f"{arithmetic:.3g}" if arithmetic else ABSENT,
                *(number(seconds.get(work, {}).get("wall_s"), 1, 1) for work in ("train", "sample")),
                number(seconds.get("train", {}).get("parameters"), 1e-6, 3),
            )
        )
    return Table(
        title="Budget and cost of one fold",
        headings=("Dataset", "image-passes", "multiply-adds", "training, s", "sampling, s", "parameters, M"),
        rows=tuple(tuple(map(Cell, row)) for row in rows),
        notes=("seconds of one worker, as they were measured where each stage ran first",),
    )


def _settings(label: str, protocols: Sequence[Protocol]) -> Iterator[Setting]:
    found: dict[str, tuple[list[str], dict[str, Any]]] = {}
    for of in protocols:
        info = of.summary.group.generators[label]
        found.setdefault(info.signature, ([], info.config))[0].append(_where(of.summary))
    for signature, (places, config) in found.items():
        yield Setting(signature, "; ".join(places), tuple((name, str(value)) for name, value in config.items()))


def _where(summary: Summary) -> str:
    group = summary.group
    return f"{group.dataset.name}, {group.preset}, {group.protocol_hash[:8]}"
