"""Groups of records as tables: what stands in every cell, and what must stand beside it. Rendering is elsewhere.

Every group of one protocol is a section of its own, and so are the paper's numbers: no two of them share a table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import isfinite, nan

from pigbench.metrics.inference import CONFIDENCE
from pigbench.reporting import published
from pigbench.reporting.cells import Cell, Mark, Table
from pigbench.reporting.columns import Column, case_columns, differing, ranked_by, set_columns
from pigbench.reporting.learning import curve_table
from pigbench.reporting.notes import also_held, arm_notes, image_notes, remarks
from pigbench.reporting.numbers import ABSENT, how_many, number, span
from pigbench.reporting.row_names import full_name, of_part, partly
from pigbench.reporting.verdict_notes import predictor_notes
from pigbench.results import ArmRow, Estimate, GeneratorRow, Group, Summary, cost_rows, signature
from pigbench.results.generator_rows import CLIPPED, floor_of
from pigbench.results.naming import of_patients
from pigbench.results.predictors import Correlation, correlations
from pigbench.results.progress import size_of
from pigbench.results.verdicts import Family


@dataclass(frozen=True)
class Section:
    """Tables that belong together, under what all of them need said: a heading, a banner, remarks."""

    heading: str
    tables: tuple[Table, ...]
    banner: str = ""
    remarks: tuple[str, ...] = ()


def sections(summaries: Iterable[Summary], *, costs: bool = False, metrics: Sequence[str] = ()) -> list[Section]:
    """A section for each protocol; what is of some of its cases stands in one with the others of it."""

    def protocol(summary: Summary) -> tuple[str, str]:
        return _heading(summary.group), summary.group.dataset.identity

    return [section(*of_one, costs=costs, metrics=metrics) for _, of_one in groupby(summaries, protocol)]


def section(*summaries: Summary, costs: bool = False, metrics: Sequence[str] = ()) -> Section:
    """The tables of one protocol: one Table 1 for each extractor, one Table 2 for each segmenter; costs if wanted.

    summaries: one, or one for each part of the cases. metrics: shown besides the default ones, where the records hold
    them.
    """
    group = summaries[0].group
    tables = [
        image_table(group, [row for row in summary.generators if row.extractor == extractor], metrics)
        for summary in summaries
        for extractor in dict.fromkeys(row.extractor for row in summary.generators)
    ]
    tables += [
        arm_table(
            summary.group,
            [row for row in summary.arms if row.segmenter == segmenter],
            metrics,
            summary.families.get(segmenter),
            correlations(summary, segmenter),
        )
        for segmenter in dict.fromkeys(row.segmenter for summary in summaries for row in summary.arms)
        for summary in summaries
    ]
    tables += [
        table
        for summary in summaries
        for segmenter, curve in summary.curves.items()
        if (table := curve_table(summary.group, [row for row in summary.arms if row.segmenter == segmenter], curve))
    ]
    if tables and (note := also_held(group, metrics)):
        tables[-1] = replace(tables[-1], notes=(*tables[-1].notes, note))
    if costs:
        tables.append(cost_table(group))
    return Section(_heading(group), tuple(tables), group.banner, tuple(remarks(group)))


def image_table(group: Group, rows: Sequence[GeneratorRow], metrics: Sequence[str] = ()) -> Table:
    """Table 1: how good the images are. `rows` share one extractor; they are ranked by KID, where it was measured."""
    columns = set_columns(group, metrics)
    by = ranked_by(columns)
    marks: list[Mark] = _ranks(rows, by, [(row.network, row.n) for row in rows]) if by else [""] * len(rows)
    of_sets = " and ".join(column.info.heading for column in columns if column.name in ("kid", "fid"))
    own = "" if rows[0].extractor == "inception" or "FID" not in of_sets else "; not Inception-FID"
    headings = ["Generator", "n"]
    tied = []
    for column in (column for column in columns if not column.former):
        headings.append(column.heading)
        if column.info.has_floor:
            tied.append(len(headings))
            headings.append("floor")
    agreed = any(row.agreement for row in rows)
    if agreed:
        tied.append(len(headings) + 1)
        headings += ["agreement %", "real"]
    headings += ["m", *(column.heading for column in columns if column.former), "clipped %"]
    return Table(
        title=f"Table 1. {of_sets or 'Generated images'} ({rows[0].extractor} features{own})",
        headings=tuple(headings),
        rows=tuple(
            (
                Cell(row.generator + of_patients(row.train_patients) + partly(row.progress)),
                Cell(str(row.n)),
                *_image_cells(row, columns, by, mark, len(headings) - 2, agreed),
            )
            for row, mark in zip(rows, marks, strict=True)
        ),
        notes=tuple(image_notes(group, rows, columns)),
        signature=signature(group, [column.name for column in columns if not column.former], rows),
        naming=2,
        tied=tuple(tied),
        number=1,
    )


def arm_table(
    group: Group,
    rows: Sequence[ArmRow],
    metrics: Sequence[str] = (),
    family: Family | None = None,
    predictors: Mapping[str, Correlation] | None = None,
) -> Table:
    """Table 2: whether it helps. `rows` share one segmenter; every metric is ranked by itself.

    family: the rows among them that get a verdict. predictors: what the differences go with, by measure.
    """
    columns = case_columns(group, metrics)
    compared = differing(columns)
    columns.sort(key=lambda column: column is not compared)  # with what it differs by, it comes first
    marks = list(zip(*(_ranks(rows, column) for column in columns), strict=True)) or [()] * len(rows)
    unseen = f"{group.dataset.grouped_by}s"
    deltas: tuple[str, ...] = (f"Δ {compared.info.heading} [{CONFIDENCE:.0%}]",) if compared else ()
    if compared and family and family.bounds:
        deltas += ("simultaneous", "verdict") if len(family.bounds) > 1 else ("verdict",)
    width = len(columns) + len(deltas)
    no_masks = [] if group.part else _without_masks(group)
    scores = [column.heading_in_percent for column in columns]
    return Table(
        title=f"Table 2{of_part(group)}. Segmentation of unseen {unseen} by {rows[0].segmenter}{_in_percent(columns)}",
        headings=("Trained on", *scores[:1], *deltas, *scores[1:]),
        rows=(
            *(
                (
                    Cell(full_name(row)),
                    *(_without("FAILED", width) if _failed(row) else _arm_cells(row, columns, of, family)),
                )
                for row, of in zip(rows, marks, strict=True)
            ),
            *((Cell(name), *_without("no masks", width)) for name in no_masks),
        ),
        notes=(*arm_notes(group, rows, columns, family), *predictor_notes(predictors or {}, columns, group)),
        signature=signature(group, [column.name for column in columns], rows),
        number=2,
    )


def verdict_of(row: ArmRow) -> str:
    """A row's verdict as tables show it."""
    return row.verdict or ("control" if row.control else ABSENT)


