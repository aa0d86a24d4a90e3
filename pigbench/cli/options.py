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

Dataset = Annotated[
    str, typer.Option("--dataset", help="`phantom`, `phantom-colour`, or a name given to `pigbench data import`.")
]
PresetName = Annotated[str, typer.Option("--preset", help="smoke, demo, quick, overnight, small, medium or paper.")]
StoreDir = Annotated[Path, typer.Option("--store", help="Directory of the store: cached artifacts, datasets, records.")]
Records = Annotated[
    list[Path] | None, typer.Argument(metavar="PATH", help="Records, or directories of them. (default: runs)")
]
OfDatasets = Annotated[
    list[str] | None,
    typer.Option("--dataset", metavar="NAME", help="Only the records of this dataset; repeat for several."),
]
Withdrawn = Annotated[
    bool, typer.Option("--withdrawn", help="Also show records that were withdrawn because they are wrong.")
]
STUDIES = (
    "Storage of the studies: sqlite:///FILE (default: STORE/studies.db), or for several machines journal:FILE or a "
    "database's URL."
)
Storage = Annotated[str | None, typer.Option("--storage", metavar="URL", help=STUDIES)]
Text, Texts, Whole, Wholes = str | None, list[str] | None, int | None, list[int] | None
Share, File = float | None, Path | None
PART: dict[str, Any] = {"min": 0, "max": 0.9}
IN_RUN = "Share of patients set aside for tuning in the run to compare with."
SetAsideInRun = Annotated[float | None, typer.Option("--set-aside", help=IN_RUN, **PART)]

SUBSET_IN_RUN = "How many of each fold's training patients the pairs are made from (default: all)."
SubsetInRun = Annotated[str | None, typer.Option("--train-patients", metavar="N", help=SUBSET_IN_RUN)]


def _options(**told: tuple[Any, ...]) -> dict[str, Option]:
    """Options by name, of (type, default, help) and what else typer is told of them."""
    made = {}
    for name, (kind, default, help, *more) in told.items():
        option = typer.Option(f"--{name.replace('_', '-')}", help=help, **(more[0] if more else {}))
        made[name] = (Annotated[kind, option], default)
    return made


SHARED = _options(
    generator=(list[str], ["pig"], "Generator to run; repeatable; `all` runs every one."),
    masks=(Texts, None, "Source of the masks: `real`, or a generator such as `pig`; repeatable."),
    controls=(bool, False, "Also run the control arms: identity, shuffled, copy-paste, 2x steps, synthetic only."),
    n=(Wholes, None, "Samples per fold; repeatable (default: the preset's)."),
    folds=(Whole, None, "Number of patient-level folds (default: the preset's)."),
    set_aside=(
        Share,
        None,
        "Share of patients set aside for tuning, in no fold (default: as in the studies of --tuned, else 0).",
        PART,
    ),
    train_patients=(
        Texts,
        None,
        "Training patients of each fold, such as 8,16,32,all: nested subsets in one seeded order (default: all).",
        {"metavar": "N,…"},
    ),
    segmenter=(list[str], ["unet"], "Segmenter; repeatable."),
    metric=(Texts, None, "Metric to measure besides the default ones, such as hd95; repeatable."),
    seed=(int, 0, "The first seed."),
    seeds=(int, 1, "Number of seeds: SEED, SEED+1, …", {"min": 1}),
    trainings=(
        Texts,
        None,
        "Segmenter trainings of each arm, fold and seed; repeatable, `real=5` for one arm (default: the preset's).",
        {"metavar": "[ARM=]R"},
    ),
    use=(
        Texts,
        None,
        "How arms use pairs; repeatable: mix, pretrain (on pairs first, then on real cases), filter (of twice as many "
        "pairs those that real-only segmenters agree with), filter+pretrain; with a share, mix:0.25 of each batch, "
        "pretrain:0.25 of the steps (default: mix, n/(n+N)).",
        {"metavar": "WAY[:SHARE]"},
    ),
    set=(Texts, None, "KEY=VALUE, such as training.learning_rate=1e-4 or pig.guide=binary."),
    tuned=(
        Texts,
        None,
        "Use the settings that a study chose; repeatable. Without a name: each generator's own study.",
        {"metavar": "[STUDY]"},
    ),
    train=(bool, False, "Run missing training; without it, missing training is an error."),
    workers=(Whole, None, "Worker processes (default: one per core; on a GPU as the preset says).", {"min": 1}),
    device=(str, "auto", "auto, cpu or cuda."),
    engine=(Text, None, "local or dask (default: dask with --scheduler or --cluster, otherwise local)."),
    scheduler=(Text, None, "A running Dask scheduler.", {"metavar": "tcp://HOST:PORT"}),
    cluster=(File, None, "A job queue for Dask workers, described in a TOML file.", {"metavar": "FILE"}),
    results=(File, None, "Directory for the record (default: STORE/records)."),
    checkpoint_every=(float, 60.0, "Seconds between training checkpoints, the most that a crash can lose.", {"min": 0}),
    dry_run=(bool, False, "Print the plan, what is cached, and the estimated cost; compute nothing."),
)
SHARED |= {
    "dataset": (Dataset, "phantom"),
    "preset": (PresetName, "quick"),
    "storage": (Storage, None),
    "store": (StoreDir, Path("runs")),
}
"""By the name of the argument, which is also that of `pigbench.run`."""

PLACE = ("workers", "device", "engine", "scheduler", "cluster", "store")
"""Where a run computes."""

SAMPLED = _options(
    generator=(Texts, None, "Generator; repeatable. (default: the newest record's first, or pig without any)"),
    n=(Wholes, None, "Samples per fold; repeatable. (default: the newest record's, or the preset's)"),
    folds=(Whole, None, "Number of patient-level folds. (default: the newest record's, or the preset's)"),
    train_patients=(
        Text,
        None,
        "How many of a fold's training patients it was trained on, or all. (default: the newest record's most, or all)",
        {"metavar": "N"},
    ),
    dataset=(Text, None, "(default: the newest record's, or `phantom` without any)"),
    preset=(Text, None, "(default: the newest record's with its --set, or `quick` without any)"),
    seed=(Whole, None, "(default: the newest record's first, or 0)"),
)
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
