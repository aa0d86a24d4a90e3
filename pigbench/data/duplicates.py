"""Near-identical images: the same picture saved again, rescaled, brightened, compressed, or with its border cut off.

An image's signature is what it looks like at 16×16, without its broad shading, as it is and with borders of several
widths cut off. Two images are near-identical if one, whole, correlates with the other, whole or cut, above a threshold.
Pictures of different patients that are alike only in build (two breasts, two brains at the same height) stay below it.
What is not found: turned, mirrored or deformed copies, one side cut off, or large marks drawn over an image.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SIDE = 16
BORDERS = tuple(percent / 100 for percent in range(7))
"""The parts of each side that are cut off; copies that lost up to 6 % of each side are found."""
THRESHOLD = 0.96

_BROAD = 2.0  # of the Gaussian that is taken away, in pixels of the signature
_TILE = 512  # images compared with as many others at once


def signature(image: np.ndarray) -> np.ndarray:
    """What is compared of an image (h, w) of any real type: (borders, 256) float32, each row of mean 0 and length 1.

    An image without structure has rows of zeros, which resemble nothing.
    """
    from scipy.ndimage import gaussian_filter

    rows = []
    sums = _sums(image)
    for border in BORDERS:
        thumbnail = _means(_sums(_means(sums, border).T), border).T
        detail = (thumbnail - gaussian_filter(thumbnail, _BROAD)).ravel()
        detail -= detail.mean()
        length = np.linalg.norm(detail)
        blank = length <= 1e-9 * (1 + np.abs(thumbnail).max())
        rows.append(np.zeros(SIDE * SIDE) if blank else detail / length)
    return np.array(rows, np.float32)


def groups(signatures: Sequence[np.ndarray], threshold: float = THRESHOLD) -> list[int]:
    """The group of each image, numbered from 0 by first members; images linked by others in between are in one group.

    Every pair is compared. What is held beyond the signatures does not grow with the number of pairs.
    """
    if not len(signatures):
        return []
    stacked = np.stack(signatures)
    count = len(stacked)
    of_group = np.arange(count)
    for first in range(0, count, _TILE):
        whole = stacked[first : first + _TILE, 0]
        for second in range(0, count, _TILE):
            others = stacked[second : second + _TILE]
            alike = np.max([whole @ others[:, border].T for border in range(len(BORDERS))], axis=0)
            one, other = np.nonzero(alike > threshold)
            of_group = _joined(of_group, of_group[first + one], of_group[second + other])
    _, members, of_image = np.unique(of_group, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(members))
    return [int(group) for group in order[of_image]]


def _joined(of_group: np.ndarray, ones: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The groups after these pairs of them became one."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    differ = ones != others
    if not differ.any():
        return of_group
    links = coo_array((np.ones(differ.sum()), (ones[differ], others[differ])), shape=(len(of_group),) * 2)
    return connected_components(links, directed=False)[1][of_group]


def _sums(pixels: np.ndarray) -> np.ndarray:
    """(rows + 1, columns): the sum of all rows before each, and of all."""
    sums = np.zeros((len(pixels) + 1, pixels.shape[1]))
    np.cumsum(pixels, axis=0, dtype=np.float64, out=sums[1:])
    return sums


def _means(sums: np.ndarray, border: float) -> np.ndarray:
    """(SIDE, columns): means over equal parts of the rows inside the border; rows at an edge count in part."""
    length = len(sums) - 1
    edges = np.linspace(border * length, (1 - border) * length, SIDE + 1)
    whole = np.minimum(edges.astype(int), length - 1)
    at_edges = sums[whole] + (sums[whole + 1] - sums[whole]) * (edges - whole)[:, None]
    return np.diff(at_edges, axis=0) / np.diff(edges)[:, None]
