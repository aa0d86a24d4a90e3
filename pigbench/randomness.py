"""Every random number of the suite descends from a path of names and numbers, such as (seed, role, fold, index).

Two different paths give independent streams; the same path gives the same stream on every machine, in every process
and in any order. Nothing here reads or changes a global random state.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def seed_for(*path: str | int) -> int:
    """A 63-bit seed for `path`, such as `seed_for(0, "sample", fold, index)`."""
    digest = hashlib.sha256(json.dumps(path).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def numpy_generator(*path: str | int) -> np.random.Generator:
    """A NumPy generator for `path`."""
    return np.random.default_rng(seed_for(*path))


def torch_generator(*path: str | int) -> torch.Generator:
    """A torch generator for `path`, on the CPU, so that every device sees the same numbers."""
    import torch

    return torch.Generator().manual_seed(seed_for(*path))
