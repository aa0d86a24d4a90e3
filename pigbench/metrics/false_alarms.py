"""Metric `false_alarms`: how many things are predicted in an image where there is no lesion."""

from __future__ import annotations

import math

from pigbench.contracts import EmptyRule
from pigbench.metrics.components import Components


class FalseAlarms(Components):
    """Predicted components that touch no lesion.

    What that means, `components.py` says. Every image has a score: 0 where nothing is predicted, all that is predicted
    where there is no lesion.
    """

    heading = "False alarms"
    better = "lower"
    unit = "per image"
    scale = 1.0
    digits = 2
    high = math.inf
    note = "predicted components that touch no lesion, a mean over all images"
    empty = EmptyRule(missed="computed", false_alarm="computed", both_empty="computed")

    def score(self, statistics):
        """A count."""
        return statistics["false"]
