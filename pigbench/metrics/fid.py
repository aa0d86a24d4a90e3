"""Set metric `fid`: the Fréchet distance of generated and real images (Heusel et al., NeurIPS 2017).

It is biased at small m, and mostly bias below twice the number of features, which is marked.
"""

from __future__ import annotations

import math

import numpy as np

from pigbench.contracts import SetMetric


class FID(SetMetric):
    """Fréchet distance of image features.

    Of the two Gaussians that have the features' means and covariances, by torch-fidelity in double precision.
    """

    heading = "FID"
    better = "lower"
    unit = ""
    scale = 1.0
    digits = 2
    high = math.inf

    def known(self, sets):
        """Mean (D,) and covariance (D, D), float64, of the m reference images."""
        return _mean_and_covariance(sets.equal_parts()[1])

    def measure(self, sets, known):
        """Of m generated and m reference images."""
        from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_statistics_to_metric

        generated, reference = sets.equal_parts()
        real = known or _mean_and_covariance(reference)
        found = fid_statistics_to_metric(_mean_and_covariance(generated), dict(real), verbose=False)[KEY_METRIC_FID]
        return max(found, 0.0)  # rounding can leave the distance of equal sets just below 0

    def biased(self, m, dimension):
        """Below twice the number of features."""
        return m < 2 * dimension


def _mean_and_covariance(features: np.ndarray) -> dict[str, np.ndarray]:
    import torch
    from torch_fidelity.metric_fid import fid_features_to_statistics

    return fid_features_to_statistics(torch.from_numpy(np.asarray(features, dtype=np.float64)))
