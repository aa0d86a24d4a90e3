"""Near-identical images: the same picture saved again, rescaled, brightened, compressed, mirrored, moved a little, or
with its border cut off.

Of each image its fine detail is kept (`likeness.py`). Every pair is compared by a coarse fingerprint, mirrored too, and
pairs that may be copies by the detail: only where it correlates at all frequencies and in most places are they
near-identical. Pictures of different patients that are alike in build stay far below that, and so do images with little
detail, copies or not. Not found are copies turned by angles other than 180°, deformed, cut on one side or moved by more
than 3 % of a side, blurred or full of noise, and many copies among images smaller than 32 × 32.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from pigbench.data.likeness import (
    detail,
    fingerprints,
    likeness,
    mirrored_fingerprints,
    screened,
)

LUMINANCE = np.array([0.299, 0.587, 0.114])

BORDERS = (0.0, 0.02, 0.04, 0.06)
"""The parts of each side that are cut off to find candidates; copies that lost up to 6 % of each side are found."""
CANDIDATE = {16: 0.85, 32: 0.6}
"""The correlation of fingerprints above which detail is compared, of images kept at that side."""
ALIKE = {16: 0.98, 24: 0.92, 32: 0.78, 96: 0.55}
"""The mean correlation over frequencies above which images kept at that side are near-identical, linear in between."""
EVERYWHERE = 0.3
"""The correlation that all but 30 % of an image's places must reach, too."""

_BESIDE = 0.01  # from a border of BORDERS to those tried, too, where images are not quite near-identical
_NOT_FAR = 0.3  # how alike they are then
_TILE = 512  # images compared with as many others at once
_BATCH = 128  # pairs whose detail is compared at once
_TURNS = {  # an image as it is and turned by 180°, mirrored from left to right and from top to bottom
    False: (np.s_[:, :, :], np.s_[:, ::-1, ::-1]),
    True: (np.s_[:, :, ::-1], np.s_[:, ::-1, :]),
}


class Link(NamedTuple):
    """Two near-identical images by their numbers, and how alike they are, up to 1."""

    one: int
    other: int
    likeness: float


def signature(image: np.ndarray) -> np.ndarray:
    """What is compared of an image (h, w) of any real type: its detail, (S, S) int8, at most 96 × 96.

    A colour image, (h, w, 3), is taken by its luminance. An image without structure resembles nothing.
    """
    return detail(image @ LUMINANCE if image.ndim == 3 else image)


def groups(signatures: Sequence[np.ndarray]) -> list[int]:
    """The group of each image, numbered from 0 by first members; images linked by others in between are in one group.

    That is so because a copy of a copy is one; only near-identical images are links, so that chains stay short.
    """
    return numbered(len(signatures), links(signatures))


def numbered(count: int, found: Sequence[Link]) -> list[int]:
    """The group of each of `count` images, as `groups` numbers them."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not count:
        return []
    ones, others = [link.one for link in found], [link.other for link in found]
    linked = coo_array((np.ones(len(found)), (ones, others)), shape=(count, count))
    _, members, of_image = np.unique(
        connected_components(linked, directed=False)[1], return_index=True, return_inverse=True
    )
    order = np.argsort(np.argsort(members))
    return [int(group) for group in order[of_image]]


def links(signatures: Sequence[np.ndarray], others: Sequence[np.ndarray] | None = None) -> list[Link]:
    """All pairs of near-identical images, in order: within one set, or of its images with those of `others`.

    Every pair is compared. Within a set either image may have lost its borders, else that of the first. What is held
    beyond the signatures is 6 kB an image, and does not grow with the number of pairs compared.
    """
    within = others is None
    known = signatures if others is None else others
    alike: dict[tuple[int, int], float] = {}
    for trials in _candidates(signatures, known, within):
        for one, other, value in _confirmed(trials, signatures, known):
            pair = (min(one, other), max(one, other)) if within else (one, other)
            alike[pair] = max(alike.get(pair, 0.0), value)
    return [Link(one, other, value) for (one, other), value in sorted(alike.items())]


class _Trial(NamedTuple):
    """Two images to be compared: the other with that border cut off, and mirrored or not."""

    one: int
    other: int
    border: float
    mirrored: bool


def _candidates(signatures: Sequence[np.ndarray], others: Sequence[np.ndarray], within: bool) -> Iterator[list[_Trial]]:
    """Pairs whose fingerprints are alike, some at a time, each with the border at which they are most so.

    Small images have few frequencies: they are compared among themselves and with others at those.
    """
    for first_limit, first in _by_limit(signatures).items():
        for second_limit, second in _by_limit(others).items():
            limit = min(first_limit, second_limit)
            side = min(len(signatures[first[0]]), len(others[second[0]]))
            least = _at(side, CANDIDATE)
            prints = _fingerprints(others, second, BORDERS, limit)
            wholes = _fingerprints(signatures, first, BORDERS[:1], limit)[0]
            for one, other, number, mirrored in _likely(wholes, prints, limit, least):
                a, b = first[one], second[other]
                kept = (a < b) | ((a > b) & (number > 0)) if within else np.full(len(a), True)
                found = zip(a[kept].tolist(), b[kept].tolist(), number[kept].tolist(), strict=True)
                yield [_Trial(image, known, BORDERS[border], mirrored) for image, known, border in found]


def _likely(
    wholes: np.ndarray, prints: np.ndarray, limit: int, least: float
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, bool]]:
    """Tile by tile: rows of the one and of the others that are alike, the border's number, whether mirrored."""
    for first in range(0, len(wholes), _TILE):
        tile = wholes[first : first + _TILE].astype(np.float32)
        turned = {False: tile, True: mirrored_fingerprints(tile, limit)}
        for second in range(0, prints.shape[1], _TILE):
            others = prints[:, second : second + _TILE].astype(np.float32)
            for mirrored, ones in turned.items():
                alike = np.stack([ones @ of_border.T for of_border in others])
                border, best = alike.argmax(axis=0), alike.max(axis=0)
                one, other = np.nonzero(best > least)
                yield first + one, second + other, border[one, other], mirrored


