"""`pigbench report`: one HTML file of the records found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pigbench.cli import options


def report(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH", help="Records, or directories of them. (default: runs)")
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The HTML file to write.")] = Path("report.html"),
    dataset: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only the records of this dataset; repeat for several.")
    ] = None,
    generator: Annotated[
        str | None, typer.Option(metavar="NAME", help="Write a card of this generator in place of the report.")
    ] = None,
    images: Annotated[
        bool,
        typer.Option("--images", help="Also show real images: pairs, controls, nearest training images, worst cases."),
    ] = False,
    withdrawn: Annotated[
        bool, typer.Option("--withdrawn", help="Also show records that were withdrawn because they are wrong.")
    ] = False,
    store: options.StoreDir = Path("runs"),
    force: Annotated[bool, typer.Option("--force", help="Replace FILE even if no report wrote it.")] = False,
) -> None:
    """Write one HTML file with the verdict, figures, tables and records: for people, by mail."""
    from pigbench.api.compare import DEFAULT
    from pigbench.api.report import Wanted, write_report

    wanted = Wanted(dataset or (), generator or "", images, withdrawn, store)
    written = write_report(paths or DEFAULT, out, wanted, lambda line: typer.echo(line, err=True), force=force)
    typer.echo(f"{written}: open it in a browser")
