"""`pigbench report`: one HTML file of the records found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pigbench.cli import options


def report(
    paths: options.Records = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The HTML file to write.")] = Path("report.html"),
    dataset: options.OfDatasets = None,
    generator: Annotated[
        str | None, typer.Option(metavar="NAME", help="Write a card of this generator in place of the report.")
    ] = None,
    images: Annotated[
        bool,
        typer.Option("--images", help="Also show real images: pairs, controls, nearest training images, worst cases."),
    ] = False,
    withdrawn: options.Withdrawn = False,
    store: options.StoreDir = Path("runs"),
    force: Annotated[bool, typer.Option("--force", help="Replace FILE even if no report wrote it.")] = False,
) -> None:
    """Write one HTML file with the verdict, figures, tables and records: for people, by mail."""
    from pigbench.api.compare import DEFAULT
    from pigbench.api.report import Wanted, write_report

    wanted = Wanted(dataset or (), generator or "", images, withdrawn, store)
    written = write_report(paths or DEFAULT, out, wanted, lambda line: typer.echo(line, err=True), force=force)
    typer.echo(f"{written}: open it in a browser")
