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

from typing import ClassVar, NamedTuple

import numpy as np

from pigbench.contracts import CaseMasks, CaseMetric, EmptyRule

METRICS = ("dice", "iou", "precision", "recall")


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


class Counts(NamedTuple):
    """Pixels of each case by prediction and truth; every field is (N,) int64."""

    tp: np.ndarray
    fp: np.ndarray
    fn: np.ndarray
    tn: np.ndarray


def counts(predicted: np.ndarray, masks: np.ndarray) -> Counts:
    """Count the pixels of each case; a pixel is lesion where it is not 0.

    predicted, masks: (N, 1, H, W), boolean or 0 and 1.
    """
    if predicted.shape != masks.shape:
        raise ValueError(f"predictions of shape {predicted.shape} for masks of shape {masks.shape}")
    found = predicted.reshape(len(predicted), -1) != 0
    lesion = masks.reshape(len(masks), -1) != 0
    tp = np.count_nonzero(found & lesion, axis=1).astype(np.int64)
    fp = np.count_nonzero(found, axis=1) - tp
    fn = np.count_nonzero(lesion, axis=1) - tp
    return Counts(tp, fp, fn, lesion.shape[1] - tp - fp - fn)


def excluded(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray) -> np.ndarray:
    """(N,) bool: the cases with no lesion and no prediction, which have no score."""
    return (np.asarray(tp) + np.asarray(fp) + np.asarray(fn)) == 0


def scores(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray, tn: np.ndarray) -> dict[str, np.ndarray]:
    """Each of `METRICS` as (N,) float64 in [0, 1], NaN for the excluded cases.

    tp, fp, fn, tn: (N,) pixel counts, so `scores(*counts(...))`. None of the four metrics looks at tn: it would reward
    a small lesion for its large background.
    """
    true_positive, false_positive, false_negative = (np.asarray(values, dtype=np.float64) for values in (tp, fp, fn))
    denominators = {
        "dice": 2 * true_positive + false_positive + false_negative,
        "iou": true_positive + false_positive + false_negative,
        "precision": true_positive + false_positive,
        "recall": true_positive + false_negative,
    }
    without_score = excluded(tp, fp, fn)
    found = {}
    for metric, denominator in denominators.items():
        numerator = 2 * true_positive if metric == "dice" else true_positive
        # Any 0/0 left after the exclusion is a missed lesion's precision or a false alarm's recall: 0.
        score = np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
        found[metric] = np.where(without_score, np.nan, score)
    return found
