"""`pigbench train`: only the training stages of a run."""

from __future__ import annotations

from typing import Any

from pigbench.cli.options import PLACE, shares


@shares("generator", "folds", "train_patients", "dataset", "preset", "seed", "seeds", "set", *PLACE)
def train(**shared: Any) -> None:
    """Train the generators' components on every fold; a later `run` or `sample` finds them trained."""
    from pigbench.api.request import Options, set_up
    from pigbench.cli.printing import compute_and_show

    setup = set_up(Options(**shared))
    compute_and_show(setup, [node for node in setup.plan.nodes() if node.purpose.component])
