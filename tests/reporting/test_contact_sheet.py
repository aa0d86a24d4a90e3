from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from pigbench.reporting.contact_sheet import OUTLINES, Cell, colour_of, contact_sheet


def cell(size: int = 32, masked: bool = True, caption: str = "") -> Cell:
    image = np.tile(np.linspace(-1, 1, size, dtype=np.float32), (size, 1))
    mask = np.zeros((size, size), np.uint8)
    mask[size // 4 : size // 2, size // 4 : size // 2] = 1
    return Cell(image, mask if masked else None, caption)


def drawn(path) -> np.ndarray:
    with Image.open(path) as sheet:
        assert sheet.format == "PNG" and sheet.mode == "RGB"
        return np.asarray(sheet)


def outlined(pixels: np.ndarray) -> int:
    return int((pixels == OUTLINES[0]).all(axis=-1).sum())


def test_the_outline_surrounds_the_lesion_once_and_hides_nothing_of_it(tmp_path):
    contact_sheet([cell()], tmp_path / "sheet.png")
    pixels = drawn(tmp_path / "sheet.png")
    assert outlined(pixels) == 4 * 8 * 4  # four sides of eight mask pixels, each enlarged four times


def test_the_inside_is_tinted_so_that_an_inverted_mask_is_seen(tmp_path):
    plain = cell()
    for mask in (plain.mask, 1 - plain.mask):
        contact_sheet([Cell(plain.image, mask)], tmp_path / "sheet.png")
        panel = drawn(tmp_path / "sheet.png")[16:-16, 16 + 128 + 2 : -16].astype(int)
        coloured = (panel[..., 0] != panel[..., 2]) & (panel != OUTLINES[0]).any(axis=-1)
        assert np.array_equal(coloured, mask.repeat(4, 0).repeat(4, 1) != 0)


def test_several_classes_are_named_in_their_colours(tmp_path):
    for classes in (("lesion",), ("gland", "nucleus")):
        contact_sheet([cell(masked=False)] * 4, tmp_path / "sheet.png", title="tissue", classes=classes)
        told = drawn(tmp_path / "sheet.png")[:64]
        named = [bool((told == colour).all(axis=-1).any()) for colour in OUTLINES[:2]]
        assert named == [len(classes) > 1] * 2


def test_many_classes_have_colours_of_their_own_and_lines_enough(tmp_path):
    classes = [f"structure {number}" for number in range(1, 25)]
    assert len({colour_of(label) for label in range(1, 25)}) == 24
    contact_sheet([cell(masked=False)] * 2, tmp_path / "sheet.png", classes=classes)
    told = drawn(tmp_path / "sheet.png")[: -128 - 16]
    assert all((told == colour_of(label)).all(axis=-1).any() for label in range(1, 25))


def test_an_image_without_a_mask_has_no_outline(tmp_path):
    contact_sheet([cell(masked=False)] * 2, tmp_path / "bare.png")
    contact_sheet([cell(), cell(masked=False)], tmp_path / "mixed.png")
    bare, mixed = drawn(tmp_path / "bare.png"), drawn(tmp_path / "mixed.png")
    assert outlined(bare) == 0 and outlined(mixed) == 128
    assert bare.shape[1] < mixed.shape[1]


def test_both_panels_show_the_pixels_enlarged_without_blur(tmp_path):
    contact_sheet([cell(16)], tmp_path / "sheet.png")
    row = drawn(tmp_path / "sheet.png")[-40]  # below the lesion, above the margin
    grey = np.rint((np.linspace(-1, 1, 16) + 1) * 127.5).astype(np.uint8).repeat(8)
    assert row.shape[0] == 16 + 128 + 2 + 128 + 16
    assert np.array_equal(row[16:144, 0], grey) and np.array_equal(row[146:274, 0], grey)


def test_large_images_keep_their_size(tmp_path):
    contact_sheet([cell(200, masked=False)], tmp_path / "sheet.png")
    assert drawn(tmp_path / "sheet.png").shape == (16 + 200 + 16, 16 + 200 + 16, 3)


@pytest.mark.parametrize(("count", "columns", "rows"), [(1, 8, 1), (8, 8, 1), (9, 8, 2), (5, 2, 3)])
def test_cells_fill_rows_of_the_asked_length(tmp_path, count, columns, rows):
    contact_sheet([cell(128, masked=False)] * count, tmp_path / "sheet.png", columns)
    assert drawn(tmp_path / "sheet.png").shape[:2] == (16 + rows * 144, 16 + min(count, columns) * 144)


def test_title_and_captions_are_written_and_never_overrun(tmp_path):
    plain, written = tmp_path / "plain.png", tmp_path / "written.png"
    contact_sheet([cell()] * 2, plain)
    contact_sheet([cell(caption="x" * 200), cell()], written, title="32 × 32 – " * 30)
    pixels = drawn(written)
    assert pixels.shape[0] > drawn(plain).shape[0] and pixels.shape[1] == drawn(plain).shape[1]
    assert (pixels[:32] < 128).any()
    assert (pixels[:, -16:] == 255).all()  # the right margin stays clean


def test_intensities_beyond_the_range_are_clipped(tmp_path):
    contact_sheet([Cell(np.array([[-5.0, 5.0], [0.0, 0.0]]))], tmp_path / "sheet.png")
    assert set(np.unique(drawn(tmp_path / "sheet.png"))) == {0, 128, 255}


@pytest.mark.parametrize("cells", [[], [cell(32), cell(64)]])
def test_nothing_and_mixed_shapes_are_refused(tmp_path, cells):
    with pytest.raises(ValueError, match="one shape"):
        contact_sheet(cells, tmp_path / "sheet.png")


def test_a_failed_write_leaves_nothing_behind(tmp_path, monkeypatch):
    contact_sheet([cell()], tmp_path / "sheet.png")
    before = (tmp_path / "sheet.png").read_bytes()

    def full(self, target, **_):
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match="No space"):
        contact_sheet([cell(), cell()], tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["sheet.png"]


def test_each_class_has_its_colour_and_images_keep_theirs(tmp_path):
    image = np.full((32, 32, 3), (0.5, -0.5, 0.0), np.float32)
    mask = np.zeros((32, 32), np.uint8)
    mask[4:12, 4:12], mask[18:28, 18:28] = 1, 2
    contact_sheet([Cell(image, mask)], tmp_path / "sheet.png")
    pixels = np.asarray(Image.open(tmp_path / "sheet.png").convert("RGB"))
    for colour in OUTLINES[:2]:
        assert (pixels == colour).all(axis=-1).any()
    assert not (pixels == OUTLINES[2]).all(axis=-1).any()
    assert (pixels == (191, 64, 128)).all(axis=-1).any()
