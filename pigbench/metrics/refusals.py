"""A metric that breaks the contract is refused, with a reason that names it; the others stay."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from pigbench.contracts import Metric, rule
from pigbench.errors import PigbenchError, in_a_line


class Refused(PigbenchError):
    """Why a metric has no numbers: what it did, and the contract's sentence on that."""

    def __init__(self, what: str, sentence: str) -> None:
        super().__init__(f"{what}; the contract says: {sentence}")
        self.what, self.sentence = what, sentence


def breaks(what: str, beginning: str) -> Refused:
    """The metric gave `what`, and the contract has a rule on it that begins so."""
    return Refused(f"gave {what}", rule(beginning))


@contextmanager
def refusing(refused: dict[str, str], names: list[str], metric: Metric) -> Iterator[None]:
    """Whatever the metric raises becomes the reason why those of these names have no numbers."""
    try:
        with np.errstate(divide="ignore", invalid="ignore"):  # 0/0 is what the rule for empty masks is for
            yield
    except Exception as error:
        refused.update({name: f"metric '{name}' {_told(error, metric)}" for name in names})


def read_only(array: np.ndarray) -> np.ndarray:
    """The same numbers, which a metric cannot change for those after it."""
    view = array.view()
    view.flags.writeable = False
    return view


def number(value: object) -> float | None:
    """The one number that a metric gave; None if it is none."""
    found = np.asarray(value)
    return float(found) if found.ndim == 0 and found.dtype.kind in "biuf" else None


def _told(error: Exception, metric: Metric) -> str:
    if isinstance(error, Refused):
        return str(error)
    if isinstance(error, PigbenchError):
        return f"cannot be computed: {in_a_line(error)}"
    return f"raised {type(error).__name__}: {in_a_line(error)} ({_place(error, metric)})"


def _place(error: Exception, metric: Metric) -> str:
    """Where it happened, in the metric's own file if that is known."""
    frames = traceback.extract_tb(error.__traceback__)
    own = getattr(sys.modules.get(type(metric).__module__), "__file__", None)
    frame = next((frame for frame in reversed(frames) if frame.filename == own), frames[-1])
    return f"{Path(frame.filename).name}, line {frame.lineno}"


def without(metrics: Mapping[str, Metric], refused: Mapping[str, str]) -> list[str]:
    """The names of those that are not refused."""
    return [name for name in metrics if name not in refused]
