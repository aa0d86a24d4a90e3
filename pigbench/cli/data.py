"""`pigbench data`: import datasets, look at them, count and check what they hold, list and forget them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pigbench.cli import listing, options
from pigbench.cli.importing import Importers
from pigbench.counting import counted
from pigbench.reporting.bar import reading

if TYPE_CHECKING:
    from pigbench.data.source import CaseInfo, Source
    from pigbench.reporting.contact_sheet import Cell

SHOWN = 40

app = typer.Typer(no_args_is_help=True, help="Import, look at and list datasets.")
importers = typer.Typer(cls=Importers, no_args_is_help=True, help="Register a dataset of your own; nothing is copied.")
app.add_typer(importers, name="import")


@importers.callback()
def import_() -> None:
    """Register a dataset of your own. Its files are checked and read once, and stay where they are."""


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="A dataset, as `data list` names it.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Output file (default: NAME.png in the current directory).")
    ] = None,
    resolution: Annotated[
        int, typer.Option(min=8, help="Resolution in pixels per side, as a run would prepare it.")
    ] = 128,
    store: options.StoreDir = Path("runs"),
) -> None:
    """Write a contact sheet of prepared cases with their masks outlined and tinted."""
    from pigbench.data.datasets import open_dataset
    from pigbench.reporting.contact_sheet import contact_sheet

    source = open_dataset(name, store)
    source.check_files()
    cases = source.cases()
    picked = _spread(len(cases))
    path = out or Path(f"{name}.png")
    contact_sheet(
        [_cell(source, index, cases[index], resolution) for index in picked],
        path,
        title=f"{name} {source.fingerprint()[:8]}: {len(picked)} of {len(cases)} cases at {resolution}²",
        classes=source.classes,
    )
    typer.echo(f"{len(picked)} of {counted(len(cases), 'case')} written to {path}")


@app.command("inspect")
def inspect(
    name: Annotated[str, typer.Argument(help="A dataset, as `data list` names it.")],
    folds: Annotated[int, typer.Option(min=2, help="Number of folds to try.")] = 5,
    pictures: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Draw nearly equal images of different patients side by side."),
    ] = None,
    store: options.StoreDir = Path("runs"),
) -> None:
    """Count what a dataset holds: patients, lesions, sizes, intensities, and images that two patients share."""
    from pigbench.data.census import take
    from pigbench.data.datasets import open_dataset
    from pigbench.reporting.census import lines

    source = open_dataset(name, store)
    with reading() as advance:
        census = take(source, folds, advance)
    drawn = ""
    if pictures and census.near_duplicates:
        from pigbench.reporting.suspects import draw

        drawn = draw(source, census.near_duplicates, pictures)
    for line in lines(name, census, drawn):
        typer.echo(line)
    if pictures and not drawn:
        typer.echo(f"nothing to draw: {pictures} is not written")


@app.command("validate")
def validate(
    name: Annotated[str, typer.Argument(help="A dataset, as `data list` names it.")],
    store: options.StoreDir = Path("runs"),
) -> None:
    """Read every file of a dataset again and list each fault, all of them; exit 1 if there is any."""
    from pigbench.data.census import validate as read_all
    from pigbench.data.datasets import open_dataset

    source = open_dataset(name, store)
    with reading() as advance:
        problems = read_all(source, advance)
    for kind, names in problems.items():
        typer.echo(f"{kind} ({len(names)}):")
        for file in names:
            typer.echo(f"  {file}")
    typer.echo(f"'{name}': {counted(len(source.cases()), 'case')} read, {counted(len(problems), 'fault')}")
    raise SystemExit(1 if len(problems) else 0)


@app.command("which")
def which(
    id: Annotated[str, typer.Argument(metavar="ID", help="A case or patient, as tables, logs and records name it.")],
    dataset: Annotated[str | None, typer.Option(help="Where to look (default: every imported dataset).")] = None,
    store: options.StoreDir = Path("runs"),
) -> None:
    """Name the files and the patient behind an id. Only the store that a dataset was imported into knows them."""
    from pigbench.data.datasets import cases_called
    from pigbench.data.file_dataset import image_part, mask_parts

    for name, row in cases_called(id, store, dataset):
        typer.echo(f"{name}: case {row.case_id}, patient {row.patient_id}")
        typer.echo(f"  your names: {row.name}, patient {row.patient}")
        for what, part in [("image", image_part(row)), *(("mask", part) for part in mask_parts(row))]:
            typer.echo(f"  {what}: {part.file}{', ' * bool(part.inside)}{part.inside}")


@app.command("forget")
def forget(
    name: Annotated[str, typer.Argument(help="An imported dataset.")],
    store: options.StoreDir = Path("runs"),
) -> None:
    """Unregister a dataset and free its name; your files and all results stay."""
    from pigbench.data.datasets import forget_dataset

    forget_dataset(name, store)
    typer.echo(f"'{name}' is forgotten; its files, artifacts and records are where they were")


@app.command("list")
def list_datasets(store: options.StoreDir = Path("runs")) -> None:
    """List the built-in datasets and those of the store, as `pigbench list datasets` does."""
    listing.list_(listing.What.DATASETS, store=store)


def _spread(total: int) -> list[int]:
    """Up to SHOWN of `total` cases, evenly spread over their order, which goes by patient."""
    return [index * total // SHOWN for index in range(SHOWN)] if total > SHOWN else list(range(total))


def _cell(source: Source, index: int, case: CaseInfo, resolution: int) -> Cell:
    from pigbench.contracts import to_unit_range
    from pigbench.data.prepare import prepare_case
    from pigbench.reporting.contact_sheet import Cell

    image, mask = prepare_case(*source.read(index, resolution), resolution)
    return Cell(to_unit_range(image), mask, f"{case.case_id} {case.lesion_fraction:.1%}")
