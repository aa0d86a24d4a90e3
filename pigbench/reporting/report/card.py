"""A generator's card: what it is, what it costs, what it makes, and where it helps."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pigbench import registry
from pigbench.metrics.inference import CONFIDENCE
from pigbench.reporting.cells import Cell, Table
from pigbench.reporting.columns import case_columns, differing
from pigbench.reporting.notes import missing_arms, said
from pigbench.reporting.numbers import ABSENT, number
from pigbench.reporting.report.chapters import Protocol, pictures_of
from pigbench.reporting.report.drawing import Drawing
from pigbench.reporting.report.losses import losses
from pigbench.reporting.report.pictures import Picture
from pigbench.reporting.report.rows import differs, where
from pigbench.reporting.row_names import full_name
from pigbench.reporting.tables import image_table, verdict_of
from pigbench.results import ArmRow, Summary, cost_rows
from pigbench.results.described import GeneratorInfo


@dataclass(frozen=True)
class Setting:
    """One signature's settings, and the protocols that it stands in."""

    signature: str
    protocols: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Card:
    """about: what its plugin says of itself, empty where it is not installed. remarks: what must be said of a protocol.
    helping: a row for every arm."""

    label: str
    about: str
    facts: tuple[tuple[str, str], ...]
    remarks: tuple[str, ...]
    helping: Table
    images: tuple[Table, ...]
    costs: Table
    settings: tuple[Setting, ...]
    pictures: tuple[Picture, ...]
    losses: tuple[Drawing, ...]


@dataclass(frozen=True)
class _Place:
    """A protocol that holds the generator, and its label there: with its signature where two have one label."""

    of: Protocol
    label: str

    @property
    def summary(self) -> Summary:
        return self.of.summary

    @property
    def info(self) -> GeneratorInfo:
        return self.summary.group.generators[self.label]

    @property
    def arms(self) -> list[ArmRow]:
        return [row for row in self.summary.arms if row.generator == self.label and row.about.stretch == 1]


def card(label: str, protocols: Sequence[Protocol]) -> Card:
    """The card of a generator that some of the protocols hold."""
    places = [
        _Place(of, shown)
        for of in protocols
        for shown, info in of.summary.group.generators.items()
        if info.label == label
    ]
    groups = {where(place.summary): place.summary.group for place in places}
    return Card(
        label=label,
        about=_about(places[0].info),
        facts=tuple(_facts(places[0].info)),
        remarks=tuple(f"{name}: {line}" for name, group in groups.items() for line in said(group)),
        helping=_helping(places),
        images=tuple(_images(places)),
        costs=_costs(places),
        settings=tuple(_settings(places)),
        pictures=tuple(picture for place in places for picture in pictures_of(place.of, place.label)),
        losses=tuple(drawing for place in places for drawing in losses(place.summary.group, place.label)),
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


def _helping(places: Sequence[_Place]) -> Table:
    rows = [
        (where(place.summary), full_name(row), row.segmenter, *_gain(row, place.summary))
        for place in places
        for row in place.arms
    ]
    return Table(
        title="Where its pairs help, and where not",
        headings=("Dataset", "Trained on", "segmenter", f"Δ [{CONFIDENCE:.0%}]", "verdict"),
        rows=tuple(tuple(map(Cell, row)) for row in rows),
        notes=(
            "Δ of Dice, where it was measured, to real only of as many patients",
            *(f"{where(place.summary)}: {line}" for place in places for line in missing_arms(place.arms)),
        ),
        naming=2,
    )


def _gain(row: ArmRow, summary: Summary) -> tuple[str, str]:
    column = differing(case_columns(summary.group))
    if row.progress.state == "failed":
        return "FAILED", ABSENT
    if column is None or not differs(row, column):
        return ABSENT, ABSENT
    return column.difference(row.metrics[column.name]), verdict_of(row)


def _images(places: Sequence[_Place]) -> Iterator[Table]:
    for place in places:
        if rows := [row for row in place.summary.generators if row.generator == place.label]:
            yield replace(image_table(place.summary.group, rows), title=f"Images, {where(place.summary)}")


def _costs(places: Sequence[_Place]) -> Table:
    """Its budget in each protocol, and what a fold took."""
    return Table(
        title="Budget and cost of one fold",
        headings=("Dataset", "image-passes", "multiply-adds", "training, s", "sampling, s", "parameters, M"),
        rows=tuple(tuple(map(Cell, _cost(place))) for place in places),
        notes=("seconds of one worker, as they were measured where each stage ran first; all samples of all n",),
    )


def _cost(place: _Place) -> Iterator[str]:
    rows = cost_rows(place.summary.group)
    took = {row.what.partition(" ")[0]: row.values for row in rows if row.generator == place.label}
    passes = sum(filter(None, place.info.image_passes.values()))
    arithmetic = sum(filter(None, place.info.arithmetic.values()))
    yield where(place.summary)
    yield f"{passes:,}" if passes else ABSENT
    yield f"{arithmetic:.3g}" if arithmetic else ABSENT
    yield from (number(took.get(work, {}).get("wall_s"), 1, 1) for work in ("train", "sample"))
    yield number(took.get("train", {}).get("parameters"), 1e-6, 3)


def _settings(places: Sequence[_Place]) -> Iterator[Setting]:
    found: dict[str, tuple[list[str], dict[str, Any]]] = {}
    for place in places:
        found.setdefault(place.info.signature, ([], place.info.config))[0].append(where(place.summary))
    for signature, (names, config) in found.items():
        yield Setting(signature, "; ".join(names), tuple((name, str(value)) for name, value in config.items()))
