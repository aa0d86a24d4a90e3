"""Metric `hd95`: how far apart the two outlines are where they differ most, but for the worst 5 %."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pigbench.contracts import CaseMasks, CaseMetric, EmptyRule
from pigbench.metrics.surface import sides, surface_distances


class HD95(CaseMetric):
    """95th percentile of the surface distances.

    The larger of the two directed ones, as a share of the image's diagonal: not every dataset knows mm, and a column
    means one thing. Statistics: `distance` and `diagonal`, in mm where `in_mm` is 1 and in pixels where it is 0, so
    that a record still tells mm.

    Where one mask is empty there is no distance. To leave such cases out would reward a segmenter for its worst
    mistakes, so they get the largest distance that an image has room for, the whole diagonal. Where both are empty the
    case is excluded.
    """

    heading = "HD95"
    better = "lower"
    unit = "% of diagonal"
    note = (
        "the larger of the two 95th percentiles of the distance from one outline to the other; missed lesions "
        "and predictions without a lesion count as the whole diagonal of the image"
    )
    statistics: ClassVar[tuple[str, ...]] = ("distance", "diagonal", "in_mm")
    empty = EmptyRule(missed=1.0, false_alarm=1.0, both_empty="excluded")

    def measure(self, case: CaseMasks) -> dict[str, float]:
        """The distance is NaN where truth or prediction is empty."""
        directed = surface_distances(case)
        there = all(len(distances) for distances in directed)
        distance = max(np.percentile(distances, 95) for distances in directed) if there else np.nan
        return {"distance": distance, "diagonal": np.hypot(*sides(case)), "in_mm": float(case.spacing is not None)}

    def score(self, statistics):
        """0 for equal outlines, 1 for opposite corners of the image."""
        return statistics["distance"] / statistics["diagonal"]
