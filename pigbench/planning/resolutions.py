"""Whether the networks of a plan can work at its resolution: they are asked before anything is computed.

A plugin says by an error in `build`, or else in `loss`, what it cannot do. So every network is built once, and up to
`TRIED` takes the loss of two invented cases. Another resolution tells whether it was that: an error that comes at every
resolution is left to the run, which shows it as a failure of its stage.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pigbench.contracts import Generator
from pigbench.counting import counted
from pigbench.errors import PigbenchError, in_a_line
from pigbench.planning.untrained import blank_batch, build, build_needed, task_of
from pigbench.stages.node import Node

if TYPE_CHECKING:
    import torch

TRIED = 128
"""The largest resolution at which a loss is tried: beyond, it may take a minute, and `build` alone is asked."""

FACTORS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
"""What sides may have to be multiples of."""

SMALLEST = 8
"""A preset takes no smaller resolution."""


@dataclass(frozen=True)
class _Fault:
    """What a plugin says against a training at its resolution. in_loss: whether its network could be built."""

    node: Node
    text: str
    in_loss: bool


def refuse_impossible(nodes: Iterable[Node]) -> None:
    """Raises PigbenchError if a training among `nodes` cannot be done at its resolution, with the nearest that can."""
    trainings = _distinct(nodes)
    faults = [fault for node in trainings if (fault := _fault(node))]
    if not faults:
        return
    lossy = {fault.node.key for fault in faults if fault.in_loss}

    def possible(side: int) -> bool:
        if lossy and side > TRIED:  # nothing would be known of it
            return False
        return not any(_fault(_at(node, side), with_loss=node.key in lossy) for node in trainings)

    resolution = trainings[0].spec["resolution"]
    if near := [side for sides in _around(resolution) if (side := next(filter(possible, sides), 0))]:
        by_plugin: dict[str, str] = {}
        for fault in sorted(faults, key=lambda fault: bool(fault.node.purpose.segmenter)):  # generators first
            by_plugin.setdefault(_name(fault.node), fault.text)
        first, *others = by_plugin.items()
        more = f" and {counted(len(others), 'other plugin')}" if others else ""
        take = " or ".join(map(str, near))
        raise PigbenchError(f"resolution {resolution} is impossible for {first[0]} ({first[1]}){more}: take {take}")


def _distinct(nodes: Iterable[Node]) -> list[Node]:
    """One training of every network, whatever its fold, seed and data."""
    found = {
        (node.spec["plugin"], node.spec.get("component"), repr(node.spec["settings"])): node
        for node in nodes
        if node.purpose.trains
    }
    return list(found.values())


def _name(node: Node) -> str:
    kind = "segmenter" if node.purpose.segmenter else "generator"
    return f"{kind} '{node.spec['plugin']}'"


def _around(resolution: int) -> tuple[list[int], list[int]]:
    """The resolutions below and above that are likeliest to be possible, the nearest first."""
    below = {resolution - 1, *(resolution // factor * factor for factor in FACTORS)}
    above = {resolution + 1, *(-(-resolution // factor) * factor for factor in FACTORS)}
    return (
        sorted((side for side in below if SMALLEST <= side < resolution), reverse=True),
        sorted(side for side in above if resolution < side),
    )


def _at(node: Node, resolution: int) -> Node:
    """The same training, and those that it needs, at another resolution."""
    inputs = {role: _at(other, resolution) if other.purpose.trains else other for role, other in node.inputs.items()}
    return replace(node, spec=node.spec | {"resolution": resolution}, inputs=inputs)


def _fault(node: Node, *, with_loss: bool = True) -> _Fault | None:
    """What the training's plugin says against its resolution; None if nothing."""
    import torch

    built = False
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            subject, network = build(node)
            built = True
            if with_loss and node.spec["resolution"] <= TRIED:
                _take_loss(node, subject, network)
    except Exception as error:  # a stranger's code may raise anything
        return _Fault(node, in_a_line(error) or type(error).__name__, built)
    return None


def _take_loss(node: Node, subject: Any, network: torch.nn.Module) -> None:
    """One loss of the untrained network, if it has one; raises what the plugin raises."""
    batch = blank_batch(task_of(node))
    if node.purpose.segmenter:
        subject.loss(network, batch)
    elif type(subject).loss is not Generator.loss:  # else it has a training of its own
        subject.loss(node.spec["component"], network, batch, build_needed(node))
