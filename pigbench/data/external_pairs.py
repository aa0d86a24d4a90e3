"""Pairs that another tool made: read once, left where they are, and verified when a stage reads them.

<store>/pairs/<content>.json   where the files of one set of pairs are, and the hashes of their bytes. It names files,
                               so it never leaves the store, and only its owner and group may read it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pigbench.contracts import LESION, Config
from pigbench.data.dataset_index import hide
from pigbench.data.importers.base import Found, Importer, Problems
from pigbench.data.importers.checks import Facts, digest, inspect
from pigbench.data.importers.pairing import Pair, find_pairs
from pigbench.data.pixels import UnusableError, binary, decode, grey, labels
from pigbench.data.source import Progress
from pigbench.errors import PigbenchError
from pigbench.store import Store


@dataclass(frozen=True)
class PairSet:
    """The pairs of one folder, in the order of their stems, and what was found in them."""

    directory: Path
    pairs: list[Pair]
    facts: list[Facts]

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def content(self) -> str:
        """The hash of all files' bytes in that order, 32 hexadecimal digits; the names do not matter."""
        hashes = [(fact.image_sha256, fact.mask_sha256) for fact in self.facts]
        return hashlib.sha256(json.dumps(hashes).encode()).hexdigest()[:32]


def read_folder(directory: Path, classes: tuple[str, ...] = LESION, progress: Progress | None = None) -> PairSet:
    """The pairs of `directory`/images and `directory`/masks, which of several classes are label maps.

    Raises PigbenchError for all that is wrong with them.
    """
    problems = Problems()
    pairs = find_pairs(directory / "images", directory / "masks", problems)
    read = inspect(_AsSaved(classes), [pair.found(None) for pair in pairs], problems, progress)
    problems.raise_any()
    return PairSet(directory, pairs, [facts for _, facts in read])


class _AsSaved(Importer):
    """Reads pairs: nothing can be said of how."""

    classes: tuple[str, ...] = LESION  # type: ignore[assignment]
    needs_all_classes = False  # a generator may never draw a rare one

    def __init__(self, classes: tuple[str, ...]) -> None:
        super().__init__(Config())
        self.classes = classes

    def find(self, path: Path, problems: Problems) -> list[Found]:
        raise NotImplementedError

    def image(self, data: bytes, inside: str) -> np.ndarray:
        return decode(data)

    def mask(self, data: bytes, inside: str, shape: tuple[int, int]) -> np.ndarray:
        return _mask(data, len(self.classes))


def _mask(data: bytes, classes: int) -> np.ndarray:
    """As saved; of several classes a label map. Raises UnusableError for other labels."""
    if classes == 1:
        return grey(data)
    found = labels(data)
    if found.max() > classes:
        raise UnusableError(f"a label map with {found.max()}, where the dataset has 1 to {classes}")
    return found.astype(np.uint8)


def register(store: Store, found: PairSet) -> None:
    """Leave word in the store of where the pairs are; a set of the same content may have moved."""
    files = [
        [str(pair.image), str(pair.masks[0]), fact.image_sha256, fact.mask_sha256]
        for pair, fact in zip(found.pairs, found.facts, strict=True)
    ]
    target = _listing(store.root, found.content)
    target.parent.mkdir(exist_ok=True)
    with store.building() as building:
        (building / target.name).write_text(json.dumps(files), encoding="utf-8")
        hide(building / target.name)
        (building / target.name).replace(target)


def read_registered(
    store_root: Path, content: str, classes: int = 1
) -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
    """Of every pair its number, the number of all, the image, uint8 or uint16, and the mask, a label map (h, w) uint8.

    Raises PigbenchError if a file is gone or its bytes are not those that were registered.
    """
    try:
        files = json.loads(_listing(store_root, content).read_bytes())
    except (OSError, ValueError):
        raise PigbenchError(f"pairs {content[:8]} are not registered in this store: evaluate them again") from None
    for number, (image, mask, image_sha256, mask_sha256) in enumerate(files):
        pixels = decode(_verified(f"the image of pair {number}", image, image_sha256))
        found = _mask(_verified(f"the mask of pair {number}", mask, mask_sha256), classes)
        yield number, len(files), pixels, binary(found)[0] if classes == 1 else found


def _listing(store_root: Path, content: str) -> Path:
    return store_root / "pairs" / f"{content}.json"


def _verified(what: str, file: str, sha256: str) -> bytes:
    """The file's bytes. Errors name no file: they reach records, and files may be named after patients."""
    try:
        data = Path(file).read_bytes()
    except OSError as error:
        raise PigbenchError(f"{what}, in the order of names, cannot be read ({error.strerror})") from None
    if digest(data) != sha256:
        raise PigbenchError(f"{what}, in the order of names, has changed since it was looked at: evaluate again")
    return data
