from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pigbench.data.duplicates import groups, signature
from pigbench.data.importers.base import Found, Problems, UnusableError
from pigbench.data.importers.busi import Busi, BusiOptions
from pigbench.errors import PigbenchError

MASK = np.zeros((40, 60), bool)
MASK[5:9, 10:20] = True


def picture(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 255, (8, 12), dtype=np.uint8)
    return np.kron(coarse, np.ones((5, 5), np.uint8))


def save(file: Path, pixels: np.ndarray, mode: str | None = None) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(file)


@pytest.fixture
def busi(tmp_path) -> Path:
    """Benign 1, 2 and 10 in colour mode, the second with two masks; malignant 1, a copy of benign 2; normal 1."""
    root = tmp_path / "Dataset_BUSI_with_GT"
    for seed, (kind, number) in enumerate([("benign", 1), ("benign", 2), ("benign", 10), ("normal", 1)]):
        save(root / kind / f"{kind} ({number}).png", picture(seed), "RGB")
        save(root / kind / f"{kind} ({number})_mask.png", MASK if kind != "normal" else MASK & False)
    save(root / "benign" / "benign (2)_mask_1.png", MASK[::-1])
    save(root / "malignant" / "malignant (1).png", (picture(1) * 0.9).astype(np.uint8), "RGB")
    save(root / "malignant" / "malignant (1)_mask.png", (MASK * 255).astype(np.uint8), "RGB")
    return root


def find(root: Path, **options) -> tuple[Busi, list[Found], dict[str, list[str]]]:
    importer, problems = Busi(BusiOptions(**options)), Problems()
    return importer, importer.find(root, problems), dict(problems.items())


def image_of(importer: Busi, case: Found) -> np.ndarray:
    return importer.image(case.image.file.read_bytes(), case.image.inside)


def test_pictures_come_by_class_and_number_without_patients(busi):
    _, cases, problems = find(busi)
    assert not problems
    names = ["benign/benign (1)", "benign/benign (2)", "benign/benign (10)", "malignant/malignant (1)"]
    assert [case.name for case in cases] == names
    assert {case.patient for case in cases} == {None}
    assert [case.about for case in cases] == [{"class": "benign"}] * 3 + [{"class": "malignant"}]
    assert find(busi.parent)[1] == cases  # the folder that the archive unpacks to, or the one around it


def test_normal_pictures_come_with_empty_masks_when_asked_for(busi):
    importer, cases, _ = find(busi, keep_normal=True)
    assert cases[-1].name == "normal/normal (1)" and cases[-1].about == {"class": "normal"}
    (mask,) = cases[-1].masks
    assert not importer.mask(mask.file.read_bytes(), "", (40, 60)).any()


def test_pixels_and_all_masks_are_read(busi):
    importer, cases, _ = find(busi)
    for seed, case in enumerate(cases[:3]):
        np.testing.assert_array_equal(image_of(importer, case), picture(seed))
    masks = [importer.mask(part.file.read_bytes(), "", (40, 60)) for part in cases[1].masks]
    np.testing.assert_array_equal(sum(mask != 0 for mask in masks), MASK | MASK[::-1])


def deep_colour() -> bytes:
    """A PNG of one pixel, 16 bits a channel, which Pillow cannot write."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" + struct.pack(">HHH", 1000, 2000, 3000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_colour_is_read_as_luminance_but_deep_colour_is_not_flattened(busi):
    marked = np.repeat(picture(0)[..., None], 3, axis=2)
    marked[0, 0] = 255, 0, 0
    save(busi / "benign" / "benign (1).png", marked)
    importer, cases, _ = find(busi)
    image = image_of(importer, cases[0])
    assert image.dtype == np.uint8 and image[0, 0] == round(0.299 * 255)
    np.testing.assert_array_equal(image[1:], picture(0)[1:])
    with pytest.raises(UnusableError, match="16-bit"):
        importer.image(deep_colour(), "")


def test_copies_across_classes_fall_into_one_group(busi):
    importer, cases, _ = find(busi)
    assert importer.groups_near_duplicates
    assert groups([signature(image_of(importer, case)) for case in cases]) == [0, 1, 2, 1]


def test_lone_files_are_named_and_the_rest_goes_on(busi):
    (busi / "benign" / "benign (1)_mask.png").unlink()
    (busi / "benign" / "benign (2).png").unlink()
    (busi / "malignant" / "malignant (2)_mask.png").symlink_to(busi.parent / "away.png")
    _, cases, problems = find(busi)
    assert [case.name for case in cases] == ["benign/benign (10)", "malignant/malignant (1)"]
    assert problems["image without a mask"] == ["benign (1).png"]
    assert problems["mask without an image"] == ["benign (2)_mask.png", "benign (2)_mask_1.png"]
    assert problems["unusable file"][0].startswith("malignant/malignant (2)_mask.png (leads out")


def test_a_truncated_picture_says_so(busi):
    importer, cases, _ = find(busi)
    with pytest.raises(UnusableError, match="cannot be read"):
        importer.image(cases[0].image.file.read_bytes()[:-40], "")


def test_a_folder_that_is_not_busi_and_half_of_one(busi, tmp_path):
    with pytest.raises(PigbenchError, match="neither a folder benign/ nor malignant/"):
        find(busi / "benign")
    (busi / "malignant").rename(tmp_path / "gone")
    assert find(busi)[2] == {"no folder": ["malignant/"]}


def test_benign_and_malignant_can_be_two_classes(busi):
    importer, cases, _ = find(busi, by_class=True)
    assert importer.classes == ("benign", "malignant")
    found = {}
    for case in cases:
        part = case.masks[0]
        found.setdefault(case.about["class"], set()).update(
            np.unique(importer.mask(part.file.read_bytes(), part.inside, (40, 60))).tolist()
        )
    assert found == {"benign": {0, 1}, "malignant": {0, 2}}
