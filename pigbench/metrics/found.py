"""Metric `found`: the share of an image's lesions that are found, however well they are outlined."""

from __future__ import annotations

import numpy as np

from pigbench.contracts import EmptyRule
from pigbench.metrics.components import Components


class Found(Components):
    """Share of the lesions that are found.

    What found means, `components.py` says. An image without a lesion has no score; `false_alarms` counts what is
    predicted there.
    """

    heading = "Found"
    note = (
        "share of an image's lesions whose IoU with what is predicted on them is at least 0.1, a mean over images "
        "with lesions"
    )
    empty = EmptyRule(missed=0.0, false_alarm="excluded", both_empty="excluded")

    def score(self, statistics):
        """0 where no lesion is found, 1 where all are."""
        found, lesions = statistics["found"], statistics["lesions"]
        return np.divide(found, lesions, out=np.zeros(len(lesions)), where=lesions > 0)
