"""`pigbench compare`: the tables of the records found."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pigbench.cli import options

if TYPE_CHECKING:
    from pigbench.reporting.tables import Section
    from pigbench.results import Summary


class Format(StrEnum):
    """How the tables are shown."""

    rich = "rich"
    markdown = "markdown"
    latex = "latex"
    csv = "csv"
    json = "json"


def compare(
    paths: options.Records = None,
    format: Annotated[Format, typer.Option(help="How the tables are shown.")] = Format.rich,
    paper: Annotated[
        bool, typer.Option("--paper", help="Also show the paper's published numbers, marked as such.")
    ] = False,
    costs: Annotated[bool, typer.Option("--costs", help="Also show costs: time, memory, speed, parameters.")] = False,
    against: Annotated[
        str | None, typer.Option(metavar="ROW", help="The baseline row of Table 2 for Δ. (default: real only)")
    ] = None,
    dataset: options.OfDatasets = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Also show this metric of those that the records hold; repeat for several."),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="size|class",
            help="Table 2 of each third of the cases, by the area of their lesion, or of each class.",
        ),
    ] = None,
    notes: Annotated[bool, typer.Option("--notes", help="Show all notes under a table, not the first five.")] = False,
    withdrawn: options.Withdrawn = False,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also draw the learning curves of Table 3 (.svg, .png or .pdf)."),
    ] = None,
) -> None:
    """Show Table 1 (images), Table 2 (segmentation) and Table 3 (by training patients) of the records under PATH."""
    from pigbench.api.compare import DEFAULT, Choice, read_tables
    from pigbench.api.kept_tables import finished_sections

    choice = Choice(against, dataset or (), metric or (), by, withdrawn)

    def tell(line: str) -> None:
        typer.echo(line, err=True)

    bare = format in (Format.csv, Format.json)
    tables = read_tables(paths or DEFAULT, choice, tell) if bare or plot else None
    if tables and plot:
        tables.plot(plot)
    if tables and bare:
        _print_rows(tables.summaries, format, paper, costs)
    elif tables:
        _print_tables(tables.sections(costs=costs), format, paper, notes)
    else:
        _print_tables(finished_sections(paths or DEFAULT, choice, tell, costs=costs), format, paper, notes)


def _print_rows(summaries: list[Summary], format: Format, paper: bool, costs: bool) -> None:
    """Rows alone on the standard output; what must be known of them on the standard error."""
    from pigbench.reporting import render
    from pigbench.reporting.notes import caveats
    from pigbench.reporting.published import published_rows
    from pigbench.results import cost_score_rows, score_rows

    said = (
        f"{summary.group.dataset.name}, {summary.group.preset}: {line}"
        for summary in summaries
        for line in caveats(summary)
    )
    for line in dict.fromkeys(said):  # the parts of a group say the same
        typer.echo(line, err=True)
    rows = [row for summary in summaries for row in score_rows(summary)]
    rows += [row for summary in summaries for row in cost_score_rows(summary.group)] if costs else []
    rows += published_rows() if paper else []
    typer.echo(render.csv(rows) if format == Format.csv else render.json(rows), nl=format != Format.csv)


def _print_tables(sections: list[Section], format: Format, paper: bool, notes: bool) -> None:
    from pigbench.reporting import render
    from pigbench.reporting.tables import published_section

    sections = sections + ([published_section()] if paper else [])
    if format == Format.rich:
        render.rich(sections, notes=notes)
    else:
        typer.echo(render.markdown(sections) if format == Format.markdown else render.latex(sections))
