"""`pigbench train`: only the training stages of a run."""

from __future__ import annotations

from pathlib import Path

from pigbench.cli import options
from pigbench.cli.engines import ClusterFile, Engine, SchedulerAddress, chosen_place
from pigbench.cli.setting_up import Options, set_up


def train(
    generator: options.Generators = ["pig"],  # noqa: B006
    folds: options.Folds = None,
    dataset: options.Dataset = "phantom",
    preset: options.PresetName = "quick",
    seed: options.Seed = 0,
    seeds: options.Seeds = 1,
    set_: options.Changes = None,
    workers: options.Workers = None,
    device: options.Device = "auto",
    engine: Engine = None,
    scheduler: SchedulerAddress = None,
    cluster: ClusterFile = None,
    store: options.StoreDir = Path("runs"),
) -> None:
    """Train the generators' components on every fold; a later `run` or `sample` finds them trained."""
    from pigbench.cli.stages import compute_part
    from pigbench.planning.planner import make_plan

    setup = set_up(
        Options(
            generators=generator,
            folds=folds,
            dataset=dataset,
            preset=preset,
            seed=seed,
            seeds=seeds,
            changes=set_,
            workers=workers,
            device=device,
            place=chosen_place(engine, scheduler, cluster, workers),
            store=store,
        )
    )
    nodes = [node for node in make_plan(setup.request).nodes() if node.stage == "train"]
    raise SystemExit(compute_part(setup, nodes))
