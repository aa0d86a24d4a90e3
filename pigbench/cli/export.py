"""`pigbench export`: generated pairs as PNG files, or with the real cases as an nnU-Net dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pigbench.cli import options
from pigbench.cli.last_run import Told, go_on
from pigbench.cli.setting_up import Options, set_up
from pigbench.counting import counted


def export(
    out: Annotated[Path, typer.Argument(help="A new or empty directory.")],
    generator: options.SampledGenerators = None,
    masks: options.Masks = None,
    n: options.SampledNumber = None,
    fold: Annotated[int | None, typer.Option(help="Only this fold's samples (default: all folds).", min=0)] = None,
    folds: options.SampledFolds = None,
    dataset: options.SampledDataset = None,
    preset: options.SampledPreset = None,
    seed: options.SampledSeed = None,
    set_: options.Changes = None,
    train: options.Train = False,
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

    What is not given is taken from the newest record in the store, of those that fit what is.
    """
    from pigbench.cli.stages import compute_part, refuse_training
    from pigbench.exporting.nnunet import export_nnunet, nnunet_nodes
    from pigbench.exporting.png import check_empty, export_samples
    from pigbench.planning.planner import sample_nodes

    check_empty(out)
    told = Told(generators=generator, samples=n, folds=folds, dataset=dataset, preset=preset, seed=seed, changes=set_)
    setup = set_up(go_on(told, Options(generators=["pig"], masks=masks, workers=workers, device=device, store=store)))
    nodes = sample_nodes(setup.request, fold)
    if not train:
        refuse_training(setup, nodes)
    code = compute_part(setup, nnunet_nodes(nodes) if nnunet else nodes)
    if code == 0 and nnunet:
        exported = export_nnunet(nodes, max(setup.request.samples), setup.store, out)
        print(f"{exported.real:,} real and {exported.generated:,} generated cases under {out}")
    elif code == 0:
        written = export_samples(nodes, max(setup.request.samples), setup.store, out)
        print(f"{counted(written, 'sample')} under {out}")
    raise SystemExit(code)
