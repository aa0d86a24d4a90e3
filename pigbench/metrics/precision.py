"""Metric `precision`: how much of what is predicted is lesion."""

from __future__ import annotations

from pigbench.metrics.overlap import Overlap, share


class Precision(Overlap):
    """TP / (TP + FP); its table of empty masks is `Overlap`'s. Where nothing is predicted, a missed lesion: 0."""

    heading = "Precision"
    note = "precision: share of the predicted pixels that are lesion"

    def score(self, statistics):
        """0 where no predicted pixel is lesion, 1 where all are."""
        return share(statistics["tp"], statistics["tp"] + statistics["fp"])
