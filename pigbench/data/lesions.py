"""How many pixels are left of a lesion at the resolution of a run, and masks that may be inverted."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from pigbench.data.prepare import crop

FEWEST = 4
"""A lesion of fewer pixels is hardly one: a segmenter misses it or not, and its Dice is mostly 0 or 1."""
INVERTED = 0.5
"""A mask that covers more of its image may have lesion and background exchanged."""


def prepared_fraction(image: np.ndarray, mask: np.ndarray) -> float:
    """The share, 0 to 1, of the square that an image is prepared as, blank borders cropped, that is lesion.

    Of a label map the share of the class that has least of it; 0 for an empty one.
    """
    _, mask = crop(image, mask)
    counts = np.bincount(mask.ravel())[1:]
    return float(min(counts[counts > 0], default=0)) / max(mask.shape) ** 2


def small(fractions: Iterable[float | None], resolution: int) -> int:
    """How many images have a lesion, or a class, of fewer than `FEWEST` pixels at that resolution.

    fractions: as prepared; 0 has no lesion.
    """
    return sum(0 < (fraction or 0.0) * resolution**2 < FEWEST for fraction in fractions)


def inverted(fractions: Iterable[float]) -> int:
    """How many masks cover more than half of their image."""
    return sum(fraction > INVERTED for fraction in fractions)
