"""Metric `iou`: the overlap of two masks over all that is in either (Jaccard)."""

from __future__ import annotations

from pigbench.metrics.overlap import Overlap, share


class IoU(Overlap):
    """Overlap over union.

    TP / (TP + FP + FN); the table of empty masks is `Overlap`'s.
    """

    heading = "IoU"

    def score(self, statistics):
        """0 without any overlap, 1 for equal masks."""
        return share(statistics["tp"], statistics["tp"] + statistics["fp"] + statistics["fn"])
