"""The options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Generators = Annotated[list[str], typer.Option("--generator", help="A generator; repeat for several; `all` for each.")]
Masks = Annotated[
    list[str] | None,
    typer.Option(
        "--masks", help="Whose masks images are made for: `real`, or a generator such as `pig`; repeat for both."
    ),
]
Controls = Annotated[bool, typer.Option("--controls", help="Add the arms that give the others their meaning.")]
Samples = Annotated[
    list[int] | None, typer.Option("--n", help="Samples per fold; repeat for several (default: the preset's).")
]
Folds = Annotated[int | None, typer.Option("--folds", help="Folds, by patient (default: the preset's, mostly 5).")]
Dataset = Annotated[str, typer.Option("--dataset", help="`phantom`, or a name given to `pigbench data import`.")]
Segmenters = Annotated[list[str], typer.Option("--segmenter", help="A segmenter; repeat for several.")]
PresetName = Annotated[str, typer.Option("--preset", help="smoke, demo, quick, small, medium or paper.")]
Seed = Annotated[int, typer.Option("--seed", help="The first seed.")]
Seeds = Annotated[int, typer.Option("--seeds", help="How many seeds: SEED, SEED+1, …", min=1)]
Changes = Annotated[
    list[str] | None, typer.Option("--set", help="KEY=VALUE, such as training.learning_rate=1e-4 or pig.guide=binary.")
]
SampledGenerators = Annotated[
    list[str] | None,
    typer.Option(
        "--generator", help="A generator; repeat for several. (default: the newest record's first, or pig without any)"
    ),
]
SampledDataset = Annotated[
    str | None, typer.Option("--dataset", help="(default: the newest record's, or `phantom` without any)")
]
SampledPreset = Annotated[
    str | None,
    typer.Option("--preset", help="(default: the newest record's with its --set, or `quick` without any)"),
]
SampledFolds = Annotated[
    int | None, typer.Option("--folds", help="Folds, by patient. (default: the newest record's, or the preset's)")
]
SampledNumber = Annotated[
    list[int] | None,
    typer.Option("--n", help="Samples per fold; repeat for several. (default: the newest record's, or the preset's)"),
]
SampledSeed = Annotated[int | None, typer.Option("--seed", help="(default: the newest record's first, or 0)")]
Train = Annotated[
    bool, typer.Option("--train", help="Train what is not trained; without it that is said, and nothing is done.")
]
Workers = Annotated[
    int | None,
    typer.Option("--workers", help="Worker processes (default: one per core; on a GPU as the preset says).", min=1),
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
CheckpointEvery = Annotated[
    float, typer.Option(help="Seconds between two checkpoints of a training: what a crash can cost at most.", min=0)
]
StoreDir = Annotated[Path, typer.Option("--store", help="Where artifacts and datasets are kept.")]
