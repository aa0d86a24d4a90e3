"""`pigbench sample`: sample, show what came out, and how it came about."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pigbench.cli.options import PLACE, SAMPLED, shares


@shares(
    *("generator", "masks", "n", "folds", "train_patients", "dataset", "preset", "seed", "set", "train", *PLACE),
    instead=SAMPLED,
)
def sample(
    fold: Annotated[int, typer.Option(help="The fold whose training patients the generator sees.", min=0)] = 0,
    *,
    train: bool = False,
    sheet: Annotated[Path | None, typer.Option(help="Write a contact sheet of the samples (PNG).")] = None,
    trace: Annotated[
        Path | None, typer.Option(help="Draw the sampling steps of one sample, as in Figure 3 (PNG).")
    ] = None,
    **shared: Any,
) -> None:
    """Sample from a generator trained on one fold; `--sheet` and `--trace` draw what came out.

    What is not given is taken from the newest record in the store, of those that fit what is.
    """
    from pigbench.api.sample import draw_sheet, draw_trace, set_up_samples
    from pigbench.cli.printing import compute_and_show

    setup, nodes = set_up_samples(shared, fold, train, sheet, trace)
    compute_and_show(setup, nodes)
    if sheet:
        draw_sheet(setup, nodes, sheet)
        print(f"contact sheet: {sheet}")
    if trace:
        draw_trace(setup, nodes[0], trace)
        print(f"trace: {trace}")
