"""Set metric `kid`: the kernel distance of generated and real images (Bińkowski et al., ICLR 2018).

It is unbiased, so it can come out a little below 0, and it is the one to rank by.
"""

from __future__ import annotations

import math

import numpy as np

from pigbench.contracts import SetMetric
from pigbench.randomness import seed_for

SUBSETS = 100
SUBSET_SIZE = 1000


class KID(SetMetric):
    """Kernel distance of image features.

    Squared maximum mean discrepancy with the cubic kernel, by torch-fidelity in double precision: the mean over
    `SUBSETS` random subsets of `SUBSET_SIZE` images, or one value where there are no more.
    """

    heading = "KID"
    better = "lower"
    unit = "×1000"
    scale = 1000.0
    digits = 2
    low = -math.inf
    high = math.inf

    def measure(self, sets, known):
        """Of m generated and m reference images."""
        import torch
        from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric

        parts = [torch.from_numpy(np.asarray(part, dtype=np.float64)) for part in sets.equal_parts()]
        found = kid_features_to_metric(
            *parts,
            kid_subsets=SUBSETS if sets.m > SUBSET_SIZE else 1,
            kid_subset_size=min(sets.m, SUBSET_SIZE),
            rng_seed=seed_for(sets.seed, "kid") % 2**32,
            verbose=False,
        )
        return found[KEY_METRIC_KID_MEAN]
