"""Running a plan, or a part of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pigbench import stages
from pigbench.counting import counted
from pigbench.errors import PigbenchError

if TYPE_CHECKING:
    from pigbench.api.request import Setup
    from pigbench.engine.driver import Observer, Outcome
    from pigbench.planning.plan import Plan
    from pigbench.stages.node import Node


def compute(setup: Setup, plan: Plan) -> Outcome:
    """Compute what is missing of a plan, showing progress; the store is told what the artifacts are for.

    KeyboardInterrupt ends the workers and passes through; the checkpoints of what was at work stay.
    """
    from pigbench.uses import Use, note_use

    protocol = setup.request.protocol
    use = Use(protocol.dataset, protocol.preset.name)
    note_use(setup.store.root, use, (node.key for node in plan.nodes()))
    to_do = missing(setup, plan.targets)
    check_files(setup, to_do)
    _tell_what_is_there(setup, len(plan.nodes()), len(to_do))
    with _engine(setup, plan) as (run, workers), _observer(setup, plan, workers) as observe:
        return run(observe)


def compute_part(setup: Setup, nodes: list[Node]) -> Outcome:
    """Compute what is missing of `nodes`."""
    from pigbench.planning.plan import Plan

    return compute(setup, Plan(measurements=nodes))


def missing(setup: Setup, nodes: list[Node]) -> list[Node]:
    """What has to be computed for `nodes`: they and what they rest on, as far as they are not there."""
    from pigbench.engine.schedule import Schedule

    schedule = Schedule(nodes, lambda node: setup.store.has(node.stage, node.key))
    return list(schedule.waiting.values())


def check_files(setup: Setup, to_do: list[Node]) -> None:
    """Raises PigbenchError, naming a file, where the dataset has to be read and files are gone."""
    if any(stages.find(node.stage).reads_files for node in to_do):
        setup.source.check_files()


def refuse_training(setup: Setup, nodes: list[Node], most: int = 3) -> None:
    """Raises PigbenchError if `nodes` rest on components that are not trained yet."""
    untrained = [node.label for node in missing(setup, nodes) if node.purpose.component]
    if not untrained:
        return
    more = f" and {len(untrained) - most} more" if len(untrained) > most else ""
    raise PigbenchError(
        f"not trained with these settings: {'; '.join(untrained[:most])}{more}. Add --train, or give the --dataset, "
        "--preset, --folds and --set of a run that trained it"
    )


def _tell_what_is_there(setup: Setup, every: int, to_do: int) -> None:
    """Of a run that goes on, how far it was."""
    if 0 < to_do < every:
        there = every - to_do
        setup.options.say(f"{there:,} of {counted(every, 'stage')} {'is' if there == 1 else 'are'} already there")


@contextmanager
def _observer(setup: Setup, plan: Plan, workers: int) -> Iterator[Observer]:
    if not setup.options.progress:
        yield lambda event: None
        return
    from pigbench.reporting.progress import observer

    with observer(plan, setup.request, setup.store, workers, setup.size) as observe:
        yield observe


@contextmanager
def _engine(setup: Setup, plan: Plan) -> Iterator[tuple[Callable[[Observer], Outcome], int]]:
    """What computes a plan where the options say, and how many workers it has; no cluster if all is there."""
    work, interval = (plan.targets, setup.store, setup.request.protocol.dataset), setup.options.checkpoint_every
    if setup.place is None or all(setup.store.has(node.stage, node.key) for node in plan.targets):
        from pigbench.engine.local import run_plan

        yield lambda observe: run_plan(*work, setup.workers, observe, interval), setup.workers
        return
    from pigbench.engine.dask.run import run_plan_on_dask, workers_of

    with workers_of(setup.place, setup.options.say) as workers:
        yield (
            lambda observe: run_plan_on_dask(*work, workers, observe, interval),
            max(workers.number, workers.at_most),
        )
