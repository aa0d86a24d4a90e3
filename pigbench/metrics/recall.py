"""Metric `recall`: how much of the lesion is predicted (sensitivity)."""

from __future__ import annotations

from pigbench.metrics.overlap import Overlap, share


class Recall(Overlap):
    """Share of the lesion that is predicted.

    TP / (TP + FN); the table of empty masks is `Overlap`'s. A false alarm has 0, so that it counts against all four.
    """

    heading = "Recall"

    def score(self, statistics):
        """0 where no lesion pixel is predicted, 1 where all are."""
        return share(statistics["tp"], statistics["tp"] + statistics["fn"])
