"""The columns of the tables: which metrics are shown, in which order, under which heading, in which unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from pigbench.metrics import COLUMNS, SETS
from pigbench.reporting.numbers import ABSENT, number, signed, spread
from pigbench.results import Estimate, Group
from pigbench.results.described import MetricInfo

FORMER_SETS = ("copying",)
"""Set metrics of earlier records, which have a place of their own."""


@dataclass(frozen=True)
class Column:
    """A metric's column. former: of earlier records, shown as it was then."""

    name: str
    info: MetricInfo
    former: bool = False

    @property
    def heading(self) -> str:
        """With its unit."""
        return f"{self.info.heading} {self.info.unit}".strip()

    @property
    def heading_in_percent(self) -> str:
        """Where the title says that all numbers without a unit are percentages."""
        return self.info.heading if self.info.unit == "%" else self.heading

    def number(self, value: float) -> str:
        """A value as it is shown."""
        return number(value, self.info.scale, self.info.digits)

    def spread(self, estimate: Estimate) -> str:
        """The mean, and the SD over folds where there is one."""
        if self.former:
            return self.number(estimate.mean)
        return spread(estimate, self.info.scale, self.info.digits)

    def signed(self, value: float) -> str:
        """A difference as it is shown."""
        return signed(value, self.info.scale, self.info.digits)

    def difference(self, estimate: Estimate) -> str:
        """The signed difference and its interval."""
        if not isfinite(estimate.delta):
            return ABSENT
        return f"{self.signed(estimate.delta)} {self.interval(estimate.low, estimate.high)}"

    def interval(self, low: float, high: float) -> str:
        """Of a difference."""
        return f"[{self.signed(low)}, {self.signed(high)}]"


def set_columns(group: Group, metrics: Sequence[str] = ()) -> list[Column]:
    """The metrics of Table 1: the default ones that the group holds, what else is asked for, then former ones."""
    held = group.held("set")
    shown = (name for name in dict.fromkeys((*SETS, *metrics, *FORMER_SETS)) if name in held)
    columns = [Column(name, held[name], former=name in FORMER_SETS) for name in shown]
    return sorted(columns, key=lambda column: column.former)


def case_columns(group: Group, metrics: Sequence[str] = ()) -> list[Column]:
    """The metrics of Table 2: the default ones that the group holds, then what else is asked for."""
    held = group.held("case")
    return [Column(name, held[name]) for name in dict.fromkeys((*COLUMNS, *metrics)) if name in held]


def ranked_by(columns: Sequence[Column]) -> Column | None:
    """The column of Table 1 that rows are ranked by: KID, which is unbiased; without it the first."""
    return next((column for column in columns if column.name == "kid"), columns[0] if columns else None)


def differing(columns: Sequence[Column]) -> Column | None:
    """The column of Table 2 whose differences are shown: Dice; without it the first."""
    return next((column for column in columns if column.name == "dice"), columns[0] if columns else None)


def held_besides(group: Group, metrics: Sequence[str]) -> list[str]:
    """The metrics that the group holds and the tables do not show."""
    shown = {column.name for column in (*set_columns(group, metrics), *case_columns(group, metrics))}
    return [name for kind in ("set", "case") for name in group.held(kind) if name not in shown]
