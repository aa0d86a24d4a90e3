"""`--tuned`: a run with the settings that studies chose, on patients that they did not see."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pigbench.cli.setting_up import check_folds

if TYPE_CHECKING:
    from pigbench.cli.setting_up import Setup

SetAside = Annotated[
    float | None,
    typer.Option(
        help="Share of the patients kept for tuning, out of all folds (default: the studies', or none).",
        min=0,
        max=0.9,
    ),
]
SetAsideInRun = Annotated[
    float | None,
    typer.Option(help="Share of the patients kept for tuning in the run to compare with.", min=0, max=0.9),
]
Studies = Annotated[
    list[str] | None,
    typer.Option(
        "--tuned",
        metavar="[STUDY]",
        help="Settings that a study of `pigbench tune` chose; can be repeated. Without a name: each generator's own.",
    ),
]
Storage = Annotated[
    str | None,
    typer.Option(
        "--storage",
        metavar="URL",
        help="Where studies are kept: sqlite:///FILE (default: STORE/studies.db), or for several machines journal:FILE "
        "or a database's URL.",
    ),
]


def spelled_out(arguments: Sequence[str]) -> list[str]:
    """The command line's arguments, where a `--tuned` without a name is followed by the empty one."""
    spelled = []
    for argument, following in zip_longest(arguments, arguments[1:], fillvalue="--"):
        spelled.append(argument)
        if argument == "--tuned" and following.startswith("-"):
            spelled.append("")
    return spelled


def with_tuned(setup: Setup, names: Sequence[str], storage: str | None, shared: Sequence[str]) -> Setup:
    """`setup` with the settings that the studies of those names chose; the empty name is each generator's own.

    shared: the options of a `pigbench tune` whose study fits, for messages.
    """
    from pigbench.tuning.chosen import with_studies
    from pigbench.tuning.storage import studies_in

    def command(generator: str, trials: int) -> str:
        return shlex.join(["pigbench", "tune", "generator", generator, "--trials", str(trials), *shared])

    with studies_in(storage, setup.store.root, existing=bool(storage)) as studies:
        request = with_studies(setup.request, names, studies, command)
    check_folds(request.protocol, setup.source)
    return replace(setup, request=request)


def shared_options(
    preset: str,
    dataset: str,
    set_aside: float | None,
    changes: Sequence[str] | None,
    store: Path,
    storage: str | None,
) -> list[str]:
    """What a run and a study that fits it have in common, as options."""
    from pigbench.protocol import Preset

    general = [change for change in changes or () if change.partition("=")[0].partition(".")[0] in Preset.model_fields]
    given = ["--preset", preset, "--dataset", dataset]
    given += ["--set-aside", str(set_aside)] if set_aside else []
    given += [part for change in general for part in ("--set", change)]
    given += ["--store", str(store)] if store != Path("runs") else []
    return given + (["--storage", storage] if storage else [])
