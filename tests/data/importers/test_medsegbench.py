from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pigbench.data.importers.base import Found, Problems, UnusableError
from pigbench.data.importers.medsegbench import MedSegBench, MedSegBenchOptions
from pigbench.errors import PigbenchError

COUNTS = {"train": 5, "val": 2, "test": 3}


def arrays(dtype=np.uint8, labels: int = 1, channels: int | None = None, seed: int = 0) -> dict[str, np.ndarray]:
    stream, made = np.random.default_rng(seed), {}
    for split, count in COUNTS.items():
        pixels = stream.integers(0, np.iinfo(dtype).max, (count, 12, 10), dtype=dtype)
        made[f"{split}_images"] = pixels if channels is None else np.repeat(pixels[..., None], channels, axis=3)
        mask = np.zeros((count, 12, 10), np.uint8)
        for label in range(1, labels + 1):
            mask[:, 2 * label : 2 * label + 2, 3:6] = label
        made[f"{split}_label"] = mask
    return made


def save(file: Path, made: dict[str, np.ndarray], compressed: bool = True) -> Path:
    (np.savez_compressed if compressed else np.savez)(file, **made)
    return file


def find(file: Path, **options) -> tuple[MedSegBench, list[Found], dict[str, list[str]]]:
    importer, problems = MedSegBench(MedSegBenchOptions(**options)), Problems()
    return importer, importer.find(file, problems), dict(problems.items())


def read(importer: MedSegBench, case: Found) -> tuple[np.ndarray, np.ndarray]:
    data = case.image.file.read_bytes()
    image = importer.image(data, case.image.inside)
    return image, importer.mask(data, case.masks[0].inside, image.shape)


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("channels", [None, 1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_picture_and_mask_comes_back(tmp_path, compressed, channels, dtype):
    made = arrays(dtype, channels=channels)
    importer, cases, problems = find(save(tmp_path / "busi_128.npz", made, compressed))
    assert not problems and [case.about["split"] for case in cases] == [s for s, n in COUNTS.items() for _ in range(n)]
    assert all(case.patient is None for case in cases) and importer.groups_near_duplicates
    for case in reversed(cases):
        split, number = case.name.split()
        image, mask = read(importer, case)
        expected = made[f"{split}_images"][int(number)]
        assert image.dtype == dtype and image.shape == (12, 10)
        np.testing.assert_array_equal(image, expected if channels is None else expected[..., 0])
        np.testing.assert_array_equal(mask, made[f"{split}_label"][int(number)])


def test_labels_are_chosen(tmp_path):
    file = save(tmp_path / "wbc.npz", arrays(labels=3))
    for foreground, area in (("1", 6), ("1,3", 12), ("any", 18)):
        importer, cases, _ = find(file, foreground=foreground)
        mask = read(importer, cases[0])[1]
        assert mask.dtype == np.uint8 and mask.max() == 1 and mask.sum() == area
    importer, cases, _ = find(file)
    assert set(np.unique(read(importer, cases[0])[1])) == {0, 1, 2, 3}  # which is refused further on
    with pytest.raises(PigbenchError, match="give numbers"):
        find(file, foreground="nucleus")


def test_a_category_has_its_own_masks_and_perhaps_the_same_pictures(tmp_path):
    made = arrays()
    for split, count in COUNTS.items():
        made[f"{split}_label_C1"] = np.ones((count, 12, 10), np.uint8)
    importer, cases, _ = find(save(tmp_path / "idrib.npz", made), category="C1")
    image, mask = read(importer, cases[0])
    assert mask.all() and (image == made["train_images"][0]).all()
    with pytest.raises(PigbenchError, match="no train_images_C9 and train_label_C9"):
        save(tmp_path / "other.npz", {"x": np.zeros(3)})
        find(tmp_path / "other.npz", category="C9")


def test_colour_is_kept_for_the_picture_that_has_it(tmp_path):
    made = arrays(channels=3)
    made["train_images"][0, 0, 0] = 1, 2, 3
    importer, cases, _ = find(save(tmp_path / "kvasir.npz", made))
    assert read(importer, cases[0])[0].shape == (12, 10, 3)
    assert read(importer, cases[1])[0].shape == (12, 10)


def test_labels_can_be_classes(tmp_path):
    made = arrays()
    made["train_label"][0].flat[:6] = [0, 1, 2, 3, 2, 1]
    importer, cases, _ = find(save(tmp_path / "set.npz", made), classes="organ=1-2,lesion=3-255")
    assert importer.classes == ("organ", "lesion")
    assert read(importer, cases[0])[1].flat[:6].tolist() == [0, 1, 1, 2, 1, 1]


def test_faults_of_arrays_are_named_and_the_rest_goes_on(tmp_path):
    made = arrays()
    made["train_label"] = made["train_label"][:4]
    made["val_label"] = made["val_label"][:, :6]
    del made["test_label"]
    _, cases, problems = find(save(tmp_path / "set.npz", made))
    assert not cases
    assert problems == {
        "images and masks differ in number": ["train (5 against 4)"],
        "no masks": ["val_label (2×6×10, uint8)"],
        "images without masks, or the reverse": ["test_images"],
    }
    _, _, problems = find(save(tmp_path / "deep.npz", arrays() | {"val_images": np.zeros((2, 12, 10))}))
    assert problems == {"no pictures": ["val_images (2×12×10, float64)"]}
    _, _, problems = find(save(tmp_path / "flat.npz", arrays() | {"val_images": np.array(3), "val_label": np.array(3)}))
    assert problems == {"no pictures": ["val_images (1, int64)"]}


def test_files_that_are_none_of_this_are_refused(tmp_path):
    whole = save(tmp_path / "busi.npz", arrays()).read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[:-50])
    for path, said in ((tmp_path / "cut.npz", "is not an npz file"), (tmp_path, "give one npz file")):
        with pytest.raises(PigbenchError, match=said):
            find(path)


def test_damage_inside_an_array_is_said(tmp_path):
    file = save(tmp_path / "busi.npz", arrays())
    importer, cases, _ = find(file)
    data = bytearray(file.read_bytes())
    data[300:600] = bytes(300)
    with pytest.raises(UnusableError, match="is not an npz file"):
        importer.image(bytes(data), cases[4].image.inside)
    with pytest.raises(UnusableError, match=r"has no train_images\[5\]"):
        importer.image(file.read_bytes(), "train_images[5]")
