"""Metric `nsd`: how much of the two outlines lies on each other, within a tolerance (surface Dice)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pigbench.contracts import CaseMasks, CaseMetric, EmptyRule
from pigbench.metrics.surface import sides, surface_distances

TOLERANCE_MM = 2.0
TOLERANCE_SHARE = 0.01
"""Of the image's longer side, where no spacing is known."""

ROUNDING = 1e-9
"""20 pixels of 0.1 mm are 2 mm."""


class NSD(CaseMetric):
    """Surface Dice at a tolerance.

    Surface pixels of truth and prediction no farther than that from the other's surface, over all of them. The
    tolerance is `TOLERANCE_MM` where the spacing is known, else `TOLERANCE_SHARE` of the longer side of the grid. What
    a surface is, `surface.py` says; its pixels count alike, however long the outline is that they stand for.

    Statistics: `truth` and `prediction`, the surface pixels of each; `truth_close` and `prediction_close`, how many of
    them lie within the tolerance. A missed lesion and a false alarm have 0; where both masks are empty the case is
    excluded.
    """

    heading = "NSD"
    note = (
        f"share of both outlines within {TOLERANCE_MM:g} mm of the other ({TOLERANCE_SHARE:.0%} of the image's "
        "longer side where mm are unknown)"
    )
    statistics: ClassVar[tuple[str, ...]] = ("truth", "truth_close", "prediction", "prediction_close")
    empty = EmptyRule(missed=0.0, false_alarm=0.0, both_empty="excluded")

    def measure(self, case: CaseMasks) -> dict[str, float]:
        """Counts of surface pixels."""
        limit = (TOLERANCE_MM if case.spacing else TOLERANCE_SHARE * max(sides(case))) * (1 + ROUNDING)
        truth, prediction = surface_distances(case)
        return {
            "truth": len(truth),
            "truth_close": int(np.count_nonzero(truth <= limit)),
            "prediction": len(prediction),
            "prediction_close": int(np.count_nonzero(prediction <= limit)),
        }

    def score(self, statistics):
        """0 where the outlines are apart, 1 where they lie within the tolerance of each other."""
        close = statistics["truth_close"] + statistics["prediction_close"]
        every = statistics["truth"] + statistics["prediction"]
        return np.divide(close, every, out=np.zeros(len(every)), where=every > 0)
