from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from pigbench.data.pixels import UnusableError, binary, decode, grey, labels

DEEP = np.array([[0, 256, 1000], [40000, 65535, 255]], dtype=np.uint16)
GREY = np.array([[0, 7, 128], [200, 254, 255]], dtype=np.uint8)


def encode(image: Image.Image, kind: str, **options) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(header: tuple[int, int, int, int], rows: bytes) -> bytes:
    """A PNG by hand: (width, height, depth, colour type), for what Pillow does not write."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    parts = (b"IHDR", struct.pack(">IIBBBBB", *header, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


@pytest.mark.parametrize("options", [{}, {"compression": "tiff_lzw"}, {"compression": "tiff_adobe_deflate"}])
def test_16_bit_tiff_keeps_every_value(options):
    read = decode(encode(Image.fromarray(DEEP), "TIFF", **options))
    assert read.dtype == np.uint16
    np.testing.assert_array_equal(read, DEEP)


def test_16_bit_png_keeps_every_value():
    read = decode(encode(Image.fromarray(DEEP), "PNG"))
    assert read.dtype == np.uint16
    np.testing.assert_array_equal(read, DEEP)


def test_big_endian_tiff_keeps_every_value():
    read = decode(encode(Image.fromarray(DEEP), "TIFF", big_endian=True))
    np.testing.assert_array_equal(read, DEEP)


def test_white_is_zero_means_the_same_at_8_and_16_bits():
    shallow = encode(Image.fromarray(GREY), "TIFF", tiffinfo={262: 0})
    deep = encode(Image.fromarray(DEEP), "TIFF", tiffinfo={262: 0})
    assert (255 - GREY).tobytes() in shallow and DEEP.tobytes() in deep  # as stored
    np.testing.assert_array_equal(decode(shallow), GREY)
    np.testing.assert_array_equal(decode(deep), 65535 - DEEP)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P"])
def test_grey_saved_in_any_8_bit_mode_is_grey(kind, mode):
    read = decode(encode(Image.fromarray(GREY).convert(mode), kind))
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, GREY)


def test_jpeg_is_read():
    flat = np.full((16, 16), 90, np.uint8)
    np.testing.assert_allclose(decode(encode(Image.fromarray(flat).convert("RGB"), "JPEG", quality=95)), flat, atol=2)


def test_one_bit_mask_is_0_and_255():
    read = decode(encode(Image.fromarray(GREY > 100), "PNG"))
    np.testing.assert_array_equal(binary(read)[0], GREY > 100)


def test_colour_comes_out_as_it_is_and_a_mask_in_colour_is_refused():
    colour = np.dstack([GREY, GREY, GREY[::-1]])
    np.testing.assert_array_equal(decode(encode(Image.fromarray(colour), "PNG")), colour)
    with pytest.raises(UnusableError, match="has colour: save it as grey"):
        grey(encode(Image.fromarray(colour), "PNG"))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
def test_a_picture_that_a_tag_turns_is_refused(kind):
    tags = Image.Exif()
    tags[274] = 1
    np.testing.assert_array_equal(decode(encode(Image.fromarray(GREY), "PNG", exif=tags)), GREY)
    tags[274] = 6
    with pytest.raises(UnusableError, match=r"a tag turns it \(EXIF orientation 6\): save it upright"):
        decode(encode(Image.fromarray(GREY), kind, exif=tags))


def test_the_first_picture_of_a_phones_jpeg_counts():
    def two(kind: str) -> bytes:
        first, second = (Image.fromarray(np.full((8, 8), value, np.uint8)) for value in (40, 200))
        return encode(first, kind, save_all=True, append_images=[second])

    data = two("MPO")
    with Image.open(BytesIO(data)) as image:
        assert image.n_frames == 2
    np.testing.assert_allclose(decode(data), 40, atol=1)
    with pytest.raises(UnusableError, match="holds 2 frames"):
        decode(two("TIFF"))


def palette(greys: list[int], indices: np.ndarray) -> bytes:
    """A PNG with a palette of these greys."""
    image = Image.fromarray(indices, "P")
    image.putpalette([part for grey in greys for part in (grey,) * 3])
    return encode(image, "PNG")


INDICES = np.array([[0, 1], [1, 0]], np.uint8)


@pytest.mark.parametrize("greys", [[0, 255], [0, 1], [0, 0], [10, 200]])
def test_of_a_palette_the_indices_are_labels(greys):
    np.testing.assert_array_equal(labels(palette(greys, INDICES)), INDICES)


@pytest.mark.parametrize("greys, told", [([0, 2], "index 1 is the grey 2"), ([255, 0], "index 1 is the grey 0")])
def test_a_palette_of_greys_that_may_be_labels_is_refused(greys, told):
    with pytest.raises(UnusableError, match=f"{told}, either of which may be meant: save it without a palette"):
        labels(palette(greys, INDICES))
    np.testing.assert_array_equal(decode(palette(greys, INDICES)), np.array(greys, np.uint8)[INDICES])


def test_a_label_map_in_colour_is_refused_with_what_to_save():
    with pytest.raises(UnusableError, match="save it as grey, with 0 for the background and then 1, 2"):
        labels(encode(Image.fromarray(np.dstack([GREY, GREY, GREY[::-1]])), "PNG"))


def test_a_grey_that_is_transparent_is_refused():
    with pytest.raises(UnusableError, match="one of its greys is transparent"):
        decode(encode(Image.fromarray(GREY), "PNG", transparency=200))


def test_transparent_pixels_lie_over_black():
    clear = Image.fromarray(np.full((2, 2, 3), (100, 150, 200), np.uint8)).convert("RGBA")
    clear.putpixel((0, 0), (100, 150, 200, 0))
    clear.putpixel((1, 0), (100, 150, 200, 51))
    found = decode(encode(clear, "PNG"))
    assert found[0, 0].tolist() == [0, 0, 0] and found[0, 1].tolist() == [20, 30, 40]
    assert found[1, 1].tolist() == [100, 150, 200]


def test_float_frames_and_other_formats_are_refused():
    frames = [Image.fromarray(GREY), Image.fromarray(GREY)]
    for data, reason in [
        (encode(Image.fromarray(GREY.astype(np.float32)), "TIFF"), "32-bit"),
        (encode(frames[0], "TIFF", save_all=True, append_images=frames[1:]), "2 frames"),
        (encode(Image.fromarray(np.array([[0, 70000]], np.int32)), "TIFF"), "70000"),
        (encode(Image.fromarray(GREY), "GIF"), "not a PNG"),
        (b"", "not a PNG"),
    ]:
        with pytest.raises(UnusableError, match=reason):
            decode(data)


def test_16_bit_colour_png_is_refused_where_pillow_would_drop_half_its_bits():
    grey_in_colour = png((1, 1, 16, 2), b"\0" + struct.pack(">HHH", 1000, 1000, 1000))
    grey_with_alpha = png((1, 1, 16, 4), b"\0" + struct.pack(">HH", 1000, 65535))
    assert Image.open(BytesIO(grey_in_colour)).mode == "RGB"
    for data in (grey_in_colour, grey_with_alpha):
        with pytest.raises(UnusableError, match="16-bit"):
            decode(data)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
def test_half_a_file_is_refused(kind, recwarn):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    data = encode(Image.fromarray(noise), kind)
    with pytest.raises(UnusableError):
        decode(data[: len(data) // 2])


def test_binary_takes_any_one_value_and_names_the_others():
    mask, label = binary(np.array([[0, 65535]], np.uint16))
    assert mask.tolist() == [[0, 1]] and mask.dtype == np.uint8 and label == 65535
    assert binary(np.zeros((2, 2), np.uint8))[1] == 0
    with pytest.raises(UnusableError, match="3 values: 0, 1, 2"):
        binary(np.array([[0, 1, 2]]))
