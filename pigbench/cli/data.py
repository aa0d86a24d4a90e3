"""`pigbench data`: import a folder of pairs, look at a dataset, list what there is, forget one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pigbench.cli import listing, options

if TYPE_CHECKING:
    from pigbench.data.folder import Imported
    from pigbench.data.source import CaseInfo, Source
    from pigbench.report.contact_sheet import Cell

SHOWN = 40

app = typer.Typer(no_args_is_help=True, help="Import, look at and list datasets.")
importer = typer.Typer(no_args_is_help=True, help="Register a dataset of your own.")
app.add_typer(importer, name="import")


@importer.command("folder")
def import_folder(
    images: Annotated[Path, typer.Option(metavar="DIR", help="PNG, TIFF or JPEG, 8- or 16-bit grey.")],
    masks: Annotated[Path, typer.Option(metavar="DIR", help="Masks, 0 and one other value, named like the images.")],
    name: Annotated[str, typer.Option(help="What to call the dataset.")],
    patient_regex: Annotated[
        str | None, typer.Option(metavar="RE", help="Finds the patient in a file name (its group 1, if it has one).")
    ] = None,
    patients: Annotated[
        Path | None, typer.Option(metavar="CSV", help="A table with the columns case_id and patient_id.")
    ] = None,
    store: options.StoreDir = Path("runs"),
) -> None:
    """Register images and masks of the same stem. They are checked and read once, and stay where they are."""
    from rich.console import Console
    from rich.progress import Progress

    from pigbench.data import folder

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None)
        imported = folder.import_folder(
            images,
            masks,
            name,
            store,
            patient_regex=patient_regex,
            patients_csv=patients,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    for line in _summary(name, imported):
        typer.echo(line)


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="A dataset, as `data list` names it.")],
    out: Annotated[Path | None, typer.Option(metavar="FILE.png", help="Default: NAME.png, here.")] = None,
    resolution: Annotated[int, typer.Option(min=8, help="Pixels a side, as prepared for a run.")] = 128,
    store: options.StoreDir = Path("runs"),
) -> None:
    """Write a contact sheet of prepared cases with their masks outlined."""
    from pigbench.data.catalogue import open_dataset
    from pigbench.report.contact_sheet import contact_sheet

    source = open_dataset(name, store)
    cases = source.cases()
    picked = _spread(len(cases))
    path = out or Path(f"{name}.png")
    contact_sheet(
        [_cell(source, index, cases[index], resolution) for index in picked],
        path,
        title=f"{name} {source.fingerprint()[:8]}: {len(picked)} of {len(cases)} cases at {resolution}²",
    )
    typer.echo(f"{len(picked)} cases written to {path}")


@app.command("forget")
def forget(
    name: Annotated[str, typer.Argument(help="An imported dataset.")],
    store: options.StoreDir = Path("runs"),
) -> None:
    """Take an imported dataset off the list, so that its name is free; your files and all results stay."""
    from pigbench.data.catalogue import forget_dataset

    forget_dataset(name, store)
    typer.echo(f"'{name}' is forgotten; its files, artifacts and records are where they were")


@app.command("list")
def list_datasets(store: options.StoreDir = Path("runs")) -> None:
    """List the built-in dataset and those of the store, as `pigbench list datasets` does."""
    listing.list_(listing.What.DATASETS, store=store)


def _summary(name: str, imported: Imported) -> list[str]:
    dataset = imported.dataset
    whose = f"{dataset.patients} patients" if dataset.has_patient_ids else "patients unknown"
    lines = [f"'{name}': {dataset.cases} cases, {whose}"]
    if not dataset.has_patient_ids:
        lines.append(
            "Careful: every case counts as its own patient. If several come from one patient, they leak from training "
            "into test: give --patient-regex or --patients."
        )
    if imported.known:
        lines.append("It was registered before with the same content; it now points to these files.")
    if dataset.empty_masks:
        lines.append(f"{dataset.empty_masks} masks are empty.")
    if imported.shared_images:
        lines.append(
            f"Careful: {imported.shared_images} images occur, byte for byte, in more than one patient; "
            "they can leak from training into test."
        )
    return [*lines, f"Look at it with `pigbench data show {name}`, use it with `pigbench run --dataset {name}`."]


def _spread(total: int) -> list[int]:
    """Up to SHOWN of `total` cases, evenly spread over their order, which goes by patient."""
    return [index * total // SHOWN for index in range(SHOWN)] if total > SHOWN else list(range(total))


def _cell(source: Source, index: int, case: CaseInfo, resolution: int) -> Cell:
    from pigbench.contracts import to_unit_range
    from pigbench.data.prepare import prepare_case
    from pigbench.report.contact_sheet import Cell

    image, mask = prepare_case(*source.read(index, resolution), resolution)
    return Cell(to_unit_range(image), mask, f"{case.case_id} {case.lesion_fraction:.1%}")
