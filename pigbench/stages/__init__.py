"""The stages: each a function from a spec and input artifacts to one artifact directory, in a file of its own.

A stage's version is part of its artifacts' keys. Raise it by hand when what the stage computes changes; a test holds a
hash of each stage's file and asks.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pigbench.stages.job import Job

VERSIONS = {
    "split": 1,
    "prepare": 1,
    "train": 1,
    "sample": 1,
    "adopt": 1,
    "reconstruct": 1,
    "embed": 1,
    "floor": 2,
    "fidelity": 1,
    "gate": 1,
    "segment": 1,
    "nothing": 1,
}


RENUMBERED: dict[str, int] = {}
"""The versions that changed what a number comes out as. A protocol names these, so that neither a new stage nor another
layout of an artifact keeps older numbers from standing beside new ones."""


def stage(name: str) -> Callable[[Job], None]:
    """The function of a stage; its module is imported now."""
    return import_module(f"pigbench.stages.{name}").run
