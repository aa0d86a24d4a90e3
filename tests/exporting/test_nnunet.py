from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from pigbench.contracts import seal
from pigbench.data.importers.base import Problems
from pigbench.data.importers.nnunet import NnUNet, NnUNetOptions
from pigbench.data.phantom.dataset import Phantom
from pigbench.data.prepare import Prepared, prepare
from pigbench.data.splits import make_folds, subset
from pigbench.errors import PigbenchError
from pigbench.exporting.nnunet import export_nnunet, nnunet_nodes
from pigbench.stages.node import Node, Purpose, node
from pigbench.stages.prepare import STAGE as PREPARE
from pigbench.stages.prepare import PrepareSpec
from pigbench.stages.split import STAGE as SPLIT
from pigbench.stages.split import SplitSpec
from pigbench.store import Store

SIDE, FOLDS, CHUNK = 16, 2, 3


def publish(store: Store, made: Node, write) -> None:
    with store.building() as directory:
        write(directory)
        store.publish(made.stage, made.key, directory, {"spec": made.spec})


@pytest.fixture
def run(tmp_path) -> SimpleNamespace:
    """What a run left: four patients' cases, two folds, and two chunks of three noise pairs for each fold."""
    store, source = Store(tmp_path / "store"), Phantom(patients=4)
    prepared = node(PREPARE, PrepareSpec(dataset="d" * 16, resolution=SIDE))
    split = node(SPLIT, SplitSpec(dataset="d" * 16, folds=FOLDS, seed=0))
    folds = make_folds(source.cases(), FOLDS, 0)
    publish(store, prepared, lambda out: prepare(source, SIDE, out))
    publish(store, split, lambda out: (out / "folds.json").write_text(json.dumps(folds)))
    patients = {case.patient_id for case in source.cases()}
    chunks = []
    for fold in range(FOLDS):
        sealed = seal("d" * 16, sorted(patients - set(folds[fold])))
        for number in range(2):
            inputs = {"prepared": prepared, "split": split}
            chunk = Node("sample", f"{fold}{number}" * 16, {}, inputs, Purpose("noise", chunk=number, fold=fold))
            publish(store, chunk, lambda out, s=sealed, seed=10 * fold + number: write_chunk(out, s, seed))
            chunks.append(chunk)
    real = Prepared(store.entry("prepare", prepared.key).path)
    return SimpleNamespace(store=store, chunks=chunks, folds=folds, real=real, out=tmp_path / "Dataset501_Noise")


def write_chunk(out: Path, sealed: str, seed: int, masks: bool = True) -> None:
    stream = np.random.default_rng(seed)
    np.save(out / "images.npy", stream.integers(0, 65536, (CHUNK, 1, SIDE, SIDE), dtype=np.uint16))
    if masks:
        np.save(out / "masks.npy", stream.integers(0, 2, (CHUNK, 1, SIDE, SIDE), dtype=np.uint8))
    (out / "chunk.json").write_text(json.dumps({"seal": sealed}))


def test_pairs_of_a_subset_come_with_its_real_cases(run):
    for fold, held_out in enumerate(run.folds):
        others = {patient for patients in run.folds for patient in patients} - set(held_out)
        (one,) = subset(others, 1, 0, fold)
        chunk = run.chunks[2 * fold]
        made = Node("sample", f"s{fold}" * 12, {"train_patients": 1}, chunk.inputs, chunk.purpose)
        sealed = seal("d" * 16, [one])
        publish(run.store, made, lambda out, s=sealed: write_chunk(out, s, 0))
        export_nnunet([made], 2, run.store, run.out.with_name(f"fold{fold}"))
        listed = json.loads((run.out.with_name(f"fold{fold}") / "splits_final.json").read_text())[fold]
        real = [name for name in listed["train"] if "_fold" not in name]
        whose = dict(zip(run.real.case_ids, run.real.patients, strict=True))
        assert {whose[name] for name in real} == {one} and len(listed["train"]) == len(real) + 2


def replaced(run: SimpleNamespace, **changes) -> list[Node]:
    """The chunks with the last one replaced by one written otherwise."""
    last = run.chunks[-1]
    other = Node("sample", "other" * 6, {}, last.inputs, last.purpose)
    publish(run.store, other, lambda out: write_chunk(out, **{"sealed": "x", "seed": 0, **changes}))
    return [*run.chunks[:-1], other]


def test_what_must_be_computed_is_the_chunks_and_what_they_were_made_from(run):
    nodes = nnunet_nodes(run.chunks)
    assert sorted(made.stage for made in nodes) == ["prepare"] + ["sample"] * 4 + ["split"]


