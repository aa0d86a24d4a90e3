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
}


def raised() -> dict[str, int]:
    """The versions above the first: what a protocol names, so that a new stage changes no older number's protocol."""
    return {name: version for name, version in VERSIONS.items() if version > 1}


def stage(name: str) -> Callable[[Job], None]:
    """The function of a stage; its module is imported now."""
    return import_module(f"pigbench.stages.{name}").run
