"""`pigbench export`: generated pairs as PNG files, or with the real cases as an nnU-Net dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pigbench.cli import options
from pigbench.cli.setting_up import Options, set_up


def export(
    out: Annotated[Path, typer.Argument(help="A new or empty directory.")],
    generator: options.Generators = ["pig"],  # noqa: B006
    masks: options.Masks = None,
    n: options.Samples = None,
    fold: Annotated[int | None, typer.Option(help="Only this fold's samples (default: all folds).", min=0)] = None,
    folds: options.Folds = None,
    dataset: options.Dataset = "phantom",
    preset: options.PresetName = "quick",
    seed: options.Seed = 0,
    set_: options.Changes = None,
    workers: options.Workers = None,
    device: options.Device = "auto",
    store: options.StoreDir = Path("runs"),
    nnunet: Annotated[
        bool, typer.Option("--nnunet", help="Write an nnU-Net dataset instead: real cases and all folds' pairs.")
    ] = False,
) -> None:
    """Write generated pairs as `GENERATOR/fold-K/images/*.png` (16-bit) and `masks/*.png` (0 and 255).

    Each fold's folder has a manifest.json with the seal of the patients it was made from: train on fold K's pairs
    only with fold K's training patients, or you leak. --nnunet writes one raw dataset with the real cases too, and
    splits_final.json, in which fold K's pairs stand in fold K's training list alone: copy that file into nnU-Net's
    folder of preprocessed data, or it makes splits of its own that leak.
    """
    from pigbench.cli.stages import compute_part
    from pigbench.planning import sample_nodes
    from pigbench.report.export import check_empty, export_samples
    from pigbench.report.nnunet import export_nnunet, nnunet_nodes

    check_empty(out)
    setup = set_up(
        Options(
            generators=generator,
            masks=masks,
            samples=n,
            folds=folds,
            dataset=dataset,
            preset=preset,
            seed=seed,
            changes=set_,
            workers=workers,
            device=device,
            store=store,
        )
    )
    nodes = sample_nodes(setup.request, fold)
    code = compute_part(setup, nnunet_nodes(nodes) if nnunet else nodes)
    if code == 0 and nnunet:
        exported = export_nnunet(nodes, max(setup.request.samples), setup.store, out)
        print(f"{exported.real} real and {exported.generated} generated cases under {out}")
    elif code == 0:
        written = export_samples(nodes, max(setup.request.samples), setup.store, out)
        print(f"{written} samples under {out}")
    raise SystemExit(code)
