"""What failed in a run, why, and whether it would again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pigbench.counting import counted
from pigbench.errors import in_a_line

if TYPE_CHECKING:
    from pigbench.engine.driver import Outcome
    from pigbench.stages.node import Node


def reasons(nodes: Iterable[Node], outcome: Outcome) -> list[str]:
    """A line for each stage that failed by itself, with its reason."""
    return [
        f"FAILED: {node.label}: {in_a_line(outcome.failed[node.key], most=400)}"
        for node in _by_themselves(nodes, outcome)
    ]


def prospects(nodes: Iterable[Node], outcome: Outcome) -> str:
    """How many stages failed and whether it helps to run the same command again; empty where nothing failed.

    nodes: all that the run was for.
    """
    if not outcome.failed:
        return ""
    first = _by_themselves(nodes, outcome)
    passing = sum(node.key in outcome.hindered for node in first)
    return f"{_numbers(len(first), len(outcome.failed))}: {_prospect(passing, len(first) - passing)}"


def _numbers(by_themselves: int, failed: int) -> str:
    said = f"{counted(by_themselves, 'stage')} FAILED"
    if resting := failed - by_themselves:
        on = "it" if by_themselves == 1 else "them"
        said += f", and {counted(resting, 'stage that rests', 'stages that rest')} on {on} could not run"
    return said


def _prospect(passing: int, lasting: int) -> str:
    """passing: how many of those that failed by themselves may go better the next time. lasting: the others."""
    if not lasting:
        return f"the same command tries {'it' if passing == 1 else 'them'} again"
    names = "reason names" if lasting == 1 else "reasons name"
    if not passing:
        return f"the same command would fail the same way, so first change what the {names}"
    would = f"{lasting} would fail the same way until you change what the {names}"
    return f"the same command tries {passing} again, but {would}"


def _by_themselves(nodes: Iterable[Node], outcome: Outcome) -> list[Node]:
    """Those of the failed that rest on none that failed, each once."""
    failed = {node.key: node for node in nodes if node.key in outcome.failed}
    return [node for node in failed.values() if not any(other.key in outcome.failed for other in node.inputs.values())]
