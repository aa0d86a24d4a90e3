"""Metric `precision`: how much of what is predicted is lesion."""

from __future__ import annotations

from pigbench.metrics.overlap import Overlap, share


class Precision(Overlap):
    """Share of the predicted pixels that are lesion.

    TP / (TP + FP); the table of empty masks is `Overlap`'s. A missed lesion has 0, as nothing predicted is right.
    """

    heading = "Precision"

    def score(self, statistics):
        """0 where no predicted pixel is lesion, 1 where all are."""
        return share(statistics["tp"], statistics["tp"] + statistics["fp"])
