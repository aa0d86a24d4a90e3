"""`pigbench run`: the whole way, from a dataset to a record."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pigbench.cli import options
from pigbench.cli.complete import complete, tell_small_lesions
from pigbench.cli.engines import ClusterFile, Engine, SchedulerAddress, chosen_place, print_job
from pigbench.cli.setting_up import Options, set_up
from pigbench.cli.tuned import SetAside, Storage, Studies, shared_options, with_tuned


def run(
    generator: options.Generators = ["pig"],  # noqa: B006
    masks: options.Masks = None,
    controls: options.Controls = False,
    n: options.Samples = None,
    folds: options.Folds = None,
    set_aside: SetAside = None,
    dataset: options.Dataset = "phantom",
    segmenter: options.Segmenters = ["unet"],  # noqa: B006
    preset: options.PresetName = "quick",
    seed: options.Seed = 0,
    seeds: options.Seeds = 1,
    set_: options.Changes = None,
    tuned: Studies = None,
    storage: Storage = None,
    workers: options.Workers = None,
    device: options.Device = "auto",
    engine: Engine = None,
    scheduler: SchedulerAddress = None,
    cluster: ClusterFile = None,
    store: options.StoreDir = Path("runs"),
    results: Annotated[Path | None, typer.Option(help="Where the record goes (default: STORE/records).")] = None,
    checkpoint_every: options.CheckpointEvery = 60.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan, what is there, and an estimate.")] = False,
) -> None:
    """Train generators on some patients, and see whether what they make helps a segmenter on the others.

    Trains each generator on each fold's training patients, samples from it, measures how good the images are, and
    trains a segmenter with and without them. Leaves a record for `pigbench compare`. Run it again to go on.
    """
    from pigbench.planning.planner import make_plan

    setup = set_up(
        Options(
            generators=generator,
            masks=masks,
            controls=controls,
            samples=n,
            folds=folds,
            set_aside=set_aside,
            dataset=dataset,
            segmenters=segmenter,
            preset=preset,
            seed=seed,
            seeds=seeds,
            changes=set_,
            workers=workers,
            device=device,
            place=chosen_place(engine, scheduler, cluster, workers),
            store=store,
            checkpoint_every=checkpoint_every,
        )
    )
    if tuned:
        setup = with_tuned(setup, tuned, storage, shared_options(preset, dataset, set_aside, set_, store, storage))
    plan = make_plan(setup.request)
    if dry_run:
        from pigbench.reporting.plan import print_plan

        tell_small_lesions(setup)
        print_plan(plan, setup.request, setup.store, setup.workers, setup.size)
        print_job(setup.place)
        return
    raise SystemExit(complete(setup, plan, results or setup.store.root / "records"))
