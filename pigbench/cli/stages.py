"""Running a part of a plan, for the verbs that stop before the record."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pigbench.cli.options import Setup
    from pigbench.plan import Node


def compute(setup: Setup, nodes: list[Node]) -> int:
    """Compute what is missing of `nodes` and print where each artifact is; the exit code."""
    from pigbench.engine.local import run_plan
    from pigbench.plan import Plan
    from pigbench.report.progress import observer

    plan = Plan(segmentations=nodes, fidelities=[])
    with observer(plan, setup.request, setup.store, setup.workers) as observe:
        outcome = run_plan(nodes, setup.store, setup.request.protocol.dataset, setup.workers, observe)
    for node in nodes:
        failed = outcome.failed.get(node.key)
        print(f"{node.label}: {f'FAILED: {failed}' if failed else setup.store.entry(node.stage, node.key).path}")
    for reason in dict.fromkeys(outcome.failed.values()):
        print(f"FAILED {reason}", file=sys.stderr)
    return 1 if outcome.failed else 0
