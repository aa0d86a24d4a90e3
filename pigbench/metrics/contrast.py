"""Whether the lesion is where the mask is: contrast inside the mask against a ring around it.

Generated pairs are judged beside real ones, both against chance: the same images under other images' masks. So a mask
that always lies where images are bright earns nothing, and lesions may be darker or brighter than what is around them.
Of several classes it is the mean over those that a mask has, each class as a part of its own real contrast, so that a
faint class counts like a strong one; classes whose real contrast is not surely one are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from pigbench.metrics.classes import over_classes
from pigbench.metrics.foreign import Scale, scale_of

Measure = Callable[[np.ndarray, np.ndarray], np.ndarray]

RING = 1 / 10
"""The ring's width, as a part of the image's side (at least 2 pixels)."""

LEAST = 0.25
"""A generator whose contrast is less than this part of the real contrast is not conditioned by its masks."""

SURE = 3.0
"""The real contrast must be so many standard errors away from chance, or nothing can be said."""


@dataclass(frozen=True)
class Gate:
    """contrast, real: mean contrast over chance, as a part of the intensity range. ratio: contrast / real.

    verdict: "conditioned", "not conditioned", or "cannot tell" where real lesions show no contrast. real_30, real_50,
    tells: of real pairs with foreign masks, see `metrics.foreign.Scale`, over chance, too.
    """

    contrast: float
    real: float
    ratio: float
    verdict: str
    real_30: float = float("nan")
    real_50: float = float("nan")
    tells: bool = False


def gate(
    images: np.ndarray,
    masks: np.ndarray,
    real_images: np.ndarray,
    real_masks: np.ndarray,
    patients: Sequence[str],
    seed: int,
    classes: int = 1,
) -> Gate:
    """The gate for generated pairs beside real ones: images (N, C, H, W) float32 in [-1, 1], label maps (N, 1, H, W).

    patients: of the real pairs; those of one patient are alike, so the certainty is that of the patients' means. Pairs
    with an empty mask are left out; with fewer than two left on either side nothing can be said.
    """
    measure: Measure = contrasts
    if classes > 1:
        measure = partial(_of_classes, weights=_weights(real_images, real_masks, patients, seed, classes))
    made, known = _over_chance(images, masks, seed, measure), _over_chance(real_images, real_masks, seed, measure)
    contrast, real = _mean(made[np.isfinite(made)]), _mean(known[np.isfinite(known)])
    unsure = not _is_sure(real, _by_patient(known, patients))
    of = _scale(real_images, real_masks, patients, seed, measure)
    scaled = (of.foreign_30 - of.chance, of.foreign_50 - of.chance, of.tells)
    if np.isfinite(made).sum() < 2 or unsure:
        return Gate(contrast, real, float("nan"), "cannot tell", *scaled)
    ratio = contrast / real
    return Gate(contrast, real, ratio, "conditioned" if ratio >= LEAST else "not conditioned", *scaled)


def _scale(images: np.ndarray, masks: np.ndarray, patients: Sequence[str], seed: int, measure: Measure) -> Scale:
    """What the contrast of real pairs is where some have another patient's mask."""
    kept = np.flatnonzero(masks.any(axis=(1, 2, 3)))
    images, masks, of = images[kept], masks[kept], [patients[int(index)] for index in kept]
    return scale_of(partial(measure, images), masks, of, np.random.default_rng(seed))


def contrasts(images: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """(N,) mean inside the mask minus mean in the ring, as a part of the range; NaN where either has no pixel.

    Of colour, the mean of its channels. A mask is what is not 0.
    """
    from scipy.ndimage import distance_transform_edt

    width = max(2.0, RING * images.shape[-1])
    found = np.full(len(images), np.nan)
    for index, (image, mask) in enumerate(zip(images.mean(axis=1), masks[:, 0] > 0, strict=True)):
        if mask.any() and not mask.all():
            ring = ~mask & (distance_transform_edt(~mask) <= width)
            found[index] = (image[mask].mean() - image[ring].mean()) / 2
    return found


def _of_classes(images: np.ndarray, masks: np.ndarray, weights: Sequence[float]) -> np.ndarray:
    """(N,) the mean contrast of the classes that a mask has, each times its weight."""
    each = [weight * contrasts(images, masks == label) for label, weight in enumerate(weights, start=1)]
    return over_classes(np.stack(each, axis=1))


def _weights(images: np.ndarray, masks: np.ndarray, patients: Sequence[str], seed: int, classes: int) -> list[float]:
    """What makes every class's real contrast the mean size of all; NaN for one that is not surely there."""
    found = []
    for label in range(1, classes + 1):
        values = _over_chance(images, (masks == label).astype(np.uint8), seed, contrasts)
        mean = _mean(values[np.isfinite(values)])
        found.append(mean if _is_sure(mean, _by_patient(values, patients)) else np.nan)
    sizes = np.abs([mean for mean in found if np.isfinite(mean)])
    return [float(sizes.mean() / mean) if np.isfinite(mean) else np.nan for mean in found]


def _is_sure(mean: float, of_patients: np.ndarray) -> bool:
    """Whether a mean contrast is so far from chance that something can be said."""
    if len(of_patients) < 2:
        return False
    return not abs(mean) < SURE * of_patients.std(ddof=1) / len(of_patients) ** 0.5


def _over_chance(images: np.ndarray, masks: np.ndarray, seed: int, measure: Measure) -> np.ndarray:
    """(N,) each pair's contrast minus the same image's under another pair's mask; NaN where there is none."""
    difference = np.full(len(images), np.nan)
    kept = np.flatnonzero(masks.any(axis=(1, 2, 3)))
    if len(kept) < 2:
        return difference
    away = np.random.default_rng(seed).integers(1, len(kept), len(kept))
    others = kept[(np.arange(len(kept)) + away) % len(kept)]
    difference[kept] = measure(images[kept], masks[kept]) - measure(images[kept], masks[others])
    return difference


def _by_patient(values: np.ndarray, patients: Sequence[str]) -> np.ndarray:
    """The mean of each patient's finite values, for those who have any."""
    _, of = np.unique(np.asarray(patients)[np.isfinite(values)], return_inverse=True)
    return np.bincount(of, values[np.isfinite(values)]) / np.bincount(of) if len(of) else np.empty(0)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")
