"""How alike two images are in fine detail, which copies share and different patients do not.

Anatomy makes images of different people alike in what is broad, and along edges that all of them have. So of each image
only detail is kept, strong edges apart, its contrast equal everywhere; and two images are compared frequency by
frequency, each ring of frequencies counting alike: the Fourier ring correlation of microscopy, its mean over all rings.
A small shift between them is found. And the detail must agree in most places, not in one that both share.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

FINEST, COARSEST = 96, 16
"""The side of what is kept of an image, in pixels; between them that of the image itself."""
BROAD, LOCAL = 1 / 24, 1 / 10
"""Of an image's side: the Gaussian beyond which structure is no detail, and the one within which contrast is equal."""
HIGHEST = 38
"""The highest frequency compared, in cycles a side."""
LOWEST = 3
SHIFT, STEPS = 0.032, 9
"""The greatest shift found, as a part of a side, and into how many steps it is divided."""

_STEP = 64  # of what is kept, for detail of usual contrast
_FAINT = 0.03  # contrast, in standard deviations of the image, below which it is not amplified to equal
_EDGE = 4  # contrasts: edges beyond are taken away whole
_NORMAL = 1.9  # the standard deviation of normal noise, in geometric means of its size
_LITTLE = 3  # the root mean square of what is kept below which there is too little detail to tell copies
_TAPER = 0.12  # of a side, at each border, where an image fades out: what a shift brings in does not count
_SCREENED = 20  # the highest frequency of fingerprints
_GRID, _BLOCK = 80, 12  # pixels: of the images that are compared place by place, and of the places, which overlap
_DISSENT = 0.3  # the part of places that may be unlike
_BLANK = 0.1  # places with less of the usual energy are blank


def detail(image: np.ndarray) -> np.ndarray:
    """The detail of an image (h, w) of any real type, (S, S) int8: S is its shorter side, at least 16, at most 96.

    Structure much broader than S / 24 is taken away, and so are edges that are strong for where they are; the contrast
    of the rest is made equal everywhere, but where there is next to none. An image with next to no detail gives zeros.
    """
    from scipy.ndimage import gaussian_filter

    side = int(np.clip(min(image.shape), COARSEST, FINEST))
    thumbnail = _means(_means(image, side).T, side).T
    spread = thumbnail.std()
    if spread <= 1e-9 * (1 + np.abs(thumbnail).max()):
        return np.zeros((side, side), np.int8)
    fine = thumbnail - _broad(thumbnail, BROAD * side)
    contrast = _NORMAL * np.exp(gaussian_filter(np.log(np.abs(fine) + _FAINT * spread), LOCAL * side))
    ratio = fine / contrast
    kept = np.rint(_STEP * ratio * np.maximum(1 - (ratio / _EDGE) ** 2, 0) ** 2)  # at most 73
    return (kept if np.sqrt(np.mean(kept**2)) >= _LITTLE else np.zeros_like(kept)).astype(np.int8)


def highest(side: int) -> int:
    """The highest frequency compared of images kept at that side, in cycles a side: close above it pixels end."""
    return min(HIGHEST, int(0.42 * side))


def screened(side: int) -> int:
    """The highest frequency in fingerprints of images kept at that side."""
    return min(_SCREENED, highest(side))


def fingerprints(details: np.ndarray, border: float, limit: int) -> np.ndarray:
    """What barely depends on shifts, to find candidates by: (n, length) float32, rows of length 1 or all zero.

    It is the amplitudes of frequencies up to `limit` without their fall. details: (n, S, S) int8. border: the part of
    each side that is cut off first. Products of fingerprints of one limit, whatever their S, are correlations.
    """
    inside, _, means = _rings(limit)
    amplitudes = np.sqrt(np.abs(_spectra(details, border, limit, fade=0.5)))[:, inside]
    rings = means[inside.ravel()]
    amplitudes -= (amplitudes @ rings) @ (rings > 0).T
    length = np.linalg.norm(amplitudes, axis=1, keepdims=True)
    return np.where(length > 1e-6, amplitudes / np.maximum(length, 1e-6), 0).astype(np.float32)


def mirrored_fingerprints(prints: np.ndarray, limit: int) -> np.ndarray:
    """The fingerprints of the same images mirrored; those of images turned by 180° are their own."""
    inside = _rings(limit).inside
    order = np.full(inside.shape, -1)
    order[inside] = np.arange(prints.shape[1])
    return prints[:, order[::-1][inside]]


def likeness(ones: np.ndarray, others: np.ndarray, border: float) -> tuple[np.ndarray, np.ndarray]:
    """How alike images are, pair by pair, when a border is cut off the others: overall, and where they are least so.

    ones: (n, S, S), others: (n, T, T), details. Returns two (n,) arrays of correlations, at the best shift: the mean
    over rings of frequencies, and the one that all but 30 % of an image's places reach.
    """
    limit = min(highest(ones.shape[-1]), highest(others.shape[-1]))
    one, other = _spectra(ones, 0.0, limit, _TAPER), _spectra(others, border, limit, _TAPER)
    products = np.conj(_even(one)) * _even(other) * _rings(limit).counted
    down, across = _shifts(limit)
    moved = (down @ products @ across.T).real
    best = moved.reshape(len(moved), -1).argmax(axis=1)
    row, column = np.unravel_index(best, moved.shape[1:])
    overall = moved[np.arange(len(moved)), row, column] / _rings(limit).counted.sum()
    back = other * down[row][:, :, None] * across[column][:, None, :]
    return overall, _place_by_place(_pixels(one), _pixels(back))