def _in_percent(columns: Sequence[Column]) -> str:
    others = [column.info.heading for column in columns if column.info.unit != "%"]
    if len(others) == len(columns):
        return ""
    return f", % except {', '.join(others)}" if others else ", %"


def cost_table(group: Group) -> Table:
    """What training, sampling and segmenting took, a fold."""
    on = f" on {' or '.join(group.hardware)}" if group.hardware else ""
    subsets = list({cost.train_patients for cost in group.costs if cost.row})
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
        title="Table 4. Costs of one fold",
        headings=("Work", *(heading for heading, *_ in columns)),
        rows=tuple(
            (Cell(row.what), *(Cell(number(row.values[name], factor, digits)) for _, name, factor, digits in columns))
            for row in cost_rows(group)
        ),
        notes=(
            f"seconds of one worker{on}, killed attempts included, as they were measured where each stage ran first; "
            "means over folds and seeds",
            "a generator's training includes the components that it borrows; n is as sampled, in whole chunks"
            + ("; means over all numbers of training patients, too" if subsets[1:] else ""),
        ),
        number=4,
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


def _image_cells(
    row: GeneratorRow, columns: Sequence[Column], by: Column | None, mark: Mark, width: int, agreed: bool
) -> list[Cell]:
    if _failed(row):
        return _without("FAILED", width)
    cells: list[Cell] = []
    for column in (column for column in columns if not column.former):
        told = column.spread(row.metrics[column.name]) + (" †" if column.name in row.biased else "")
        cells.append(Cell(told, mark if column is by else ""))
        if column.info.has_floor:
            cells.append(Cell(column.number(row.metrics[floor_of(column.name)].mean)))
    if agreed:
        values = (row.agreement.generated, row.agreement.real) if row.agreement else (nan, nan)
        cells += [Cell(number(value, 100, 1)) for value in values]
    cells.append(Cell(span(run.m for run in row.runs)))
    cells += [Cell(column.spread(row.metrics[column.name])) for column in columns if column.former]
    return [*cells, Cell(number(row.metrics[CLIPPED].mean, 100))]


