"""Groups of records as tables: what stands in every cell, and what must stand beside it. Rendering is elsewhere.

Every group of one protocol is a section of its own, and so are the paper's numbers: no two of them share a table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import Literal

from pigbench.metrics.overlap import METRICS
from pigbench.reporting import published
from pigbench.reporting.notes import (
    ABSENT,
    arm_notes,
    difference,
    how_many,
    image_notes,
    number,
    partly,
    remarks,
    shown,
    span,
    spread,
    unconditioned,
)
from pigbench.results import ArmRow, GeneratorRow, Group, Summary, cost_rows, signature
from pigbench.results.summary import CONFIDENCE

Mark = Literal["", "best", "second"]


@dataclass(frozen=True)
class Cell:
    """One cell; the best and the second of its column are marked."""

    text: str = ""
    mark: Mark = ""


@dataclass(frozen=True)
class Table:
    """One table: the first column names the rows, the others hold numbers; the notes and the signature go with it.

    naming: how many of the first columns it takes to tell the rows apart. tied: the columns that mean nothing without
    the one before them.
    """

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    signature: str = ""
    naming: int = 1
    tied: tuple[int, ...] = ()


@dataclass(frozen=True)
class Section:
    """Tables that belong together, under what all of them need said: a heading, a banner, remarks."""

    heading: str
    tables: tuple[Table, ...]
    banner: str = ""
    remarks: tuple[str, ...] = ()


def section(summary: Summary, *, costs: bool = False) -> Section:
    """The tables of one protocol: one Table 1 for each extractor, one Table 2 for each segmenter; costs if wanted."""
    group = summary.group
    tables = [
        image_table(group, [row for row in summary.generators if row.extractor == extractor])
        for extractor in dict.fromkeys(row.extractor for row in summary.generators)
    ]
    tables += [
        arm_table(group, [row for row in summary.arms if row.segmenter == segmenter])
        for segmenter in dict.fromkeys(row.segmenter for row in summary.arms)
    ]
    if costs:
        tables.append(cost_table(group))
    return Section(_heading(group), tuple(tables), group.banner, tuple(remarks(group)))


def image_table(group: Group, rows: Sequence[GeneratorRow]) -> Table:
    """Table 1: how good the images are. `rows` share one extractor; they are ranked by KID."""
    marks = _ranks(rows, "kid", min)
    own = "" if rows[0].extractor == "inception" else "; not Inception-FID"
    return Table(
        title=f"Table 1. KID and FID ({rows[0].extractor} features{own})",
        headings=("Generator", "n", "KID ×1000", "floor", "FID", "floor", "m", "copying", "clipped %"),
        rows=tuple(
            (Cell(row.generator + partly(row.progress)), Cell(str(row.n)), *_image_cells(row, mark))
            for row, mark in zip(rows, marks, strict=True)
        ),
        notes=tuple(image_notes(group, rows)),
        signature=signature(group, ["kid", "fid"], rows),
        naming=2,
        tied=(3, 5),
    )


def arm_table(group: Group, rows: Sequence[ArmRow]) -> Table:
    """Table 2: whether it helps. `rows` share one segmenter; every metric is ranked by itself."""
    marks = zip(*(_ranks(rows, metric, max) for metric in METRICS), strict=True)
    unseen = f"{group.dataset.grouped_by}s"
    without = [Cell("no masks"), *[Cell(ABSENT)] * 4]
    return Table(
        title=f"Table 2. Segmentation of unseen {unseen} by {rows[0].segmenter}, %",
        headings=("Trained on", "Dice", "IoU", "Precision", "Recall", f"Δ Dice [{CONFIDENCE:.0%}]"),
        rows=(
            *(
                (Cell(shown(row) + partly(row.progress) + unconditioned(row)), *_arm_cells(row, of))
                for row, of in zip(rows, marks, strict=True)
            ),
            *((Cell(f"+{label}_{n}"), *without) for label, n in _without_masks(group)),
        ),
        notes=tuple(arm_notes(group, rows)),
        signature=signature(group, METRICS, rows),
    )


def cost_table(group: Group) -> Table:
    """What training, sampling and segmenting took, a fold."""
    on = f" on {' or '.join(group.hardware)}" if group.hardware else ""
    columns = (
        ("wall s", "wall_s", 1, 1),
        ("CPU s", "cpu_s", 1, 1),
        ("GPU s", "gpu_s", 1, 1),
        ("peak MiB", "peak_mib", 1, 0),
        ("GPU MiB", "gpu_peak_mib", 1, 0),
        ("images/s", "images_per_s", 1, 1),
        ("parameters, M", "parameters", 1e-6, 3),
    )
    return Table(
        title="Costs of one fold",
        headings=("Work", *(heading for heading, *_ in columns)),
        rows=tuple(
            (Cell(row.what), *(Cell(number(row.values[name], factor, digits)) for _, name, factor, digits in columns))
            for row in cost_rows(group)
        ),
        notes=(
            f"seconds of one worker{on}, killed attempts included, as they were measured where each stage ran first; "
            "means over folds and seeds",
            "a generator's training includes the components that it borrows; n is as sampled, in whole chunks",
        ),
    )


def published_section() -> Section:
    """The paper's tables, apart from everything measured here."""
    distances = Table(
        title=f"Table 1 as published. Inception-FID ({published.UNSTATED})",
        headings=("Generator", "FID, as published"),
        rows=tuple((Cell(name), Cell(f"{value:.2f}")) for name, value in published.FID.items()),
    )
    arms = Table(
        title="Table 2 as published. U-Net (%)",
        headings=("Trained on", "Dice", "IoU", "Precision", "Recall"),
        rows=tuple(
            (Cell(arm), *(Cell(f"{value:.2f}") for value in values))
            for (arm, _, _), values in published.OVERLAP.items()
        ),
    )
    return Section(f"{published.SOURCE}: the paper's own numbers", (distances, arms), published.WARNING)


