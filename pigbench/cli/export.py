"""`pigbench export`: generated pairs as PNG files, or with the real cases as an nnU-Net dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pigbench.cli.options import SAMPLED, shares
from pigbench.counting import counted


@shares(
    *(
        "generator",
        "masks",
        "n",
        "folds",
        "train_patients",
        "dataset",
        "preset",
        "seed",
        "set",
        "train",
        "workers",
        "device",
        "store",
    ),
    instead=SAMPLED,
)
def export(
    out: Annotated[Path, typer.Argument(help="A new or empty directory.")],
    fold: Annotated[int | None, typer.Option(help="Only this fold's samples (default: all folds).", min=0)] = None,
    *,
    train: bool = False,
    nnunet: Annotated[
        bool, typer.Option("--nnunet", help="Write an nnU-Net dataset instead: real cases and all folds' pairs.")
    ] = False,
    **shared: Any,
) -> None:
    """Write generated pairs as `GENERATOR/fold-K/images/*.png` (16-bit grey, 8-bit colour) and `masks/*.png` (0 and
    255, or label maps).

    Each fold's folder has a manifest.json with the seal of the patients it was made from: train on fold K's pairs
    only with fold K's training patients, or you leak. --nnunet writes one raw dataset with the real cases too, and
    splits_final.json, in which fold K's pairs stand in fold K's training list alone: copy that file into nnU-Net's
    folder of preprocessed data, or it makes splits of its own that leak.

    What is not given is taken from the newest record in the store, of those that fit what is.
    """
    from pigbench.api.sample import set_up_samples
    from pigbench.cli.printing import compute_and_show
    from pigbench.exporting.nnunet import export_nnunet, nnunet_nodes
    from pigbench.exporting.png import check_empty, export_samples

    check_empty(out)
    setup, nodes = set_up_samples(shared, fold, train)
    compute_and_show(setup, nnunet_nodes(nodes) if nnunet else nodes)
    if nnunet:
        exported = export_nnunet(nodes, max(setup.request.samples), setup.store, out)
        print(f"{exported.real:,} real and {exported.generated:,} generated cases under {out}")
    else:
        written = export_samples(nodes, max(setup.request.samples), setup.store, out)
        print(f"{counted(written, 'sample')} under {out}")
