"""`pigbench split`: each fold's patients, for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pigbench.cli import options
from pigbench.reporting.bar import reading

app = typer.Typer(no_args_is_help=True, help="Export the folds for other tools.")


@app.command("export")
def export(
    out: Annotated[Path, typer.Option(metavar="DIR", help="A new or empty directory.")],
    dataset: options.Dataset = "phantom",
    folds: Annotated[int, typer.Option(help="Folds, by patient, as in the run to compare with.")] = 5,
    set_aside: options.SetAsideInRun = None,
    train_patients: options.SubsetInRun = None,
    store: options.StoreDir = Path("runs"),
) -> None:
    """Write each fold's training and held-out patients, so that another tool can be trained without leaking.

    `fold-K.json` names them by the ids of the records and holds the seal that `pigbench evaluate --fold-of` asks for.
    `splits_final.json` is the same split for nnU-Net, its cases named like the image files. `files.csv` tells which of
    your files each case is: these two may name patients, so they are for you alone. Its column `mask` is the one to
    train on: the case's mask as the suite reads it, all its masks merged, written to masks/ (0 and 255, or label
    maps).
    """
    from pigbench.data.datasets import open_dataset
    from pigbench.data.fold_manifests import write_split
    from pigbench.exporting.png import check_empty
    from pigbench.planning.subsets import chosen_subsets, only_subset
    from pigbench.protocol import Protocol

    check_empty(out)
    patients = only_subset(chosen_subsets([] if train_patients is None else [train_patients]))
    source = open_dataset(dataset, store.expanduser().absolute())
    source.check_files()
    seed = Protocol.model_fields["split_seed"].default
    with reading() as advance:
        write_split(source, folds, seed, out, set_aside or 0.0, advance, patients)
    typer.echo(f"{folds} folds of '{dataset}' under {out}")