def _heading(group: Group) -> str:
    resolution = group.protocol.preset.resolution
    size = f"{resolution}×{resolution}, " if resolution else ""
    aside = f" without the {group.set_aside:.0%} of the patients set aside for tuning" if group.set_aside else ""
    numbers = {group.dataset.grouped_by: group.dataset.patients, "case": group.dataset.cases, "fold": group.folds}
    counts = ", ".join(how_many([number], what) for what, number in numbers.items())
    return f"{group.dataset.name}, preset {group.preset}: {size}{counts}{aside}, protocol {group.protocol_hash}"


def _image_cells(row: GeneratorRow, mark: Mark) -> list[Cell]:
    if row.progress.state == "failed":
        return [Cell("FAILED")] + [Cell(ABSENT)] * 6
    of = row.metrics
    return [
        Cell(spread(of["kid"], 1000), mark),
        Cell(number(of["kid_floor"].mean, 1000)),
        Cell(spread(of["fid"]) + (" †" if row.biased else "")),
        Cell(number(of["fid_floor"].mean)),
        Cell(span(run.m for run in row.runs)),
        Cell(number(of["copying"].mean)),
        Cell(number(of["clipped_fraction"].mean, 100)),
    ]


def _arm_cells(row: ArmRow, marks: Sequence[Mark]) -> list[Cell]:
    if row.progress.state == "failed":
        return [Cell("FAILED")] + [Cell(ABSENT)] * 4
    scores = [Cell(spread(row.metrics[name], 100, 1), mark) for name, mark in zip(METRICS, marks, strict=True)]
    return [*scores, Cell(difference(row.metrics["dice"], 100, 1))]


def _ranks(
    rows: Sequence[GeneratorRow] | Sequence[ArmRow], metric: str, best: Callable[[list[float]], float]
) -> list[Mark]:
    """The marks of a column: only rows that can be ranked, and not one row alone; equals share a mark."""
    values = [row.metrics[metric].mean if row.ranked else nan for row in rows]
    left = [value for value in values if isfinite(value)]
    if len(left) < 2:
        return [""] * len(rows)
    first = best(left)
    rest = [value for value in left if value != first]
    second = best(rest) if rest else nan
    return ["best" if value == first else "second" if value == second else "" for value in values]


def _without_masks(group: Group) -> list[tuple[str, int]]:
    """The generators of images alone, which no segmenter can learn from, with the n of their images."""
    return sorted(
        {(run.generator, run.n) for run in group.fidelity if group.generators[run.generator].kind == "images"}
    )
