"""`pigbench evaluate`: pairs that another tool made, in the same tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pigbench.cli.options import PLACE, SetAsideInRun, SubsetInRun, shares


@shares(
    *("folds", "set_aside", "train_patients", "dataset", "segmenter", "metric", "preset", "seed", "seeds"),
    *("trainings", "use", "set", *PLACE, "results", "dry_run"),
    instead={"set_aside": (SetAsideInRun, None), "train_patients": (SubsetInRun, None)},
)
def evaluate(
    pairs: Annotated[
        Path, typer.Option(metavar="DIR", help="Holds images/ and masks/, or fold-0/images, fold-0/masks, fold-1/…")
    ],
    name: Annotated[str, typer.Option(help="Row name in the tables, such as the tool and its version.")],
    fold_of: Annotated[
        Path | None,
        typer.Option(
            metavar="MANIFEST",
            help="Manifest of the fold that the pairs were made from (from `pigbench split export`).",
        ),
    ] = None,
    as_is: Annotated[
        bool,
        typer.Option(
            "--as-is", help="The pairs are already prepared: at the run's resolution, 0 to full scale meaning -1 to 1."
        ),
    ] = False,
    n: Annotated[
        list[int] | None,
        typer.Option("--n", help="Pairs per fold; repeat for several. (default: all; the fewest of the folds)"),
    ] = None,
    *,
    dry_run: bool = False,
    **shared: Any,
) -> None:
    """Score the image/mask pairs of another tool, without a plugin.

    Give the tool one fold's training patients (`pigbench split export` says which), and hand in what it makes with that
    fold's manifest: as manifest.json in each fold-K folder, or by --fold-of, one fold a call and always the same --n,
    which fills one row. Pairs without a manifest serve every fold and are marked UNSEALED in every table: nobody
    vouches that no held-out patient was trained on. The pairs are prepared as real images are (cropped, resized, their
    intensities windowed), unless --as-is or their own manifest.json says that they are ready; they stay in their place.
    """
    from pigbench.api.evaluate import register_pairs, set_up_evaluation
    from pigbench.api.request import Options
    from pigbench.cli.printing import complete_and_show, show_plan

    setup, found = set_up_evaluation(Options(n=n, **shared), pairs, name, fold_of, as_is)
    if dry_run:
        show_plan(setup)
    else:
        register_pairs(setup, found)
        complete_and_show(setup)
