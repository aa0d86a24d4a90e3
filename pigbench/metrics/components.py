"""Lesions as objects: the connected components of truth and prediction, and which of them meet.

Pixels that touch at a side or a corner belong to one component (8 neighbours). A predicted component *touches* a lesion
where they share a pixel. A lesion is *found* where its IoU with the union of the predicted components that touch it is
at least `LEAST_IOU`: a prediction of the whole image finds no small lesion, and one in two pieces finds its lesion.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pigbench.contracts import CaseMasks, CaseMetric

LEAST_IOU = 0.1


class Components(CaseMetric):
    """What metrics of components share.

    Statistics: `lesions` and `predicted`, the components of truth and prediction; `found`, the lesions that are found;
    `false`, the predicted components that touch no lesion.
    """

    statistics: ClassVar[tuple[str, ...]] = ("lesions", "found", "predicted", "false")
    kept_as: ClassVar[str] = "components"

    def measure(self, case: CaseMasks) -> dict[str, float]:
        """Counts of components; 0 where there are none."""
        part = case.cropped()
        truth, prediction = labelled(part.truth), labelled(part.prediction)
        lesions, predicted = np.bincount(truth.ravel())[1:], np.bincount(prediction.ravel())[1:]  # their areas
        lesion, blob, shared = _meetings(truth, prediction, len(predicted))
        common = np.bincount(lesion, shared, minlength=len(lesions))
        covering = np.bincount(lesion, predicted[blob], minlength=len(lesions))
        found = int(np.count_nonzero(common / (lesions + covering - common) >= LEAST_IOU))
        false = len(predicted) - len(np.unique(blob))
        return {"lesions": len(lesions), "found": found, "predicted": len(predicted), "false": false}


def labelled(mask: np.ndarray) -> np.ndarray:
    """The number of its component at every pixel of a mask, from 1; 0 in the background."""
    from scipy.ndimage import label

    return label(mask, np.ones((3, 3)))[0]


def _meetings(truth: np.ndarray, prediction: np.ndarray, predicted: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each lesion and each predicted component that share pixels: both indices, from 0, and how many they share."""
    both = (truth > 0) & (prediction > 0)
    pairs, shared = np.unique((truth[both].astype(np.int64) - 1) * predicted + prediction[both] - 1, return_counts=True)
    return *np.divmod(pairs, max(predicted, 1)), shared
