"""`pigbench compare`: the tables of the records found."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pigbench.counting import counted
from pigbench.errors import PigbenchError, did_you_mean

if TYPE_CHECKING:
    from pigbench.results import Group, Record, Skipped, Summary

DEFAULT = Path("runs")


class Format(StrEnum):
    """How the tables are shown."""

    rich = "rich"
    markdown = "markdown"
    latex = "latex"
    csv = "csv"
    json = "json"


def compare(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH", help="Records, or directories of them. (default: runs)")
    ] = None,
    format: Annotated[Format, typer.Option(help="How the tables are shown.")] = Format.rich,
    paper: Annotated[bool, typer.Option("--paper", help="Add the paper's own numbers, marked.")] = False,
    costs: Annotated[bool, typer.Option("--costs", help="Add what the rows cost: time, memory, speed, size.")] = False,
    against: Annotated[
        str | None, typer.Option(metavar="ROW", help="The row of Table 2 that Δ is to. (default: real only)")
    ] = None,
    dataset: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only the records of this dataset; repeat for several.")
    ] = None,
) -> None:
    """Show Table 1 (images) and Table 2 (segmentation) of the records under PATH, one pair for each protocol."""
    from pigbench.results import load_records, merge, summarise

    places = paths or [DEFAULT]
    if places == [DEFAULT] and not DEFAULT.exists():
        raise PigbenchError(_nothing(places))
    records, skipped = load_records(places)
    _name_skipped(skipped)
    if not records:
        raise PigbenchError(_nothing(places))
    groups = merge(_of_datasets(dataset, records) if dataset else records)
    summaries = _compared_with(against, groups) if against else [summarise(group) for group in groups]
    if format in (Format.csv, Format.json):
        _print_rows(summaries, format, paper, costs)
    else:
        _print_tables(summaries, format, paper, costs)


def _print_rows(summaries: list[Summary], format: Format, paper: bool, costs: bool) -> None:
    """Rows alone on the standard output; what must be known of them on the standard error."""
    from pigbench.reporting import render
    from pigbench.reporting.notes import caveats
    from pigbench.reporting.published import published_rows
    from pigbench.results import cost_score_rows, score_rows

    for summary in summaries:
        for line in caveats(summary):
            typer.echo(f"{summary.group.dataset.name}, {summary.group.preset}: {line}", err=True)
    rows = [row for summary in summaries for row in score_rows(summary)]
    rows += [row for summary in summaries for row in cost_score_rows(summary.group)] if costs else []
    rows += published_rows() if paper else []
    typer.echo(render.csv(rows) if format == Format.csv else render.json(rows), nl=format != Format.csv)


def _print_tables(summaries: list[Summary], format: Format, paper: bool, costs: bool) -> None:
    from pigbench.reporting import render
    from pigbench.reporting.tables import published_section, section

    sections = [section(summary, costs=costs) for summary in summaries] + ([published_section()] if paper else [])
    if format == Format.rich:
        render.rich(sections)
    else:
        typer.echo(render.markdown(sections) if format == Format.markdown else render.latex(sections))


def _compared_with(row: str, groups: list[Group]) -> list[Summary]:
    """The groups that have the row of that name, with the differences to it; the others are named and left out."""
    from pigbench.reporting.notes import name_of
    from pigbench.results import summarise

    arms = [{name_of(trial.run): trial.run.arm for trial in group.trials} for group in groups]
    if not any(row in names for names in arms):
        known = dict.fromkeys(name for names in arms for name in names)
        raise PigbenchError(did_you_mean("row of Table 2", row, list(known)))
    for group, names in zip(groups, arms, strict=True):
        if row not in names:
            typer.echo(f"left out: {group.dataset.name}, {group.preset}, without {row}", err=True)
    return [summarise(group, names[row]) for group, names in zip(groups, arms, strict=True) if row in names]


def _of_datasets(names: list[str], records: list[Record]) -> list[Record]:
    """The records of the datasets of those names. Raises PigbenchError for one that no record is of."""
    known = {record.dataset.name for record in records}
    for name in names:
        if name not in known:
            raise PigbenchError(did_you_mean("dataset among the records", name, sorted(known)))
    return [record for record in records if record.dataset.name in names]


def _nothing(places: list[Path]) -> str:
    where = ", ".join(map(str, places))
    return f"no records under {where}: 'pigbench run --generator pig' makes one, or give the path of some"


def _name_skipped(skipped: list[Skipped], most: int = 10) -> None:
    if not skipped:
        return
    typer.echo(f"skipped {counted(len(skipped), 'file')} that cannot be read as a record:", err=True)
    for file in skipped[:most]:
        typer.echo(f"  {file.path}: {file.reason}", err=True)
    if len(skipped) > most:
        typer.echo(f"  and {len(skipped) - most} more", err=True)