def test_real_cases_and_pairs_come_back_bit_for_bit_through_the_importer(run):
    exported = export_nnunet(run.chunks, 5, run.store, run.out)
    assert (exported.real, exported.generated) == (len(run.real.case_ids), 10)
    importer, problems = NnUNet(NnUNetOptions()), Problems()
    found = {case.name: case for case in importer.find(run.out, problems)}
    assert not len(problems) and len(found) == exported.real + exported.generated

    def read(name: str) -> tuple[np.ndarray, np.ndarray]:
        image, (mask,) = found[name].image, found[name].masks
        pixels = importer.image(image.file.read_bytes(), image.inside)
        return pixels, importer.mask(mask.file.read_bytes(), mask.inside, pixels.shape)

    for row, case in enumerate(run.real.case_ids):
        for got, expected in zip(read(case), (run.real.images[row, 0], run.real.masks[row, 0]), strict=True):
            np.testing.assert_array_equal(got, expected)
    second = run.store.entry("sample", run.chunks[3].key).path  # the second chunk of fold 1
    for got, file in zip(read("noise_fold1_00004"), ("images.npy", "masks.npy"), strict=True):
        np.testing.assert_array_equal(got, np.load(second / file)[1, 0])


def test_generated_pairs_stand_in_the_training_list_of_their_own_fold_alone(run):
    export_nnunet(run.chunks, 4, run.store, run.out)
    splits = json.loads((run.out / "splits_final.json").read_text())
    owner = dict(zip(run.real.case_ids, run.real.patients, strict=True))
    assert len(splits) == FOLDS
    for fold, (split, held_out) in enumerate(zip(splits, run.folds, strict=True)):
        assert {name for name in split["train"] if name not in owner} == {f"noise_fold{fold}_{i:05}" for i in range(4)}
        assert {owner[name] for name in split["val"]} == set(held_out)
        assert {owner[name] for name in split["train"] if name in owner} == set(owner.values()) - set(held_out)
        assert set(owner) <= {*split["train"], *split["val"]}
    files = {file.stem for file in (run.out / "labelsTr").iterdir()}
    assert files == {name for split in splits for part in split.values() for name in part}


def test_the_description_is_true(run):
    export_nnunet(run.chunks, 6, run.store, run.out)
    about = json.loads((run.out / "dataset.json").read_text())
    images, labels = sorted((run.out / "imagesTr").iterdir()), sorted((run.out / "labelsTr").iterdir())
    assert about["numTraining"] == len(images) == len(labels)
    assert about["labels"] == {"background": 0, "lesion": 1} and list(about["channel_names"]) == ["0"]
    assert {file.name.removesuffix("_0000.png") for file in images} == {file.stem for file in labels}
    assert {Image.open(file).mode for file in images} == {"I;16"}
    assert {value for file in labels for value in np.unique(Image.open(file))} == {0, 1}
    manifest = json.loads((run.out / "pigbench.json").read_text())
    assert [fold["generated"] for fold in manifest["folds"]] == [6, 6]
    assert len({fold["seal"] for fold in manifest["folds"]}) == FOLDS


def test_one_fold_alone_leaves_the_others_real(run):
    only = [chunk for chunk in run.chunks if chunk.purpose.fold == 1]
    assert export_nnunet(only, 2, run.store, run.out).generated == 2
    splits = json.loads((run.out / "splits_final.json").read_text())
    assert not any(name.startswith("noise") for name in splits[0]["train"])
    assert sum(name.startswith("noise") for name in splits[1]["train"]) == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [({}, "other patients"), ({"masks": False}, "no masks"), (None, "2 of its fold's 8 pairs are missing")],
)
def test_what_cannot_be_exported_leaves_nothing_behind(run, changes, said):
    chunks, n = (run.chunks, 8) if changes is None else (replaced(run, **changes), 6)
    with pytest.raises(PigbenchError, match=said):
        export_nnunet(chunks, n, run.store, run.out)
    assert {child.name for child in run.out.parent.iterdir()} == {"store"}


def test_several_generators_are_refused(run):
    other = Node("sample", "other" * 6, {}, run.chunks[0].inputs, Purpose("else", chunk=0, fold=0))
    with pytest.raises(PigbenchError, match="not else, noise"):
        export_nnunet([*run.chunks, other], 2, run.store, run.out)


def test_nothing_is_overwritten(run):
    run.out.mkdir()
    export_nnunet(run.chunks, 1, run.store, run.out)  # an empty directory is not in the way
    before = sorted(run.out.rglob("*"))
    with pytest.raises(PigbenchError, match="overwrites nothing"):
        export_nnunet(run.chunks, 2, run.store, run.out)
    assert sorted(run.out.rglob("*")) == before
