"""Precision and recall of a set of images (Kynkäänniemi et al., NeurIPS 2019), by torch-fidelity in double precision.

The manifold of a set is the union of balls about its images, each as wide as the distance to the `NEIGHBOURS`-th
nearest image of the set.
"""

from __future__ import annotations

import numpy as np

from pigbench.contracts import Sets
from pigbench.errors import PigbenchError

NEIGHBOURS = 3


def precision_and_recall(sets: Sets) -> tuple[float, float]:
    """The share of m generated images in the manifold of m reference images, and the other way round.

    Raises PigbenchError where an image has too few others for a neighbourhood.
    """
    import torch
    from torch_fidelity.metric_prc import KEY_METRIC_PRECISION, KEY_METRIC_RECALL, prc_features_to_metric

    if sets.m <= NEIGHBOURS:
        raise PigbenchError(f"a neighbourhood of {NEIGHBOURS} needs at least {NEIGHBOURS + 1} images, got {sets.m}")
    generated, reference = (torch.from_numpy(np.asarray(part, dtype=np.float64)) for part in sets.equal_parts())
    found = prc_features_to_metric(
        features_1=generated,
        features_2=reference,
        prc_neighborhood=NEIGHBOURS,
        prc_batch_size=1000,
        save_cpu_ram=True,
        verbose=False,
    )
    precision, recall = (round(found[key] * sets.m) / sets.m for key in (KEY_METRIC_PRECISION, KEY_METRIC_RECALL))
    return precision, recall  # shares of m in full: torch-fidelity's are of single precision
