"""What goes together by its name, in whatever way the files are laid out."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from pigbench.data.importers.base import Problems
from pigbench.data.importers.pairing import MaskNames, existing, find_pairs, patients_by_regex, patients_by_table
from pigbench.errors import PigbenchError

SUFFIX = MaskNames("_mask", several=False)


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def pairs(images: Path, masks: Path, names: MaskNames = MaskNames(several=False)) -> dict[str, list[str]]:  # noqa: B008
    """The names of every image's masks, where nothing is wrong."""
    problems = Problems()
    found = {pair.stem: [mask.name for mask in pair.masks] for pair in find_pairs(images, masks, problems, names)}
    problems.raise_any()
    return found


def test_a_mask_whose_image_is_missing_is_not_given_to_another(tmp_path: Path) -> None:
    root = touch(tmp_path, "images/P3.png", "masks/P3.png", "masks/P3_2.png")
    with pytest.raises(PigbenchError, match=r"image with further masks \(--merge-masks .*: P3 \(P3, P3_2\)"):
        pairs(root / "images", root / "masks")
    merged = pairs(root / "images", root / "masks", MaskNames(several=True))
    assert merged == {"P3": ["P3.png", "P3_2.png"]}


def test_an_image_with_further_masks_is_left_out_rather_than_halved(tmp_path: Path) -> None:
    root = touch(tmp_path, "images/a.png", "images/b.png", "masks/a.png", "masks/a_1.png", "masks/b.png", "masks/c.png")
    problems = Problems()
    found = find_pairs(root / "images", root / "masks", problems, MaskNames(several=False))
    assert [pair.stem for pair in found] == ["b"]
    assert dict(problems.items()) == {
        "mask without an image of the same stem": ["c"],
        "image with further masks (--merge-masks makes one mask of them)": ["a (a, a_1)"],
    }


def test_where_nobody_can_ask_to_merge_a_further_mask_has_no_image(tmp_path: Path) -> None:
    root = touch(tmp_path, "images/P3.png", "masks/P3.png", "masks/P3_2.png")
    with pytest.raises(PigbenchError, match="^mask without an image of the same stem: P3_2$"):
        pairs(root / "images", root / "masks", MaskNames())


def test_the_longest_image_name_owns_a_further_mask(tmp_path: Path) -> None:
    root = touch(tmp_path, *(f"images/{name}.png" for name in ("a", "a_1")), "masks/a.png", "masks/a_1.png")
    touch(root, "masks/a_1_left.png", "masks/a-right.png")
    found = pairs(root / "images", root / "masks", MaskNames(several=True))
    assert found == {"a": ["a.png", "a-right.png"], "a_1": ["a_1.png", "a_1_left.png"]}


def test_images_and_masks_in_one_folder_are_told_apart_by_a_suffix(tmp_path: Path) -> None:
    root = touch(tmp_path, "P1/a.tif", "P1/a_mask.tif", "P2/a.tif", "P2/a_mask.tif", "P2/notes.txt")
    assert pairs(root, root, SUFFIX) == {"P1/a": ["a_mask.tif"], "P2/a": ["a_mask.tif"]}
    touch(root, "P2/a_mask_1.tif")
    with pytest.raises(PigbenchError, match=r"image with further masks .*: P2/a \(P2/a_mask, P2/a_mask_1\)"):
        pairs(root, root, SUFFIX)
    several = MaskNames("_mask", several=True)
    assert pairs(root, root, several)["P2/a"] == ["a_mask.tif", "a_mask_1.tif"]
    with pytest.raises(PigbenchError, match="say by --mask-suffix, such as _mask, which are masks"):
        pairs(root, root)


def test_masks_in_a_folder_of_their_own_may_have_a_suffix_too(tmp_path: Path) -> None:
    root = touch(tmp_path, "images/a.bmp", "masks/a_seg.png")
    assert pairs(root / "images", root / "masks", MaskNames("_seg", several=False)) == {"a": ["a_seg.png"]}
    touch(root, "masks/b.png")
    with pytest.raises(PigbenchError, match="mask without an image of the same stem and '_seg': b"):
        pairs(root / "images", root / "masks", MaskNames("_seg", several=False))


def test_a_folder_of_masks_in_the_folder_of_images_holds_no_images(tmp_path: Path) -> None:
    root = touch(tmp_path, "a.png", "masks/a.png", "__MACOSX/b.png", ".hidden/c.png")
    (root / "loop").symlink_to(root, target_is_directory=True)
    assert pairs(root, root / "masks") == {"a": ["a.png"]}


def test_umlauts_are_one_name_however_they_are_stored(tmp_path: Path) -> None:
    name = "Müller_1"
    composed, decomposed = (unicodedata.normalize(form, name) for form in ("NFC", "NFD"))
    assert composed != decomposed
    root = touch(tmp_path, f"images/{decomposed}.png", f"masks/{composed}.png")
    assert list(pairs(root / "images", root / "masks")) == [composed]
    assert existing(root / "images" / f"{composed}.png").exists()
    table = root / "patients.csv"
    table.write_text(f"case_id,patient_id\n{decomposed}.png,1\n", encoding="utf-8")
    assert patients_by_table([composed], table) == {composed: "1"}
    touch(root, f"images/{composed}.png")
    with pytest.raises(PigbenchError, match="image stem with more than one file"):
        pairs(root / "images", root / "masks")


def test_a_pattern_that_finds_one_patient_is_refused_at_once() -> None:
    stems = ["study_01_a", "study_02_a"]
    with pytest.raises(PigbenchError, match=r"finds a single patient, 'study', in all 2 names, such as study_01_a"):
        patients_by_regex(stems, "^([a-z]+)_")
    assert patients_by_regex(stems[:1], "^([a-z]+)_") == {"study_01_a": "study"}


def test_a_table_may_name_a_file_with_its_folders_or_alone_where_that_is_clear(tmp_path: Path) -> None:
    table = tmp_path / "patients.csv"
    table.write_text("case_id,patient_id\nA/1.png,x\nB/1.png,y\n2.png,z\n")
    assert patients_by_table(["A/1", "B/1", "B/2"], table) == {"A/1": "x", "B/1": "y", "B/2": "z"}
