"""Images handed in for a fold that are its held-out images, or nearly: measured on those, they would look perfect."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import count

import numpy as np

from pigbench.data.duplicates import links, signature
from pigbench.data.external_pairs import PairSet
from pigbench.data.pixels import decode
from pigbench.data.prepare import prepare_case
from pigbench.data.source import CaseInfo, Progress, Source
from pigbench.data.splits import make_folds, part
from pigbench.errors import PigbenchError

FINE = 128
"""The resolution at which cases are prepared to be compared, besides the run's: finer than what is kept of an image."""
TIE = 0.01
"""Two likenesses this near are equal: a case's copies among training patients are as near as it is."""


def refuse_copies(
    source: Source,
    served: Sequence[tuple[PairSet, Collection[int]]],
    resolution: int,
    *,
    folds: int,
    seed: int,
    set_aside: float = 0.0,
    progress: Progress | None = None,
) -> None:
    """Raises PigbenchError if pairs hold images equal or nearly equal to images held out in a fold that they serve.

    An image does not count if it is as like a case of another patient, who is not held out: then it is the dataset that
    has near-duplicates. served: sets of pairs with their folds. resolution: of the run. folds, seed, set_aside: those
    of its split. All of the dataset is read, once.
    """
    cases = source.cases()
    held_out = make_folds(part(cases, set_aside, seed, tuning=False), folds, seed)
    total, done = len(cases) + sum(len(pairs) for pairs, _ in served), count(1)

    def tell() -> None:
        if progress:
            progress(next(done), total)

    known = _known(source, resolution, tell)
    faults: dict[int, str] = {}
    for pairs, of_folds in served:
        nearest = _nearest(pairs, known, tell)
        for fold in of_folds:
            if copies := sum(_copies(alike, cases, set(held_out[fold])) for alike in nearest):
                faults[fold] = _refusal(fold, copies, len(pairs), source.name)
    if faults:
        raise PigbenchError("\n".join(faults[fold] for fold in sorted(faults)))


def _known(source: Source, resolution: int, tell: Callable[[], None]) -> list[list[np.ndarray]]:
    """Of every case the signatures of its image as it is, and of the same prepared, as pairs may be handed in."""
    known = []
    for row in range(len(source.cases())):
        image, mask = source.read(row, resolution)
        sides = {min(side, max(image.shape[:2])) for side in (FINE, resolution)}
        ready = [prepare_case(image, mask, side)[0] for side in sorted(sides)]
        known.append([signature(picture) for picture in (image, *ready)])
        tell()
    return known


def _nearest(pairs: PairSet, known: Sequence[Sequence[np.ndarray]], tell: Callable[[], None]) -> list[dict[int, float]]:
    """For each image handed in, the rows of the cases that it nearly equals, and how alike they are."""
    signatures = []
    for pair in pairs.pairs:
        signatures.append(signature(decode(pair.image.read_bytes())))
        tell()
    rows = [row for row, ways in enumerate(known) for _ in ways]
    alike: list[dict[int, float]] = [{} for _ in signatures]
    for link in links(signatures, [way for ways in known for way in ways]):
        row = rows[link.other]
        alike[link.one][row] = max(link.likeness, alike[link.one].get(row, 0.0))
    return alike


def _copies(alike: Mapping[int, float], cases: Sequence[CaseInfo], held_out: Collection[str]) -> bool:
    """Whether an image is more like a held-out case than like any other."""
    inside = [value for row, value in alike.items() if cases[row].patient_id in held_out]
    outside = [value for row, value in alike.items() if cases[row].patient_id not in held_out]
    return bool(inside) and max(inside) > max(outside, default=0.0) + TIE


def _refusal(fold: int, count: int, total: int, dataset: str) -> str:
    what = "equals or nearly equals a held-out one" if count == 1 else "equal or nearly equal held-out ones"
    return (
        f"fold {fold}: {count} of {total} images {what} of '{dataset}': hand in what was made by a tool trained on the "
        "training patients of that fold alone (`pigbench split export` lists them)"
    )
