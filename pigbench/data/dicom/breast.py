"""Where the breast is in a mammogram: Otsu's threshold, the largest component, its bounding box."""

from __future__ import annotations

import numpy as np

_THIN = 1024  # the box is found on a copy no larger than this; it is off by less than one step of it
_BINS = 256


def only_breast(image: np.ndarray) -> np.ndarray:
    """The image, same shape and dtype, with all that lies outside the breast's bounding box at its lowest value.

    The size stays, so a mask still fits; preparation then crops the blank borders from image and mask alike, and never
    into the mask. Labels and view markers beyond the box are gone.
    """
    box = breast_box(image)
    alone = np.full_like(image, image.min())
    alone[box] = image[box]
    return alone


def breast_box(image: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of the largest bright component of image (h, w); all of a constant image."""
    from scipy.ndimage import find_objects, label

    step = -(-max(image.shape) // _THIN)
    thin = image[::step, ::step]
    components, _ = label(thin > otsu(thin))
    sizes = np.bincount(components.ravel())[1:]
    if not len(sizes):
        return slice(0, image.shape[0]), slice(0, image.shape[1])
    rows, columns = find_objects(components)[int(sizes.argmax())]
    return _widened(rows, step, image.shape[0]), _widened(columns, step, image.shape[1])


def otsu(image: np.ndarray) -> float:
    """The threshold that splits the image into two classes with the most variance between them."""
    counts, edges = np.histogram(image, _BINS)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1].astype(float)
    above = image.size - below
    total = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = total[:-1] / below - (total[-1] - total[:-1]) / above
        variance = np.nan_to_num(below * above * apart**2)
    return float(edges[1:][int(variance.argmax())])


def _widened(thin: slice, step: int, length: int) -> slice:
    """The slice of the full image that a slice of the thinned one surely lies in."""
    return slice(max(thin.start * step - step + 1, 0), min(thin.stop * step, length))
