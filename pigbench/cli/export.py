"""`pigbench export`: generated pairs as PNG files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pigbench.cli import options


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
) -> None:
    """Write generated pairs as `GENERATOR/fold-K/images/*.png` (16-bit) and `masks/*.png` (0 and 255).

    Each fold's folder has a manifest.json with the seal of the patients it was made from: train on fold K's pairs
    only with fold K's training patients, or you leak.
    """
    from pigbench.cli.stages import compute_part
    from pigbench.planning import make_plan
    from pigbench.report.export import check_empty, export_samples

    check_empty(out)
    setup = options.set_up(
        generator, n, folds, dataset, ["unet"], preset, seed, 1, set_, workers, device, store, masks=masks
    )
    nodes = [
        node
        for node in make_plan(setup.request).nodes()
        if node.stage == "sample" and fold in (None, node.about["fold"])
    ]
    code = compute_part(setup, nodes)
    if code == 0:
        written = export_samples(nodes, max(setup.request.samples), setup.store, out)
        print(f"{written} samples under {out}")
    raise SystemExit(code)
