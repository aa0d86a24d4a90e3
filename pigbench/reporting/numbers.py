"""How numbers are put into words."""

from __future__ import annotations

from math import isfinite

from pigbench.results import Estimate

ABSENT = "-"


def number(value: float | None, factor: float = 1, digits: int = 2) -> str:
    """`value` times `factor`; a dash where there is none."""
    return ABSENT if value is None or not isfinite(value) else f"{value * factor:.{digits}f}"


def spread(estimate: Estimate, factor: float = 1, digits: int = 2) -> str:
    """The mean, and the SD over folds where there is one."""
    text = number(estimate.mean, factor, digits)
    return f"{text} ± {number(estimate.sd, factor, digits)}" if isfinite(estimate.sd) else text


def signed(value: float, factor: float = 1, digits: int = 2) -> str:
    """A difference; -0.0 is one just below zero, +0.0 one of exactly zero or just above."""
    return f"{value * factor + 0.0:+.{digits}f}"  # + 0.0: zero has no sign
