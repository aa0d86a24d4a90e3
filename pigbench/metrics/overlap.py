"""How well a predicted mask covers the true one: Dice, IoU, precision and recall of every single case.

The pixel counts TP, FP, FN and TN of a case are what a record keeps; every score derives from them. Where the usual
formulas divide zero by zero, the suite decides:

=====================  ====================  =========================================
true mask              prediction            scores
=====================  ====================  =========================================
a lesion               empty                 all four 0 (precision too: a missed lesion)
empty                  anything              all four 0 (recall too: a false alarm)
empty                  empty                 none: the case is excluded, and counted
=====================  ====================  =========================================
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pigbench.contracts import CaseMasks, CaseMetric, EmptyRule


class Overlap(CaseMetric):
    """What metrics of overlap share: the pixel counts, and the rule for empty masks that stands above."""

    statistics: ClassVar[tuple[str, ...]] = ("tp", "fp", "fn", "tn")
    empty: ClassVar[EmptyRule] = EmptyRule(missed=0.0, false_alarm=0.0, both_empty="excluded")
    kept_as: ClassVar[str] = "overlap"

    def measure(self, case: CaseMasks) -> dict[str, float]:
        """Pixels by truth and prediction."""
        tp = int(np.count_nonzero(case.truth & case.prediction))
        fp = int(np.count_nonzero(case.prediction)) - tp
        fn = int(np.count_nonzero(case.truth)) - tp
        return {"tp": tp, "fp": fp, "fn": fn, "tn": case.truth.size - tp - fp - fn}


def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, 0 where there is nothing at all."""
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
