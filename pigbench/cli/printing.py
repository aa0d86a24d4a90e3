"""What verbs print of a plan, of a run that has ended, and of a part of one."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, NoReturn

from pigbench.cli.stopping import stoppable

if TYPE_CHECKING:
    from pigbench.api.request import Setup
    from pigbench.engine.dask.clusters import Place
    from pigbench.engine.driver import Outcome
    from pigbench.stages.node import Node


def show_plan(setup: Setup) -> None:
    """Print what a run would do, and the script of its jobs if it would submit some."""
    from pigbench.api.complete import tell_small_lesions
    from pigbench.api.compute import check_files, missing
    from pigbench.reporting.plan import print_plan

    tell_small_lesions(setup)
    check_files(setup, missing(setup, setup.plan.targets))
    print_plan(setup.plan, setup.request, setup.store, setup.workers, setup.size)
    print_job(setup.place)


def print_job(place: Place | None) -> None:
    """Print the script of a job as it would be submitted, if jobs would be."""
    from pigbench.engine.dask.clusters import JobQueue

    if isinstance(place, JobQueue):
        jobs = f"{place.most}" if place.fewest == place.most else f"{place.fewest} to {place.most}"
        print(f"\n{jobs} jobs of {place.queue} would be submitted, each with this script:\n\n{place.job_script()}")


def complete_and_show(setup: Setup) -> NoReturn:
    """Run what is missing and show the record's tables, or why there are none. Exits 1 where something failed."""
    from pigbench.api.complete import complete
    from pigbench.api.failures import reasons

    with stoppable():
        done = complete(setup, "pigbench " + shlex.join(sys.argv[1:]))
    nodes = done.plan.nodes()
    if done.failed_as_a_whole:
        print("\n".join(reasons(nodes, done.outcome)), file=sys.stderr)
    else:
        from pigbench.api.request import several
        from pigbench.cli.compare import Format, compare

        compare([done.path], Format.rich, metric=several(setup.options.metric))
        print(f"Record: {done.path}")
        print(f"To send it to others: pigbench report {shlex.quote(str(done.path))}")
    _end(nodes, done.outcome)


def compute_and_show(setup: Setup, nodes: list[Node]) -> Outcome:
    """Compute what is missing of `nodes` and print where each artifact is. Exits 1 where something failed."""
    from pigbench.api.compute import compute_part

    with stoppable():
        outcome = compute_part(setup, nodes)
    for node in nodes:
        if node.key in outcome.failed:
            print(f"{node.label}: FAILED: {outcome.failed[node.key]}", file=sys.stderr)
        else:
            print(f"{node.label}: {setup.store.entry(node.stage, node.key).path}")
    if outcome.failed:
        _end(nodes, outcome)
    return outcome


def _end(nodes: list[Node], outcome: Outcome) -> NoReturn:
    """Say what failed and whether another try helps, and exit: 1 if anything did."""
    from pigbench.api.failures import prospects

    if said := prospects(nodes, outcome):
        print(said, file=sys.stderr)
    raise SystemExit(1 if outcome.failed else 0)
