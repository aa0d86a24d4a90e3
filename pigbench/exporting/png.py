"""Generated samples as PNG files, one folder a generator and fold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from pigbench.contracts import LESION
from pigbench.contracts.arrays import as_picture
from pigbench.data.fold_manifests import write_json
from pigbench.data.pixels import as_saved
from pigbench.errors import PigbenchError
from pigbench.stages.node import Node
from pigbench.stages.sample import Samples, load_images, load_masks
from pigbench.store import Store


def check_empty(directory: Path) -> None:
    """Raises PigbenchError if something is in the way: an export overwrites nothing."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise PigbenchError(f"{directory} is not empty: an export overwrites nothing, name a new directory")


@contextmanager
def written_whole(out: Path) -> Iterator[Path]:
    """The directory to write in, which becomes `out` at the end of the block; nothing is left where that fails."""
    check_empty(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out.parent) as unfinished:
        directory = Path(unfinished) / "out"
        directory.mkdir()
        yield directory
        if out.exists():
            out.rmdir()
        directory.rename(out)


def export_samples(nodes: list[Node], n: int, store: Store, out: Path) -> int:
    """Write the first n samples of each generator and fold, all of them or nothing; how many were written."""
    groups: dict[tuple[str, int | None], list[Node]] = defaultdict(list)
    for node in nodes:
        groups[node.purpose.what, node.purpose.fold].append(node)
    with written_whole(out) as unfinished:
        for (generator, fold), chunks in groups.items():
            ordered = sorted(chunks, key=lambda node: node.purpose.chunk or 0)
            _export_fold(ordered, n, store, unfinished / generator / f"fold-{fold}")
    return n * len(groups)


def as_file(image: np.ndarray) -> np.ndarray:
    """An image (C, R, R) uint16 as PNG files have it: grey of 16 bits (R, R), colour of 8 (R, R, 3)."""
    picture = as_picture(image)
    return picture if picture.ndim == 2 else np.rint(picture / 257).astype(np.uint8)


def _export_fold(chunks: list[Node], n: int, store: Store, directory: Path) -> None:
    from PIL import Image

    samples = [Samples(store.open(node.stage, node.key).path) for node in chunks]
    if len(seals := {part.seal for part in samples}) > 1:
        raise PigbenchError(f"{chunks[0].label}: samples of {len(seals)} seals do not belong together")
    images, masks = load_images(samples, n), load_masks(samples, n)
    (directory / "images").mkdir(parents=True)
    for number, image in enumerate(images):
        Image.fromarray(as_file(image)).save(directory / "images" / f"{number:05}.png")
    if masks is not None:
        (directory / "masks").mkdir()
        classes = len(chunks[0].spec.get("classes", LESION))
        for number, mask in enumerate(masks):
            Image.fromarray(as_saved(mask[0], classes)).save(directory / "masks" / f"{number:05}.png")
    manifest = {
        "seal": samples[0].seal,
        "as_is": True,
        "draws": True,
        "samples": len(images),
        "chunks": [node.key for node in chunks],
    }
    write_json(directory / "manifest.json", manifest)
