"""Stage `adopt`: another tool's files as a chunk of samples, and a segmenter that takes them only where it is told."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from pigbench.data.external_pairs import read_folder, register
from pigbench.data.prepare import prepare_case
from pigbench.errors import PigbenchError
from pigbench.stages import adopt
from pigbench.stages.fit import load_synthetic
from pigbench.stages.job import Job, StageFailed
from pigbench.stages.sample import Samples
from pigbench.store import Store


def write_pairs(folder: Path, size: int, dtype: type) -> list[tuple[np.ndarray, np.ndarray]]:
    """Three pairs whose names are not in the order of their making; returned in the order of their names."""
    random = np.random.default_rng(0)
    made = {}
    for stem in "bca":
        image = random.integers(0, np.iinfo(dtype).max, (size, size), dtype=dtype)
        mask = np.zeros((size, size), np.uint8)
        top = random.integers(0, size - 2)
        mask[top : top + 2] = 1
        made[stem] = image, mask
        for name, pixels in (("images", image), ("masks", mask * 255)):
            (folder / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / name / f"{stem}.png")
    return [made[stem] for stem in sorted(made)]


def job(tmp_path: Path, as_is: bool, resolution: int = 8, seal: str = "s", draws: bool = True) -> Job:
    store = Store(tmp_path / "store")
    found = read_folder(tmp_path / "pairs")
    register(store, found)
    spec = adopt.AdoptSpec(content=found.content, as_is=as_is, draws=draws, seal=seal, resolution=resolution)
    out = tmp_path / "out"
    out.mkdir()
    return Job(spec, {}, "d", store.root, out, tmp_path / "checkpoints", 60.0, lambda share, text: None)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pairs_are_prepared_as_real_cases_are(dtype: type, tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "pairs", 20, dtype)
    adopt.STAGE.run(job(tmp_path, as_is=False))
    images, masks = np.load(tmp_path / "out/images.npy"), np.load(tmp_path / "out/masks.npy")
    assert (images.dtype, masks.dtype) == (np.uint16, np.uint8)
    assert images.shape == masks.shape == (3, 1, 8, 8)
    for index, pair in enumerate(pairs):
        image, mask = prepare_case(*pair, 8)
        np.testing.assert_array_equal(images[index, 0], image)
        np.testing.assert_array_equal(masks[index, 0], mask)
    assert json.loads((tmp_path / "out/chunk.json").read_text()) == {"seal": "s", "clipped_fraction": None}


@pytest.mark.parametrize(("dtype", "factor"), [(np.uint8, 257), (np.uint16, 1)])
def test_prepared_pairs_are_taken_as_they_are(dtype: type, factor: int, tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "pairs", 8, dtype)
    adopt.STAGE.run(job(tmp_path, as_is=True))
    images, masks = np.load(tmp_path / "out/images.npy"), np.load(tmp_path / "out/masks.npy")
    np.testing.assert_array_equal(images[:, 0], [image.astype(int) * factor for image, _ in pairs])
    np.testing.assert_array_equal(masks[:, 0], [mask for _, mask in pairs])


def test_a_file_that_has_changed_or_gone_is_refused_without_its_name(tmp_path: Path) -> None:
    write_pairs(tmp_path / "pairs", 8, np.uint8)
    work = job(tmp_path, as_is=True)
    changed = tmp_path / "pairs/masks/b.png"
    changed.write_bytes(changed.read_bytes() + b"\0")
    with pytest.raises(PigbenchError, match="the mask of pair 1, in the order of names, has changed") as refused:
        adopt.STAGE.run(work)
    assert str(tmp_path) not in str(refused.value)
    (tmp_path / "pairs/images/a.png").unlink()
    with pytest.raises(PigbenchError, match="the image of pair 0, in the order of names, cannot be read"):
        adopt.STAGE.run(work)


def test_unsealed_pairs_are_let_in_only_where_the_plan_says_so(tmp_path: Path) -> None:
    write_pairs(tmp_path / "pairs", 8, np.uint8)
    adopt.STAGE.run(job(tmp_path, as_is=True, seal="UNSEALED"))

    def synthetic(**spec: object) -> int:
        told = SimpleNamespace(**{"n": 2, "filtered": False, "unsealed": False} | spec)
        segment = SimpleNamespace(spec=told, results=lambda role: [Samples(tmp_path / "out")])
        return len(load_synthetic(segment, "the fold's").images)  # type: ignore[arg-type]

    assert synthetic(unsealed=True) == 2
    with pytest.raises(StageFailed, match="sealed UNSEALED met a fold sealed the fold's"):
        synthetic()
    (tmp_path / "out/chunk.json").write_text(json.dumps({"seal": "another's", "clipped_fraction": 0.0}))
    with pytest.raises(StageFailed, match="sealed another's"):
        synthetic(unsealed=True)


def test_pairs_that_are_no_draws_are_put_in_an_order_of_chance_that_stays(tmp_path: Path) -> None:
    write_pairs(tmp_path / "pairs", 8, np.uint8)
    orders = []
    for draws in (True, False, False):
        adopt.STAGE.run(job(tmp_path, as_is=True, draws=draws))
        loaded = [np.load(tmp_path / f"out/{name}.npy") for name in ("images", "masks")]
        orders.append([pair.tobytes() for pair in loaded[0]])
        assert sorted(orders[0]) == sorted(orders[-1])
        (tmp_path / "out").rename(tmp_path / f"out-{len(orders)}")
    assert orders[1] == orders[2] != orders[0]


def test_pairs_in_colour_with_classes_are_label_maps_and_grey_ones_are_grey_in_three_channels(tmp_path: Path) -> None:
    colour = np.random.default_rng(0).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    labels = np.arange(64, dtype=np.uint8).reshape(8, 8) % 3
    for stem, image in (("a", colour), ("b", colour[..., 0])):
        for name, pixels in (("images", image), ("masks", labels)):
            (tmp_path / "pairs" / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / "pairs" / name / f"{stem}.png")
    store = Store(tmp_path / "store")
    found = read_folder(tmp_path / "pairs", ("gland", "nucleus"))
    register(store, found)
    told = {"as_is": True, "draws": True, "seal": "s", "resolution": 8, "channels": 3, "classes": 2}
    (out := tmp_path / "out").mkdir()
    spec = adopt.AdoptSpec(content=found.content, **told)
    adopt.STAGE.run(Job(spec, {}, "d", store.root, out, tmp_path / "kept", 60.0, lambda share, text: None))
    images, masks = np.load(out / "images.npy"), np.load(out / "masks.npy")
    np.testing.assert_array_equal(images[0], np.moveaxis(colour, -1, 0).astype(int) * 257)
    assert (images[1] == images[1, :1]).all() and images.shape == (2, 3, 8, 8)
    np.testing.assert_array_equal(masks, [labels[None]] * 2)
