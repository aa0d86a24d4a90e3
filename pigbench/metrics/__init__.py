"""What the suite measures: metrics, one a file, and what is made of their numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pigbench.contracts import CaseMetric, Metric, SetMetric

MEASURED = ("dice", "iou", "precision", "recall", "found", "false_alarms", "nsd")
"""The case metrics that a run measures unless it is told otherwise, in the order of a table's columns."""

COLUMNS = MEASURED[:6]
"""Those that tables show unless they are told otherwise."""

SETS = ("kid", "fid", "image_precision", "image_recall", "copies")
"""The set metrics that a run measures and tables show."""


def find(name: str) -> Metric:
    """The metric of that name, ready to measure. Raises PigbenchError, which names it, where there is none."""
    from pigbench import registry
    from pigbench.errors import PigbenchError

    plugin = registry.find("metrics", name)
    try:
        return plugin.load()()
    except PigbenchError:
        raise
    except Exception as error:
        raise PigbenchError(
            f"metric '{name}' of {plugin.origin} cannot be made: {type(error).__name__}: {error}"
        ) from error


def case_metrics(names: Iterable[str]) -> dict[str, CaseMetric]:
    """The case metrics of these names, ready to measure. Raises PigbenchError as `find` does."""
    return {name: find(name) for name in names}  # type: ignore[misc]


def set_metrics(names: Iterable[str]) -> dict[str, SetMetric]:
    """The set metrics of these names, ready to measure. Raises PigbenchError as `find` does."""
    return {name: find(name) for name in names}  # type: ignore[misc]


def kept_as(name: str, metric: CaseMetric) -> str:
    """What a record keeps the metric's statistics under."""
    return metric.kept_as or name
