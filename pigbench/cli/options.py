"""The options that several verbs share, each written once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, Signature, signature
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

Command = TypeVar("Command", bound=Callable[..., None])
Option = tuple[Any, Any]
"""What typer makes an option of, and its default."""

Dataset = Annotated[str, typer.Option("--dataset", help="`phantom`, or a name given to `pigbench data import`.")]
PresetName = Annotated[str, typer.Option("--preset", help="smoke, demo, quick, small, medium or paper.")]
StoreDir = Annotated[Path, typer.Option("--store", help="Where artifacts and datasets are kept.")]
SetAsideInRun = Annotated[
    float | None,
    typer.Option(
        "--set-aside", help="Share of the patients kept for tuning in the run to compare with.", min=0, max=0.9
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


def _of(kind: Any, default: Any, *arguments: Any, **more: Any) -> Option:
    return Annotated[kind, typer.Option(*arguments, **more)], default


SHARED: dict[str, Option] = {
    "generator": _of(list[str], ["pig"], "--generator", help="A generator; repeat for several; `all` for each."),
    "masks": _of(
        list[str] | None,
        None,
        "--masks",
        help="Whose masks images are made for: `real`, or a generator such as `pig`; repeat for both.",
    ),
    "controls": _of(bool, False, "--controls", help="Add the arms that give the others their meaning."),
    "n": _of(list[int] | None, None, "--n", help="Samples per fold; repeat for several (default: the preset's)."),
    "folds": _of(int | None, None, "--folds", help="Folds, by patient (default: the preset's, mostly 5)."),
    "set_aside": _of(
        float | None,
        None,
        "--set-aside",
        help="Share of the patients kept for tuning, out of all folds (default: the studies', or none).",
        min=0,
        max=0.9,
    ),
    "dataset": (Dataset, "phantom"),
    "segmenter": _of(list[str], ["unet"], "--segmenter", help="A segmenter; repeat for several."),
    "preset": (PresetName, "quick"),
    "seed": _of(int, 0, "--seed", help="The first seed."),
    "seeds": _of(int, 1, "--seeds", help="How many seeds: SEED, SEED+1, …", min=1),
    "set": _of(
        list[str] | None,
        None,
        "--set",
        help="KEY=VALUE, such as training.learning_rate=1e-4 or pig.guide=binary.",
    ),
    "tuned": _of(
        list[str] | None,
        None,
        "--tuned",
        metavar="[STUDY]",
        help="Settings that a study of `pigbench tune` chose; can be repeated. Without a name: each generator's own.",
    ),
    "storage": (Storage, None),
    "train": _of(
        bool,
        False,
        "--train",
        help="Train what is not trained; without it that is said, and nothing is done.",
    ),
    "workers": _of(
        int | None,
        None,
        "--workers",
        help="Worker processes (default: one per core; on a GPU as the preset says).",
        min=1,
    ),
    "device": _of(str, "auto", "--device", help="auto, cpu or cuda."),
    "engine": _of(
        str | None,
        None,
        "--engine",
        help="local or dask (default: dask with --scheduler or --cluster, otherwise local).",
    ),
    "scheduler": _of(str | None, None, "--scheduler", metavar="tcp://HOST:PORT", help="A running Dask scheduler."),
    "cluster": _of(
        Path | None,
        None,
        "--cluster",
        metavar="FILE",
        help="A job queue for Dask workers, described in a TOML file.",
    ),
    "store": (StoreDir, Path("runs")),
    "results": _of(Path | None, None, "--results", help="Where the record goes (default: STORE/records)."),
    "checkpoint_every": _of(
        float,
        60.0,
        "--checkpoint-every",
        help="Seconds between two checkpoints of a training: what a crash can cost at most.",
        min=0,
    ),
    "dry_run": _of(bool, False, "--dry-run", help="Print the plan, what is there, and an estimate."),
}
"""By the name of the argument, which is also that of `pigbench.run`."""

PLACE = ("workers", "device", "engine", "scheduler", "cluster", "store")
"""Where a run computes."""

SAMPLED: dict[str, Option] = {
    "generator": _of(
        list[str] | None,
        None,
        "--generator",
        help="A generator; repeat for several. (default: the newest record's first, or pig without any)",
    ),
    "n": _of(
        list[int] | None,
        None,
        "--n",
        help="Samples per fold; repeat for several. (default: the newest record's, or the preset's)",
    ),
    "folds": _of(
        int | None, None, "--folds", help="Folds, by patient. (default: the newest record's, or the preset's)"
    ),
    "dataset": _of(str | None, None, "--dataset", help="(default: the newest record's, or `phantom` without any)"),
    "preset": _of(
        str | None,
        None,
        "--preset",
        help="(default: the newest record's with its --set, or `quick` without any)",
    ),
    "seed": _of(int | None, None, "--seed", help="(default: the newest record's first, or 0)"),
}
"""What `sample` and `export` take from the newest record where it is not given."""


def shares(*names: str, instead: Mapping[str, Option] | None = None) -> Callable[[Command], Command]:
    """Give a command these of the shared options, in this order; it takes them as `**shared`.

    Its own parameters before `*` stand before them in its help, those after it behind them; one of a shared option's
    name is that option. instead: options that are others here.
    """

    def share(command: Command) -> Command:
        own = [
            each
            for each in signature(command).parameters.values()
            if each.kind != Parameter.VAR_KEYWORD and each.name not in names
        ]
        before = [each.replace(kind=Parameter.KEYWORD_ONLY) for each in own if each.kind != Parameter.KEYWORD_ONLY]
        after = [each for each in own if each.kind == Parameter.KEYWORD_ONLY]
        options = {name: (SHARED | dict(instead or {}))[name] for name in names}
        shared = [Parameter(name, Parameter.KEYWORD_ONLY, default=default) for name, (_, default) in options.items()]
        kinds = get_type_hints(command, include_extras=True) | {name: kind for name, (kind, _) in options.items()}
        parameters = [each.replace(annotation=kinds[each.name]) for each in (*before, *shared, *after)]
        command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {each.name: each.annotation for each in parameters}
        return command

    return share


def spelled_out(arguments: Sequence[str]) -> list[str]:
    """The command line's arguments, where a `--tuned` without a name is followed by the empty one."""
    spelled = []
    for argument, following in zip_longest(arguments, arguments[1:], fillvalue="--"):
        spelled.append(argument)
        if argument == "--tuned" and following.startswith("-"):
            spelled.append("")
    return spelled
