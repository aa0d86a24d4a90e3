"""Real cases and generated pairs as one raw dataset of nnU-Net, with folds in which nothing leaks.

OUT/imagesTr/ID_0000.png, OUT/labelsTr/ID.png   grey of 16 bits, or RGB of 8; label maps, 0 the background
OUT/dataset.json, OUT/splits_final.json         as nnU-Net version 2 has them
OUT/pigbench.json                               the seal of each fold, and what was exported for it

Real cases are the prepared ones, at the generated pairs' resolution and scale, named by their ids in the records. The
pairs made from fold K's training patients stand in fold K's training list alone, and only real cases are validated on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pigbench.contracts import LESION, seal
from pigbench.data.fold_manifests import nnunet_fold, write_json
from pigbench.data.splits import subset
from pigbench.errors import PigbenchError
from pigbench.exporting.png import as_file, written_whole
from pigbench.stages.node import Node
from pigbench.stages.prepare import PreparedSet
from pigbench.stages.sample import Samples
from pigbench.stages.split import Folds
from pigbench.store import Entry, Store


@dataclass(frozen=True)
class Exported:
    """How many cases were written."""

    real: int
    generated: int


def nnunet_nodes(chunks: list[Node]) -> list[Node]:
    """What must be computed before `export_nnunet`: the chunks, the real cases and the folds."""
    needed = {node.key: node for chunk in chunks for node in (chunk, chunk.inputs["prepared"], chunk.inputs["split"])}
    return list(needed.values())


def export_nnunet(chunks: list[Node], n: int, store: Store, out: Path) -> Exported:
    """Write the real cases and the first n pairs of each fold, all of it or nothing.

    chunks: the `sample` nodes of one generator and seed; folds without any get real cases alone. Raises PigbenchError
    if `out` is not empty, or the chunks are of several generators, without masks or made from other patients.
    """
    if len(generators := {chunk.purpose.what for chunk in chunks}) != 1:
        raise PigbenchError(f"one generator makes one nnU-Net dataset, not {', '.join(sorted(generators)) or 'none'}")
    with written_whole(out) as unfinished:
        return _write(chunks, n, store, unfinished)


def _write(chunks: list[Node], n: int, store: Store, out: Path) -> Exported:
    for folder in ("imagesTr", "labelsTr"):
        (out / folder).mkdir()
    generator, inputs = chunks[0].purpose.what, chunks[0].inputs
    dataset = _opened(inputs["prepared"], store)
    real = PreparedSet(dataset.path).prepared
    for case, image, mask in zip(real.case_ids, real.images, real.masks, strict=True):
        _write_case(out, case, image, mask)
    splits: list[dict[str, list[str]]] = []
    folds: list[dict[str, Any]] = []
    all_held_out = Folds(_opened(inputs["split"], store).path).held_out
    size, split_seed = chunks[0].spec.get("train_patients"), inputs["split"].spec["seed"]
    for fold, held_out in enumerate(all_held_out):
        own = sorted((node for node in chunks if node.purpose.fold == fold), key=lambda node: node.purpose.chunk or 0)
        others = {patient for patients in all_held_out for patient in patients} - set(held_out)
        training = subset(others, size, split_seed, fold)
        fold_seal = seal(dataset.manifest["spec"]["dataset"], training)
        made = []
        for number, (image, mask) in enumerate(_pairs(own, n, store, fold_seal)):
            made.append(f"{generator}_fold{fold}_{number:05}")
            _write_case(out, made[-1], image, mask)
        splits.append(nnunet_fold(real.case_ids, real.patients, held_out, training))
        splits[-1]["train"] += made  # never validated on
        folds.append({"fold": fold, "seal": fold_seal, "generated": len(made), "chunks": [node.key for node in own]})
    exported = Exported(len(real.case_ids), sum(fold["generated"] for fold in folds))
    write_json(out / "splits_final.json", splits)
    write_json(out / "dataset.json", _description(generator, exported, chunks[0].spec))
    write_json(out / "pigbench.json", {"generator": generator, "folds": folds})
    return exported


def _pairs(chunks: list[Node], n: int, store: Store, expected: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The first n pairs of successive chunks, one chunk in memory at a time: images (C, R, R) uint16,
    masks (1, R, R) uint8."""
    left = n
    for node in chunks:
        samples = Samples(_opened(node, store).path)
        images, masks = samples.images, samples.masks
        if masks is None:
            raise PigbenchError(f"{node.purpose.what} makes no masks: nnU-Net learns from pairs")
        if samples.seal != expected:
            raise PigbenchError(f"{node.label} was made from other patients than its fold's; nothing is exported")
        yield from zip(images[:left], masks[:left], strict=True)
        left -= min(left, len(images))
    if chunks and left:
        raise PigbenchError(f"{chunks[0].label}: {left} of its fold's {n} pairs are missing")


def _opened(node: Node, store: Store) -> Entry:
    return store.open(node.stage, node.key)


def _write_case(out: Path, name: str, image: np.ndarray, mask: np.ndarray) -> None:
    from PIL import Image

    Image.fromarray(as_file(image)).save(out / "imagesTr" / f"{name}_0000.png")
    Image.fromarray(mask[0]).save(out / "labelsTr" / f"{name}.png")


def _description(generator: str, exported: Exported, spec: Mapping[str, Any]) -> dict[str, Any]:
    names = ["grey"] if spec.get("channels", 1) == 1 else ["R", "G", "B"]
    classes = spec.get("classes", LESION)
    return {
        "channel_names": {str(number): name for number, name in enumerate(names)},
        "labels": {"background": 0} | {name: label for label, name in enumerate(classes, start=1)},
        "numTraining": exported.real + exported.generated,
        "file_ending": ".png",
        "description": f"{exported.real} real cases and {exported.generated} pairs by {generator}; "
        "copy splits_final.json into nnUNet_preprocessed before training, or the generated pairs leak",
    }