def _by_limit(signatures: Sequence[np.ndarray]) -> dict[int, np.ndarray]:
    """The numbers of the images whose fingerprints have that highest frequency."""
    limits = np.array([screened(len(one)) for one in signatures])
    return {int(limit): np.flatnonzero(limits == limit) for limit in np.unique(limits)}


def _fingerprints(
    signatures: Sequence[np.ndarray], indices: np.ndarray, borders: Sequence[float], limit: int
) -> np.ndarray:
    """(borders, indices, length) float16 of these images."""
    by_side: dict[int, list[int]] = defaultdict(list)
    for row, index in enumerate(indices):
        by_side[len(signatures[index])].append(row)
    made: np.ndarray | None = None
    for rows in by_side.values():
        for batch in _batches(rows):
            details = np.stack([signatures[indices[row]] for row in batch])
            of_batch = np.stack([fingerprints(details, border, limit) for border in borders])
            if made is None:
                made = np.zeros((len(borders), len(indices), of_batch.shape[-1]), np.float16)
            made[:, batch] = of_batch
    assert made is not None
    return made


def _confirmed(
    trials: Sequence[_Trial], ones: Sequence[np.ndarray], others: Sequence[np.ndarray]
) -> Iterator[tuple[int, int, float]]:
    """The pairs among these that are near-identical, tried again a little beside the border where they may be."""
    beside: list[_Trial] = []
    for trial, value, near in _tried(trials, ones, others):
        if near:
            yield trial.one, trial.other, value
        elif value > _NOT_FAR:
            borders = (trial.border - _BESIDE, trial.border + _BESIDE)
            beside += [trial._replace(border=border) for border in borders if border > 0]
    for trial, value, near in _tried(beside, ones, others):
        if near:
            yield trial.one, trial.other, value


def _tried(
    trials: Sequence[_Trial], ones: Sequence[np.ndarray], others: Sequence[np.ndarray]
) -> Iterator[tuple[_Trial, float, bool]]:
    """Each trial with how alike its images are, and whether that is near-identical."""
    alike: dict[tuple[int, int, float, bool], list[_Trial]] = defaultdict(list)
    for trial in trials:
        alike[len(ones[trial.one]), len(others[trial.other]), trial.border, trial.mirrored].append(trial)
    for (side, other_side, border, mirrored), members in alike.items():
        threshold = _at(min(side, other_side), ALIKE)
        for batch in _batches(members):
            one = np.stack([ones[trial.one] for trial in batch])
            other = np.stack([others[trial.other] for trial in batch])
            for turn in _TURNS[mirrored]:
                overall, places = likeness(one[turn], other, border)
                near = (overall > threshold) & (places > EVERYWHERE)
                yield from zip(batch, overall.tolist(), near.tolist(), strict=True)


def _at(side: int, values: Mapping[int, float]) -> float:
    """The value at that side, linear between those given: the fewer frequencies, the more alike images must be."""
    return float(np.interp(side, list(values), list(values.values())))


def _batches(members: list) -> Iterator[list]:
    for start in range(0, len(members), _BATCH):
        yield members[start : start + _BATCH]
