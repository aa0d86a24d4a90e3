"""`pigbench tune`: a plugin's settings chosen on patients that are set aside, and what was found."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pigbench.cli import options
from pigbench.errors import PigbenchError

if TYPE_CHECKING:
    from pigbench.tuning.findings import Findings

app = typer.Typer(no_args_is_help=True, help="Hyperparameter search on patients outside every fold.")

Name = Annotated[str, typer.Argument(help="As `pigbench list` names it.")]
Trials = Annotated[int, typer.Option(help="Total number of trials in the study, over all processes.", min=1)]
Timeout = Annotated[float | None, typer.Option(help="Start no new trial after this many seconds.", min=0)]
StudyName = Annotated[str | None, typer.Option("--study", help="(default: PLUGIN-PRESET-DATASET)")]
Share = Annotated[float, typer.Option("--set-aside", help="Share of the patients to tune on.", min=0.01, max=0.9)]


STUDIED = ("dataset", "preset", "seed", "set", "workers", "device", "store", "checkpoint_every")


def _search(kind: str, aim: str) -> None:
    """Add the command that tunes a plugin of this kind."""

    @app.command(kind, help=f"{aim}\n\nRun it again to go on, or several times at once to share the work.")
    @options.shares("storage", *STUDIED)
    def search(
        name: Name,
        trials: Trials = 20,
        timeout: Timeout = None,
        study: StudyName = None,
        set_aside: Share = 0.2,
        **shared: Any,
    ) -> None:
        from pigbench.api.request import Options
        from pigbench.api.tune import tune
        from pigbench.cli.stopping import stoppable

        plugin: dict[str, Any] = {"segmenter": ()} | {kind: name}
        with stoppable():
            found = tune(Options(**plugin, **shared), set_aside, study, trials, timeout)
        raise SystemExit(_announce(found))


_search(
    "generator",
    "Look for the settings whose images are nearest, by KID, to those of tuning patients that were not trained on.",
)
_search(
    "segmenter",
    "Look for the settings with the highest Dice, on tuning patients that were not trained on, from real cases alone.",
)


@app.command("show")
def show(
    study: Annotated[str, typer.Argument(help="Its name.")],
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Plot the trials in order and against each setting.")
    ] = None,
    storage: options.Storage = None,
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
