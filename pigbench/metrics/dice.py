"""Metric `dice`: the overlap of two masks over their mean size."""

from __future__ import annotations

from pigbench.metrics.overlap import Overlap, share


class Dice(Overlap):
    """Overlap over mean area.

    2 TP / (2 TP + FP + FN); the table of empty masks is `Overlap`'s.
    """

    heading = "Dice"

    def score(self, statistics):
        """0 without any overlap, 1 for equal masks."""
        twice = 2 * statistics["tp"]
        return share(twice, twice + statistics["fp"] + statistics["fn"])
