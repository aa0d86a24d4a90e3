"""The stages: each a function from a spec and input artifacts to one artifact directory, in a room of its own.

`base.py` says what a stage is. This file says which there are; a stage's module is imported when it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pigbench.stages.base import Stage

NAMES = (
    "split", "prepare", "truth", "train", "sample", "adopt", "reconstruct", "embed", "floor", "fidelity", "gate",
    "fit", "predict", "measure", "agreement", "ceiling", "nothing",
)  # fmt: skip

RENUMBERED: dict[str, int] = {}
"""The versions that changed what a number comes out as. A protocol names these, so that neither a new stage nor another
layout of an artifact keeps older numbers from standing beside new ones."""


def find(name: str) -> Stage:
    """The stage of that name; its module is imported now."""
    return import_module(f"pigbench.stages.{name}").STAGE


def versions() -> dict[str, int]:
    """The version of every stage."""
    return {name: find(name).version for name in NAMES}