def _arm_cells(row: ArmRow, columns: Sequence[Column], marks: Sequence[Mark], family: Family | None) -> list[Cell]:
    """The score that is compared, its difference, then the other scores."""
    found = {column.name: row.metrics.get(column.name, Estimate()) for column in columns}
    scores = [Cell(column.spread(found[column.name]), mark) for column, mark in zip(columns, marks, strict=True)]
    if not (compared := differing(columns)):
        return scores
    told = [Cell(compared.difference(found[compared.name]))]
    if family and len(family.bounds) > 1:
        told.append(Cell(compared.interval(*row.together) if row.together else ABSENT))
    if family and family.bounds:
        told.append(Cell(verdict_of(row)))
    return [*scores[:1], *told, *scores[1:]]


def _failed(row: GeneratorRow | ArmRow) -> bool:
    return row.progress.state == "failed"


def _without(why: str, width: int) -> list[Cell]:
    """The cells of a row that has no numbers."""
    return [Cell(why), *[Cell(ABSENT)] * width][:width]


def _ranks(rows: Sequence[GeneratorRow | ArmRow], column: Column, kin: Sequence[Hashable] | None = None) -> list[Mark]:
    """The marks of a column, among rows that were trained on as many patients.

    kin: of rows that are alike in it only the best can have a mark.
    """
    marks: list[Mark] = [""] * len(rows)
    for size in {row.train_patients for row in rows}:
        places = [place for place, row in enumerate(rows) if row.train_patients == size]
        found = _marks([rows[place] for place in places], column, [kin[place] for place in places] if kin else None)
        for place, mark in zip(places, found, strict=True):
            marks[place] = mark
    return marks


def _marks(rows: Sequence[GeneratorRow | ArmRow], column: Column, kin: Sequence[Hashable] | None) -> list[Mark]:
    """Only of rows that can be ranked, and not of one row alone; equals share a mark."""
    best: Callable[[list[float]], float] = min if column.info.better == "lower" else max
    values = [row.metrics[column.name].mean if row.ranked and row.metrics else nan for row in rows]
    if kin:
        of_kin: dict[Hashable, list[float]] = defaultdict(list)
        for one, value in zip(kin, values, strict=True):
            of_kin[one] += [value] if isfinite(value) else []
        values = [
            value if of_kin[one] and value == best(of_kin[one]) else nan for one, value in zip(kin, values, strict=True)
        ]
    left = [value for value in values if isfinite(value)]
    if len(left) < 2:
        return [""] * len(rows)
    first = best(left)
    rest = [value for value in left if value != first]
    second = best(rest) if rest else nan
    return ["best" if value == first else "second" if value == second else "" for value in values]


def _without_masks(group: Group) -> list[str]:
    """What rows of generators of images alone would be called, which no segmenter can learn from."""
    runs = [run for run in group.fidelity if group.generators[run.generator].kind == "images"]
    runs.sort(key=lambda run: (size_of(run.train_patients), run.generator, run.n))
    return list(dict.fromkeys(f"+{run.generator}_{run.n}{of_patients(run.train_patients)}" for run in runs))
