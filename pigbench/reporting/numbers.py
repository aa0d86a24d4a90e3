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


def difference(estimate: Estimate, factor: float = 1, digits: int = 2) -> str:
    """The signed difference and its interval; nothing where there is none. -0.0 is a value just below zero."""
    if not isfinite(estimate.delta):
        return ABSENT
    values = (estimate.delta, estimate.low, estimate.high)
    delta, low, high = (f"{value * factor + 0.0:+.{digits}f}" for value in values)  # + 0.0: zero has no sign
    return f"{delta} [{low}, {high}]"
