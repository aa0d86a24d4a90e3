"""Running a plan, or a part of one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pigbench.cli.options import Setup
    from pigbench.engine.driver import Outcome
    from pigbench.plan import Node, Plan


def compute(setup: Setup, plan: Plan) -> Outcome:
    """Compute what is missing of a plan, showing progress."""
    from pigbench.engine.local import run_plan
    from pigbench.report.progress import observer

    dataset = setup.request.protocol.dataset
    try:
        with observer(plan, setup.request, setup.store, setup.workers) as observe:
            return run_plan(plan.targets, setup.store, dataset, setup.workers, observe, setup.checkpoint_every)
    except KeyboardInterrupt:
        print("\npigbench: stopped. Nothing is lost: run the same command again to go on.", file=sys.stderr)
        raise SystemExit(130) from None


def compute_part(setup: Setup, nodes: list[Node]) -> int:
    """Compute what is missing of `nodes` and print where each artifact is; the exit code."""
    from pigbench.plan import Plan

    outcome = compute(setup, Plan(segmentations=nodes, fidelities=[]))
    for node in nodes:
        if node.key in outcome.failed:
            print(f"{node.label}: FAILED: {outcome.failed[node.key]}", file=sys.stderr)
        else:
            print(f"{node.label}: {setup.store.entry(node.stage, node.key).path}")
    return 1 if outcome.failed else 0
