"""How near generated images are to real ones, from the features of both.

Three questions, three columns, and never one number for all:

- **FID and KID**: generated against reference images, both cut to m = min(n, n_reference), computed by torch-fidelity.
  The Fréchet distance (Heusel et al., NeurIPS 2017) is biased at small m, and mostly bias below twice the feature
  dimension, which is flagged. The kernel distance (Bińkowski et al., ICLR 2018) is unbiased, so it can come out a
  little below 0; it is the one to rank by.
- **Floor**: training images against the same reference at the same m, or at all of them where they are fewer. A
  generator cannot be expected below it.
- **Copying**: how far generated images are from their nearest training image, beside what that is for new patients.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pigbench.errors import PigbenchError
from pigbench.randomness import numpy_generator, seed_for

KID_SUBSETS = 100
KID_SUBSET_SIZE = 1000


@dataclass(frozen=True)
class Distance:
    """Two sets of features of one size compared.

    m: images in each. fid: Fréchet distance, at least 0. kid: squared maximum mean discrepancy with the cubic kernel.
    kid_sd: its spread over random subsets, which overlap, so it is no error bar; None where one subset is the whole.
    """

    m: int
    fid: float
    kid: float
    kid_sd: float | None


@dataclass(frozen=True)
class RealStatistics:
    """What the real images of a fold say by themselves, alike for every generator compared at one m.

    floor: training images against the reference. nearest: `nearest_distance` of the held-out images. mu, sigma: mean
    (D,) and covariance (D, D), float64, of the m reference images.
    """

    floor: Distance
    nearest: float
    mu: np.ndarray
    sigma: np.ndarray


@dataclass(frozen=True)
class Fidelity:
    """A generator's distances, with what it takes to read them.

    n, n_reference: images there were. m: images compared of each. fid_biased: m is below twice the feature dimension.
    floor_m, fid_floor, kid_floor: real against real. copying: 0 where generated images are training images, 1 where
    they are as far from those as new patients are; None where held-out images are copies themselves and give no scale.
    """

    n: int
    m: int
    n_reference: int
    fid: float
    fid_biased: bool
    kid: float
    kid_sd: float | None
    floor_m: int
    fid_floor: float
    kid_floor: float
    copying: float | None


def fidelity(
    generated: np.ndarray,
    reference: np.ndarray,
    training: np.ndarray,
    heldout: np.ndarray,
    seed: int,
    real: RealStatistics | None = None,
) -> Fidelity:
    """Compare generated images with real ones by their features, each set (images, D) by the same extractor.

    reference: the real images that count as the target. training, heldout: the fold's images, seen and not seen by the
    generator. seed: of the random subsets. real: `real_statistics` of the same real sets, m and seed, if known already.
    A set of fewer than two images and features that are not finite are refused.
    """
    _check(generated=generated, reference=reference, training=training, heldout=heldout)
    m = min(len(generated), len(reference))
    if real is None:
        real = real_statistics(reference, training, heldout, m, seed)
    elif real.floor.m != min(m, len(training)):
        raise ValueError(f"real statistics at {real.floor.m} images, wanted at {min(m, len(training))}")
    # Generated images are independent draws, so the first m do, and stay the same when n grows.
    own = distance(generated[:m], _random_subset(reference, m, seed, "reference"), seed, (real.mu, real.sigma))
    return Fidelity(
        n=len(generated),
        m=m,
        n_reference=len(reference),
        fid=own.fid,
        fid_biased=m < 2 * generated.shape[1],
        kid=own.kid,
        kid_sd=own.kid_sd,
        floor_m=real.floor.m,
        fid_floor=real.floor.fid,
        kid_floor=real.floor.kid,
        copying=nearest_distance(generated, training) / real.nearest if real.nearest > 0 else None,
    )


def real_statistics(
    reference: np.ndarray, training: np.ndarray, heldout: np.ndarray, m: int, seed: int
) -> RealStatistics:
    """The floor for comparisons at `m` images and the scale of the copying column; arguments as for `fidelity`."""
    _check(reference=reference, training=training, heldout=heldout)
    floor_m = min(m, len(training))
    floor = distance(
        _random_subset(training, floor_m, seed, "training"), _random_subset(reference, floor_m, seed, "reference"), seed
    )
    mu, sigma = _mean_and_covariance(_random_subset(reference, min(m, len(reference)), seed, "reference"))
    return RealStatistics(floor, nearest_distance(heldout, training), mu, sigma)


def distance(
    features: np.ndarray, reference: np.ndarray, seed: int, known: tuple[np.ndarray, np.ndarray] | None = None
) -> Distance:
    """FID and KID of two sets (m, D), by torch-fidelity in double precision.

    known: mean and covariance of the reference, if they are there already. KID is the mean over `KID_SUBSETS` random
    subsets of `KID_SUBSET_SIZE` images, or one value where m is no more.
    """
    import torch
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_statistics_to_metric
    from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, KEY_METRIC_KID_STD, kid_features_to_metric

    if features.shape != reference.shape:
        raise ValueError(f"features of shapes {features.shape} and {reference.shape}")
    both = [_mean_and_covariance(features), known or _mean_and_covariance(reference)]
    fid = fid_statistics_to_metric(*({"mu": mu, "sigma": sigma} for mu, sigma in both), verbose=False)[KEY_METRIC_FID]
    sets = [torch.from_numpy(np.asarray(each, dtype=np.float64)) for each in (features, reference)]
    m = len(features)
    subsets = KID_SUBSETS if m > KID_SUBSET_SIZE else 1
    kid = kid_features_to_metric(
        *sets,
        kid_subsets=subsets,
        kid_subset_size=min(m, KID_SUBSET_SIZE),
        rng_seed=seed_for(seed, "kid") % 2**32,
        verbose=False,
    )
    return Distance(
        m=m,
        fid=max(fid, 0.0),  # rounding can leave the distance of equal sets just below 0
        kid=kid[KEY_METRIC_KID_MEAN],
        kid_sd=kid[KEY_METRIC_KID_STD] if subsets > 1 else None,
    )


def _mean_and_covariance(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    import torch
    from torch_fidelity.metric_fid import fid_features_to_statistics

    statistics = fid_features_to_statistics(torch.from_numpy(np.asarray(features, dtype=np.float64)))
    return statistics["mu"], statistics["sigma"]


def nearest_distance(features: np.ndarray, training: np.ndarray) -> float:
    """Median over `features` (N, D) of the Euclidean distance to the nearest of `training`; exactly 0 for copies."""
    from sklearn.metrics import pairwise_distances_argmin

    nearest = training[pairwise_distances_argmin(features, training)]
    return float(np.median(np.linalg.norm(features.astype(np.float64) - nearest, axis=1)))


def _random_subset(features: np.ndarray, m: int, seed: int, role: str) -> np.ndarray:
    """`m` of the real images, whose own order goes by patient; the subsets of one seed are nested."""
    if m == len(features):
        return features
    return features[numpy_generator(seed, "fidelity", role).permutation(len(features))[:m]]


def _check(**sets: np.ndarray) -> None:
    dimensions = {features.shape[1:] for features in sets.values()}
    if len(dimensions) != 1 or len(dimensions.pop()) != 1:
        raise ValueError(f"features of shapes {[features.shape for features in sets.values()]}")
    for name, features in sets.items():
        if len(features) < 2:
            raise PigbenchError(f"fidelity needs at least 2 {name} images, got {len(features)}")
        if not np.isfinite(features).all():
            raise PigbenchError(f"{int((~np.isfinite(features)).sum())} features of the {name} images are not finite")
