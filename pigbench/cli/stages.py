"""Running a plan, or a part of one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pigbench.cli.setting_up import Setup
    from pigbench.engine.driver import Observer, Outcome
    from pigbench.plan import Node, Plan


def compute(setup: Setup, plan: Plan) -> Outcome:
    """Compute what is missing of a plan, showing progress; the store is told what the artifacts are for."""
    from pigbench.report.progress import observer
    from pigbench.uses import Use, note_use

    protocol = setup.request.protocol
    use = Use(protocol.dataset, protocol.preset.name)
    note_use(setup.store.root, use, (node.key for node in plan.nodes()))
    try:
        with (
            _engine(setup, plan) as (run, workers),
            observer(plan, setup.request, setup.store, workers, setup.size) as observe,
        ):
            return run(observe)
    except KeyboardInterrupt:
        print("\npigbench: stopped. Nothing is lost: run the same command again to go on.", file=sys.stderr)
        raise SystemExit(130) from None


@contextmanager
def _engine(setup: Setup, plan: Plan) -> Iterator[tuple[Callable[[Observer], Outcome], int]]:
    """What computes a plan where the options say, and how many workers it has; no cluster if all is there."""
    work = plan.targets, setup.store, setup.request.protocol.dataset
    if setup.place is None or all(setup.store.has(node.stage, node.key) for node in plan.targets):
        from pigbench.engine.local import run_plan

        yield lambda observe: run_plan(*work, setup.workers, observe, setup.checkpoint_every), setup.workers
        return
    from pigbench.engine.dask import run_plan_on_dask, workers_of

    with workers_of(setup.place, lambda text: print(text, file=sys.stderr)) as workers:
        yield (
            lambda observe: run_plan_on_dask(*work, workers, observe, setup.checkpoint_every),
            max(workers.number, workers.at_most),
        )


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
