"""`pigbench tune`: a plugin's settings chosen on patients that are set aside, and what was found."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pigbench.cli import options
from pigbench.cli.setting_up import Options, set_up
from pigbench.cli.tuned import Storage
from pigbench.errors import PigbenchError

if TYPE_CHECKING:
    from pigbench.tuning.findings import Findings

app = typer.Typer(
    no_args_is_help=True, help="Choose a plugin's settings on patients that are set aside, in no fold of any run."
)

Name = Annotated[str, typer.Argument(help="As `pigbench list` names it.")]
Trials = Annotated[
    int,
    typer.Option(help="How many the study shall have in all, whichever process ends them; at that it stops.", min=1),
]
Timeout = Annotated[float | None, typer.Option(help="Begin no trial after so many seconds.", min=0)]
StudyName = Annotated[str | None, typer.Option("--study", help="(default: PLUGIN-PRESET-DATASET)")]
Share = Annotated[float, typer.Option("--set-aside", help="Share of the patients to tune on.", min=0.01, max=0.9)]


@app.command("generator")
def generator(
    name: Name,
    trials: Trials = 20,
    timeout: Timeout = None,
    study: StudyName = None,
    storage: Storage = None,
    set_aside: Share = 0.2,
    dataset: options.Dataset = "phantom",
    preset: options.PresetName = "quick",
    seed: options.Seed = 0,
    set_: options.Changes = None,
    workers: options.Workers = None,
    device: options.Device = "auto",
    store: options.StoreDir = Path("runs"),
    checkpoint_every: options.CheckpointEvery = 60.0,
) -> None:
    """Look for the settings whose images are nearest, by KID, to those of tuning patients that were not trained on.

    Run it again to go on, or several times at once to share the work.
    """
    chosen = Options(
        generators=[name],
        segmenters=[],
        dataset=dataset,
        preset=preset,
        seed=seed,
        changes=set_,
        workers=workers,
        device=device,
        store=store,
        checkpoint_every=checkpoint_every,
    )
    _tune(chosen, set_aside, study, storage, trials, timeout)


@app.command("segmenter")
def segmenter(
    name: Name,
    trials: Trials = 20,
    timeout: Timeout = None,
    study: StudyName = None,
    storage: Storage = None,
    set_aside: Share = 0.2,
    dataset: options.Dataset = "phantom",
    preset: options.PresetName = "quick",
    seed: options.Seed = 0,
    set_: options.Changes = None,
    workers: options.Workers = None,
    device: options.Device = "auto",
    store: options.StoreDir = Path("runs"),
    checkpoint_every: options.CheckpointEvery = 60.0,
) -> None:
    """Look for the settings with the highest Dice, on tuning patients that were not trained on, from real cases alone.

    Run it again to go on, or several times at once to share the work.
    """
    chosen = Options(
        segmenters=[name],
        dataset=dataset,
        preset=preset,
        seed=seed,
        changes=set_,
        workers=workers,
        device=device,
        store=store,
        checkpoint_every=checkpoint_every,
    )
    _tune(chosen, set_aside, study, storage, trials, timeout)


@app.command("show")
def show(
    study: Annotated[str, typer.Argument(help="Its name.")],
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Draw the trials, and each against each setting.")
    ] = None,
    storage: Storage = None,
    store: options.StoreDir = Path("runs"),
) -> None:
    """Show what a study has found: its trials, the best first, and what they cost."""
    from pigbench.reporting.studies import draw_study, print_study
    from pigbench.tuning.findings import read_study
    from pigbench.tuning.storage import studies_in

    if plot and not plot.absolute().parent.is_dir():
        raise PigbenchError(f"{plot}: its directory does not exist")
    with studies_in(storage, store.expanduser().absolute(), existing=True) as studies:
        found = read_study(studies, study)
    print_study(found)
    if plot:
        draw_study(found, plot)
        print(f"plot: {plot}")


def _tune(
    chosen: Options, share: float, name: str | None, storage: str | None, trials: int, timeout: float | None
) -> None:
    """Work on the study and say what it has found. Exits 1 if no trial is complete; stoppable as a run is."""
    from pigbench.cli.stopping import stoppable
    from pigbench.data.splits import INNER, set_aside
    from pigbench.reporting.studies import watching
    from pigbench.tuning.findings import read_study
    from pigbench.tuning.space import check_tunable
    from pigbench.tuning.storage import studies_in
    from pigbench.tuning.study import default_name, open_study, work
    from pigbench.tuning.trial import Evaluation, on_tuning_patients

    setup, seed = set_up(replace(chosen, folds=INNER)), chosen.seed
    request = on_tuning_patients(setup.request, share)
    evaluation = Evaluation(request, setup.store, setup.workers, setup.checkpoint_every)
    check_tunable(evaluation.choice)
    protocol = request.protocol
    patients = len(set_aside(setup.source.cases(), share, protocol.split_seed))
    name = name or default_name(evaluation.choice.name, protocol.preset.name, protocol.dataset_identity)
    with stoppable(), studies_in(storage, setup.store.root) as studies, watching() as (say, observe):
        study = open_study(studies, name, evaluation, seed, patients)
        work(study, replace(evaluation, say=say, observe=observe), seed, trials, timeout)
        found = read_study(studies, name)
    raise SystemExit(_announce(found))


def _announce(found: Findings) -> int:
    """Show a study and how to use it; the exit code."""
    from pigbench.reporting.studies import print_study

    print_study(found)
    if not found.ranked:
        print(f"pigbench: no trial of '{found.study}' is complete", file=sys.stderr)
        return 1
    kind, plugin = found.about["group"].removesuffix("s"), found.about["plugin"]
    print(f"Use it: pigbench run --{kind} {plugin} --tuned {found.study}")
    return 0
