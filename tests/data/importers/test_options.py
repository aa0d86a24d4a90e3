"""What of colour and of a mask's values is read."""

from __future__ import annotations

import unicodedata
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from pigbench.data.importers.options import Classes, Foreground, MaskOptions, are_labels
from pigbench.data.pixels import UnusableError, as_read, decode
from pigbench.errors import PigbenchError


def encoded(pixels: np.ndarray, form: str) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


def test_a_class_has_one_name_however_it_is_written() -> None:
    composed, decomposed = (unicodedata.normalize(form, "Drüse") for form in ("NFC", "NFD"))
    assert Classes(f"{decomposed}=1,organ=2").names == (composed, "organ")
    assert MaskOptions(classes=f"{decomposed}=1,organ=2") == MaskOptions(classes=f"{composed}=1,organ=2")
    assert Classes("lesion=1,Background=255").names == ("lesion",)


def test_ranges_take_the_upper_half_of_smoothed_masks() -> None:
    values = np.array([[0, 1, 127], [128, 200, 255]], np.uint8)
    np.testing.assert_array_equal(Foreground("128-255").lesion(values), [[0, 0, 0], [1, 1, 1]])
    np.testing.assert_array_equal(Foreground("1, 200-200").lesion(values), [[0, 1, 0], [0, 1, 0]])
    np.testing.assert_array_equal(Foreground("any").lesion(values), values != 0)
    np.testing.assert_array_equal(Foreground("0").lesion(values), values == 0)


def test_what_no_mask_has_is_known_when_all_were_read() -> None:
    foreground = Foreground("1,3,10-20")
    foreground.lesion(np.array([0, 1, 2]))
    assert foreground.unmet == ["3", "10-20"]
    foreground.lesion(np.array([0, 11]))
    assert foreground.unmet == ["3"]
    assert foreground.found == "0, 1, 2, 11"


@pytest.mark.parametrize("text", ["", "lesion", "1,", "-1", "1-2-3", "1;2", "1.5"])
def test_what_is_no_value_is_refused(text: str) -> None:
    with pytest.raises(PigbenchError, match="give numbers or ranges, such as 1,2 or 128-255, or any"):
        Foreground(text)


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF"])
def test_luminance_is_pillows_and_a_channel_is_the_files(form: str) -> None:
    colour = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    data = encoded(colour, form)
    np.testing.assert_array_equal(decode(data, "luminance"), np.asarray(Image.fromarray(colour).convert("L")))
    for index, name in enumerate("RGB"):
        np.testing.assert_array_equal(decode(data, name), colour[..., index])
    np.testing.assert_array_equal(decode(data), colour)


def test_equal_channels_are_grey_whatever_is_said_of_colour() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (9, 7), dtype=np.uint8)
    data = encoded(np.dstack([grey] * 3), "PNG")
    for colour in (None, "luminance", "B"):
        np.testing.assert_array_equal(decode(data, colour), grey)
    np.testing.assert_array_equal(decode(encoded(grey, "BMP")), grey)


def test_luminance_keeps_the_depth_of_arrays() -> None:
    deep = np.array([[[65535, 0, 0], [65535, 65535, 65534]]], np.uint16)
    np.testing.assert_allclose(as_read(deep, "luminance"), deep @ [0.299, 0.587, 0.114], atol=1)
    assert as_read(deep, "luminance").dtype == np.uint16
    real = deep.astype(np.float32) / 65535
    np.testing.assert_allclose(as_read(real, "luminance"), real @ [0.299, 0.587, 0.114], atol=1e-5)


def test_classes_have_values_ranges_and_a_background() -> None:
    classes = Classes("lesion=1,organ=2-4,7,background=255")
    assert classes.names == ("lesion", "organ")
    values = np.array([[0, 1, 2, 3], [4, 7, 255, 0]])
    assert classes.label_map(values).tolist() == [[0, 1, 2, 2], [2, 2, 0, 0]]
    with pytest.raises(UnusableError, match=r"values that no class names: add them to --classes.*\(5, 9\)"):
        classes.label_map(np.array([[1, 5, 9]]))


def test_classes_have_colours_and_jpegs_are_known_by_theirs() -> None:
    classes = Classes("lesion=#ff0000,organ=#00FF00")
    colours = np.zeros((1, 4, 3), np.uint8)
    colours[0, 1], colours[0, 2] = (255, 0, 0), (0, 255, 0)
    assert classes.label_map(colours).tolist() == [[0, 1, 2, 0]]
    with pytest.raises(UnusableError, match=r"near those of --classes: .* or mend --classes \(#fe0100\)"):
        classes.label_map(np.array([[[254, 1, 0]]], np.uint8))
    with pytest.raises(UnusableError, match=r"colours that no class names: .*\(#0000ff\)"):
        classes.label_map(np.array([[[0, 0, 255]]], np.uint8))
    with pytest.raises(UnusableError, match=r"as JPEG makes them"):  # half-way between two, by chroma subsampling
        classes.label_map(np.array([[[128, 0, 0]]], np.uint8), lossy=True)


def test_masks_that_were_jpegs_once_are_known_by_most_of_their_pixels() -> None:
    classes, colours = Classes("lesion=#ff0000"), np.zeros((32, 32, 3), np.uint8)
    colours[8:24, 8:24] = 255, 0, 0
    spoilt = decode(encoded(colours, "JPEG"))
    with pytest.raises(UnusableError, match="near those of --classes: save masks without smoothing and never as JPEG"):
        classes.label_map(spoilt)
    with pytest.raises(UnusableError, match="near those of --classes, as JPEG makes them: save masks as PNG"):
        classes.label_map(spoilt, lossy=True)
    with pytest.raises(UnusableError, match="16-bit grey, where --classes names colours"):
        classes.label_map(np.zeros((4, 4), np.uint16))
    colours[16:24, 8:24] = 0, 0, 255
    with pytest.raises(UnusableError, match=r"no class names: add them to --classes.*\(#0000ff\)"):
        classes.label_map(colours)


def test_one_choice_of_classes_has_one_spelling() -> None:
    for text in ("a=1,b=2-4,7", " a = 1, b=2-4 ,7 "):
        assert MaskOptions(classes=text).classes == "a=1,b=2-4,7"
    assert MaskOptions(classes="a=#FF00aa, b=#00ff00").classes == "a=#ff00aa,b=#00ff00"


def test_label_maps_of_many_classes_are_no_smoothed_masks() -> None:
    assert are_labels(np.arange(19)) and are_labels(np.array([0, 100, 255]))
    assert not are_labels(np.arange(0, 255, 20))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("lesion", "give names with values"),
        ("=1", "give names with values"),
        ("lesion=red", "give names with values"),
        ("lesion=1,organ=#ff0000", "give names with values"),
        ("background=1", "give names with values"),
        ("lesion=1-3,organ=2", "2 is of lesion and of organ"),
        ("lesion=#ff0000,organ=#FF0000", "#ff0000 is of lesion and of organ"),
        ("lesion=2-1", "give names with values"),
        ("lesion=0-1,organ=2", "0 is the background, and cannot be lesion"),
        ("lesion=#000000,organ=#ff0000", "#000000 is the background, and cannot be lesion"),
    ],
)
def test_what_names_no_classes_is_refused(text: str, told: str) -> None:
    with pytest.raises(PigbenchError, match=told):
        Classes(text)