def _place_by_place(ones: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The correlation that all but 30 % of the places reach; places that are blank in both images do not count."""
    one, other, both = _block_sums(ones**2), _block_sums(others**2), _block_sums(ones * others)
    usual = [energy.mean(axis=(1, 2), keepdims=True) + 1e-9 for energy in (one, other)]
    agreement = both / np.sqrt((one + 0.02 * usual[0]) * (other + 0.02 * usual[1]))
    blank = (one < _BLANK * usual[0]) & (other < _BLANK * usual[1])
    places = np.where(blank, np.nan, agreement).reshape(len(ones), -1)
    places[blank.all(axis=(1, 2))] = 0
    return np.nanquantile(places, _DISSENT, axis=1)


def _spectra(details: np.ndarray, border: float, limit: int, fade: float) -> np.ndarray:
    """(n, 2 limit + 1, limit + 1) complex64: frequencies -limit..limit down, 0..limit across; 0 outside the rings."""
    waves = _waves(details.shape[-1], border, limit, fade)
    spectra = waves @ details.astype(np.float32) @ waves[limit:].T
    return spectra * _rings(limit).inside


def _even(spectra: np.ndarray) -> np.ndarray:
    """Every ring of frequencies scaled to a mean square of 1, unless it is all zero."""
    limit = spectra.shape[-1] - 1
    means = _rings(limit).means
    counted = (means > 0).any(axis=1)
    power = np.abs(spectra.reshape(len(spectra), -1)[:, counted]) ** 2 @ means[counted]
    scale = np.zeros((len(spectra), counted.size), np.float32)
    scale[:, counted] = (1 / np.sqrt(np.maximum(power, 1e-12))) @ (means[counted] > 0).T
    return spectra * scale.reshape(spectra.shape)


def _pixels(spectra: np.ndarray) -> np.ndarray:
    """(n, _GRID, _GRID): the images of these frequencies."""
    limit = spectra.shape[-1] - 1
    whole = np.zeros((len(spectra), _GRID, _GRID // 2 + 1), np.complex64)
    whole[:, np.arange(-limit, limit + 1)[:, None], np.arange(limit + 1)] = spectra
    return np.fft.irfft2(whole, (_GRID, _GRID)).astype(np.float32)


def _block_sums(pixels: np.ndarray) -> np.ndarray:
    sums = np.pad(pixels, ((0, 0), (1, 0), (1, 0))).cumsum(axis=1).cumsum(axis=2)
    ends = slice(_BLOCK, None, _BLOCK // 2)
    starts = slice(0, _GRID + 1 - _BLOCK, _BLOCK // 2)
    return sums[:, ends, ends] - sums[:, starts, ends] - sums[:, ends, starts] + sums[:, starts, starts]


def _broad(pixels: np.ndarray, scale: float) -> np.ndarray:
    """What is broader than a Gaussian of `scale` pixels. Slopes go on beyond the borders and leave no detail."""
    from scipy.ndimage import gaussian_filter

    beyond = int(np.ceil(4 * scale))
    wider = np.pad(pixels, beyond, mode="reflect", reflect_type="odd")
    return gaussian_filter(wider, scale)[beyond:-beyond, beyond:-beyond]


@lru_cache(maxsize=256)
def _waves(side: int, border: float, limit: int, fade: float) -> np.ndarray:
    """(2 limit + 1, side) complex64: waves over what is inside the border, which fade out towards it."""
    at = ((np.arange(side) + 0.5) / side - border) / (1 - 2 * border)
    weight = 0.5 - 0.5 * np.cos(np.pi * np.clip(np.minimum(at, 1 - at) / fade, 0, 1))
    return (weight * np.exp(-2j * np.pi * np.arange(-limit, limit + 1)[:, None] * at)).astype(np.complex64)


@lru_cache(maxsize=64)
def _shifts(limit: int) -> tuple[np.ndarray, np.ndarray]:
    """What moves frequencies down, (shifts, 2 limit + 1), and across, (shifts, limit + 1), complex64."""
    by = np.linspace(-SHIFT, SHIFT, 2 * STEPS + 1)[:, None]
    moves = np.exp(2j * np.pi * by * np.arange(-limit, limit + 1)).astype(np.complex64)
    return moves, moves[:, limit:]


class _Rings(NamedTuple):
    """Of the frequencies (2 limit + 1, limit + 1) those of all rings, what each counts, and the mean of each ring.

    A ring is what is equally far from 0, rounded. inside: bool. counted: float32, 2 for what stands for its opposite
    too, 0 outside the rings. means: (frequencies, rings) float32, takes the weighted mean of each ring.
    """

    inside: np.ndarray
    counted: np.ndarray
    means: np.ndarray


@lru_cache(maxsize=64)
def _rings(limit: int) -> _Rings:
    rings = np.rint(np.hypot(np.arange(-limit, limit + 1)[:, None], np.arange(limit + 1))).astype(int)
    inside = (rings >= LOWEST) & (rings <= limit)
    counted = np.full(rings.shape, 2.0, np.float32)
    counted[:, 0] = 1
    counted *= inside
    members = (rings[..., None] == np.arange(LOWEST, limit + 1)) * counted[..., None]
    members = members.reshape(-1, members.shape[-1])
    return _Rings(inside, counted, (members / members.sum(axis=0)).astype(np.float32))


def _means(pixels: np.ndarray, parts: int) -> np.ndarray:
    """(parts, columns): means over equal parts of the rows; rows at an edge count in part."""
    length = len(pixels)
    sums = np.zeros((length + 1, pixels.shape[1]))
    np.cumsum(pixels, axis=0, dtype=np.float64, out=sums[1:])
    edges = np.linspace(0, length, parts + 1)
    whole = np.minimum(edges.astype(int), length - 1)
    at_edges = sums[whole] + (sums[whole + 1] - sums[whole]) * (edges - whole)[:, None]
    return np.diff(at_edges, axis=0) / np.diff(edges)[:, None]
