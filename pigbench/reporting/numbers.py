"""How numbers are put into words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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


def span(values: Iterable[float | None], ending: str = "", told: Callable[[float], str] = str) -> str:
    """One value, or the least and the greatest, as `told` words them; a dash where there is none."""
    known = [value for value in values if value is not None]
    if not known:
        return ABSENT
    return " to ".join(dict.fromkeys((told(min(known)), told(max(known))))) + ending


def how_many(values: Iterable[int], singular: str) -> str:
    """A span with its noun, the digits as in the table's cells: "1 case", "1373 cases", "3 to 5 cases"."""
    text = span(values)
    return f"{text} {singular}" if text == "1" else f"{text} {singular}s"


def each(what: str, values: Mapping[str, object]) -> Iterable[str]:
    """One note that gives a value for every row that has one; none where no row has."""
    if values:
        yield f"{what}: " + ", ".join(f"{arm} {value}" for arm, value in values.items())


def some(values: Iterable[object], most: int = 5) -> str:
    """The first of them, and how many there are more."""
    listed = [str(value) for value in values]
    return ", ".join(listed[:most]) + (f" and {len(listed) - most} more" if len(listed) > most else "")
