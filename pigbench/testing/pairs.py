"""What samples must be, and whether two sets of them are the same."""

from __future__ import annotations

import numpy as np

from pigbench.contracts import Generator, Pairs
from pigbench.stages.job import StageFailed
from pigbench.stages.sample import check
from pigbench.testing.results import Fault, promised


def require_pairs(found: object, name: str, generator: Generator, count: int) -> Pairs:
    """`found`, if the suite's border takes it. Raises Fault."""
    if not isinstance(found, Pairs):
        raise Fault(f"sample gives {type(found).__name__}, not Pairs", promised(Generator.sample))
    try:
        check(found, name, generator, count)
    except StageFailed as refused:
        what, _, sentence = str(refused).partition("; the contract says: ")
        raise Fault(what, sentence) from refused
    return found


def require_same(found: Pairs, expected: Pairs, where: str, sentence: str, tolerance: float = 0.0) -> None:
    """Raises Fault where images differ by more than `tolerance`, or masks in more than as many of their pixels."""
    off = float(np.abs(found.images - expected.images).max())
    if off > tolerance:
        raise Fault(f"{where}, intensities differ by up to {off:.2g}", sentence)
    if found.masks is None or expected.masks is None:
        return
    share = float(np.mean(found.masks != expected.masks))
    if share > tolerance:
        raise Fault(f"{where}, {share:.2%} of the masks' pixels differ", sentence)
