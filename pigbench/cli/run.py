"""`pigbench run`: the whole way, from a dataset to a record."""

from __future__ import annotations

from typing import Any

from pigbench.cli.options import PLACE, shares


@shares(
    *(
        "generator",
        "masks",
        "controls",
        "n",
        "folds",
        "set_aside",
        "train_patients",
        "dataset",
        "segmenter",
        "metric",
        "preset",
    ),
    *("seed", "seeds", "trainings", "use", "set", "tuned", "storage", *PLACE, "results", "checkpoint_every", "dry_run"),
)
def run(dry_run: bool = False, **shared: Any) -> None:
    """Train generators on some patients, and see whether what they make helps a segmenter on the others.

    Trains each generator on each fold's training patients, samples from it, measures how good the images are, and
    trains a segmenter with and without them. Leaves a record for `pigbench compare`. Run it again to go on.
    """
    from pigbench.api.request import Options, set_up
    from pigbench.cli.printing import complete_and_show, show_plan

    setup = set_up(Options(**shared))
    if dry_run:
        show_plan(setup)
    else:
        complete_and_show(setup)
