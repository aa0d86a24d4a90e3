"""Pairs that another tool made: which fold they serve, what tells them apart, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pigbench.contracts import Task
from pigbench.errors import PigbenchError
from pigbench.planning.configured import choose_segmenter
from pigbench.planning.external_pairs import GivenPairs, check_name, find_given
from pigbench.planning.plan import Plan, Request
from pigbench.planning.planner import make_plan
from pigbench.protocol import Protocol, load_preset

SEALS = ["a" * 16, "b" * 16, "c" * 16]


def write(
    folder: Path, stems: Sequence[str] = ("0", "1", "2"), size: int = 8, seed: int = 0, **manifest: object
) -> Path:
    """A folder of pairs: noise, and a square for a lesion; with a manifest, if there is anything to put in."""
    random = np.random.default_rng(seed)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for stem in stems:
        mask = np.zeros((size, size), np.uint8)
        mask[1:3, 1:3] = 255
        Image.fromarray(random.integers(0, 65535, (size, size), dtype=np.uint16)).save(folder / f"images/{stem}.png")
        Image.fromarray(mask).save(folder / f"masks/{stem}.png")
    if manifest:
        (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def find(directory: Path, fold_of: Path | None = None, resolution: int = 8) -> GivenPairs:
    return find_given(directory, fold_of, "tool", SEALS, Task(resolution))[0]


def plan(*pairs: GivenPairs, samples: int = 3) -> Plan:
    preset = load_preset("smoke")
    protocol = Protocol(preset=preset, dataset="phantom", dataset_identity="d", folds=3)
    segmenter = choose_segmenter("unet", preset.segmentation.network, {})
    return make_plan(Request(protocol, pairs, (samples,), (segmenter,), (0,)))


def keys(plan: Plan, stage: str) -> set[str]:
    return {node.key for node in plan.nodes() if node.stage == stage}


def test_the_seal_decides_the_fold_and_only_its_nodes_are_planned(tmp_path: Path) -> None:
    write(tmp_path / "fold-0", seal=SEALS[2])
    given = find(tmp_path)
    assert (list(given.folds), given.label, given.folds[2].count) == ([2], "tool", 3)
    planned = plan(given)
    assert [node.purpose.fold for node in planned.fidelities] == [2]
    assert [(n.purpose.fold, n.purpose.arm) for n in planned.measurements] == [
        (0, "real"),
        (1, "real"),
        (2, "real"),
        (2, "real+tool_3"),
    ]
    assert [node.spec["seal"] for node in planned.nodes() if node.stage == "adopt"] == [SEALS[2]]


def test_pairs_without_a_manifest_serve_every_fold_and_are_marked(tmp_path: Path) -> None:
    given = find(write(tmp_path / "flat"))
    planned = plan(given)
    assert given.label == "tool (UNSEALED)"
    assert len(keys(planned, "adopt")) == 1
    fits = [node.inputs["fit"] for node in planned.measurements]
    synthetic = [node for node in fits if node.spec["n"]]
    assert [(n.purpose.fold, n.purpose.arm, n.spec["unsealed"]) for n in synthetic] == [
        (fold, "real+tool (UNSEALED)_3", True) for fold in range(3)
    ]
    assert not any("unsealed" in node.spec for node in fits if not node.spec["n"])
    assert "UNSEALED" in given.info(Task(8))["note"]


def test_a_flat_folder_takes_the_seal_but_not_the_preparation_of_a_manifest_elsewhere(tmp_path: Path) -> None:
    flat = write(tmp_path / "flat", size=6)
    manifest = write(tmp_path / "export", seal=SEALS[1], as_is=True) / "manifest.json"
    given = find(flat, manifest)
    assert {fold: (about.seal, about.as_is) for fold, about in given.folds.items()} == {1: (SEALS[1], False)}


def test_neither_name_nor_place_is_in_a_key_but_every_byte_and_the_seal_are(tmp_path: Path) -> None:
    first = find(write(tmp_path / "a", seal=SEALS[0]))
    same = find(write(tmp_path / "b", stems=("x", "y", "z"), seal=SEALS[0]))
    assert keys(plan(first), "adopt") == keys(plan(same), "adopt")
    renamed = replace(same, name="other")
    assert keys(plan(first), "fit") == keys(plan(renamed), "fit")
    assert plan(first).key != plan(renamed).key
    others = [write(tmp_path / "c", seed=1, seal=SEALS[0]), write(tmp_path / "d", seal=SEALS[0], as_is=True)]
    others += [write(tmp_path / "e", seal=SEALS[1]), write(tmp_path / "f")]
    adopted = [keys(plan(find(other)), "adopt").pop() for other in others]
    assert len({*adopted, *keys(plan(first), "adopt")}) == 5


def test_folds_evaluated_apart_have_one_signature_and_unsealed_contents_each_their_own(tmp_path: Path) -> None:
    sealed = [find(write(tmp_path / f"s{fold}", seed=fold, seal=SEALS[fold])).signature for fold in range(2)]
    bare = [find(write(tmp_path / f"u{fold}", seed=fold)).signature for fold in range(2)]
    assert sealed[0] == sealed[1]
    assert len({*sealed, *bare}) == 3


def refusal(directory: Path, fold_of: Path | None = None, resolution: int = 8) -> str:
    with pytest.raises(PigbenchError) as refused:
        find(directory, fold_of, resolution)
    return str(refused.value)


def test_manifests_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    foreign = write(tmp_path / "foreign", seal="d" * 16)
    assert "is of no fold of this run (seal " in refusal(foreign)
    own = write(tmp_path / "own", seal=SEALS[0])
    assert "different seals" in refusal(own, foreign / "manifest.json")
    mixed = tmp_path / "mixed"
    write(mixed / "fold-0", seal=SEALS[0])
    write(mixed / "fold-1")
    assert "fold-1 has no manifest.json" in refusal(mixed)
    assert "--fold-of is for" in refusal(mixed, own / "manifest.json")
    twice = tmp_path / "twice"
    write(twice / "fold-0", seal=SEALS[0])
    write(twice / "fold-1", seal=SEALS[0])
    assert "more than one folder has the seal of fold 0" in refusal(twice)
    write(tmp_path / "many" / "fold-3")
    assert "the folds are 0 to 2" in refusal(tmp_path / "many")
    (own / "manifest.json").write_text("[]")
    assert "is no manifest of a fold" in refusal(own)
    sized = write(tmp_path / "sized", size=9, seal=SEALS[0], as_is=True)
    assert "9×9" in refusal(sized)


def test_faulty_files_are_named(tmp_path: Path) -> None:
    assert "no such directory" in refusal(tmp_path / "nowhere")
    assert "image folder" in refusal(tmp_path)
    bare = write(tmp_path / "bare")
    for mask in (bare / "masks").iterdir():
        mask.unlink()
    assert "holds no PNG" in refusal(bare)
    faulty = write(tmp_path / "faulty", stems="abcd")
    Image.fromarray(np.full((8, 8), 7, np.uint8)).save(faulty / "images/a.png")
    Image.fromarray(np.zeros((9, 8), np.uint8)).save(faulty / "masks/b.png")
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(faulty / "masks/c.png")
    (faulty / "images/d.png").write_bytes(b"nothing")
    said = refusal(faulty)
    for fault in (
        "constant image: a.png",
        "differ in size: b (8×8",
        "mask that is smoothed: c.png",
        "unusable file: images/d.png",
    ):
        assert fault in said


def test_names() -> None:
    check_name("my-GAN_1.2")
    for name in ("ddpm", "a b", "", ".hidden", "real+x"):
        with pytest.raises(PigbenchError, match="--name"):
            check_name(name)


def test_pairs_can_be_declared_ready_by_whoever_hands_them_in(tmp_path: Path) -> None:
    folder = write(tmp_path / "ready", seal=SEALS[0])
    given, _ = find_given(folder, None, "tool", SEALS, Task(8), as_is=True)
    prepared, _ = find_given(folder, None, "tool", SEALS, Task(8))
    assert given.folds[0].as_is
    assert not prepared.folds[0].as_is
    assert "taken as they are" in given.info(Task(8))["note"]
    assert "as real images are" in prepared.info(Task(8))["note"]
    with pytest.raises(PigbenchError, match="to be taken as they are"):
        find_given(folder, None, "tool", SEALS, Task(16), as_is=True)
