from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pydicom")

from dicom_files import as_bytes, dicom, noise
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from pigbench.data.dicom.frames import read_frame
from pigbench.data.importers.base import UnusableError

SHAPE = (80, 70)


def lookup(values: np.ndarray) -> Dataset:
    """A table of 16-bit values for the stored values from 0 on."""
    table = Dataset()
    table.add_new("LUTDescriptor", "US", [len(values), 0, 16])
    table.add_new("LUTData", "OW", values.astype("<u2").tobytes())
    return table


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("syntax", [None, JPEG2000Lossless, JPEGLSLossless, RLELossless])
def test_every_value_of_every_depth_and_syntax_survives(bits, syntax):
    stored = noise(SHAPE, bits)
    made = dicom(stored, bits=bits)
    if syntax:
        made.compress(syntax, generate_instance_uid=False)
    read = read_frame(as_bytes(made))
    assert read.dtype == (np.uint8 if bits == 8 else np.uint16)
    np.testing.assert_array_equal(read, stored)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_other_uncompressed_syntaxes(syntax):
    stored = noise(SHAPE, 14)
    made = dicom(stored, bits=14)
    made.file_meta.TransferSyntaxUID = syntax
    np.testing.assert_array_equal(read_frame(as_bytes(made)), stored)


def test_monochrome1_is_inverted_within_the_bits_stored():
    stored = noise(SHAPE, 12)
    read = read_frame(as_bytes(dicom(stored, bits=12, PhotometricInterpretation="MONOCHROME1")))
    assert read.dtype == np.uint16
    np.testing.assert_array_equal(read, 4095 - stored)


def test_signed_values_are_shifted_by_what_the_header_allows():
    stored = noise(SHAPE, 12, signed=True) // 2  # -1024 .. 1023
    read = read_frame(as_bytes(dicom(stored, bits=12)))
    assert read.dtype == np.uint16
    np.testing.assert_array_equal(read, stored.astype(int) + 2048)


def test_signed_monochrome1():
    stored = noise(SHAPE, 16, signed=True)
    read = read_frame(as_bytes(dicom(stored, PhotometricInterpretation="MONOCHROME1")))
    np.testing.assert_array_equal(read, 32767 - stored.astype(int))


def test_rescaled_values_that_fit_stay_whole():
    stored = noise(SHAPE, 12)
    read = read_frame(as_bytes(dicom(stored, bits=12, RescaleSlope="2", RescaleIntercept="-1024")))
    assert read.dtype == np.uint16
    np.testing.assert_array_equal(read, 2 * stored.astype(int))  # -1024, the lowest that the header allows, became 0


def test_a_negative_slope_turns_the_image():
    stored = noise(SHAPE, 12)
    read = read_frame(as_bytes(dicom(stored, bits=12, RescaleSlope="-1", RescaleIntercept="0")))
    np.testing.assert_array_equal(read, 4095 - stored)


@pytest.mark.parametrize(("slope", "intercept"), [("0.5", "-3.25"), ("100", "0")])
def test_rescaled_values_that_do_not_fit_become_float(slope, intercept):
    stored = noise(SHAPE, 12)
    read = read_frame(as_bytes(dicom(stored, bits=12, RescaleSlope=slope, RescaleIntercept=intercept)))
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, (stored * float(slope) + float(intercept)).astype(np.float32))


def test_modality_table():
    table = lookup(np.arange(256) * 256)
    table.ModalityLUTType = "OD"
    stored = noise(SHAPE, 8)
    read = read_frame(as_bytes(dicom(stored, ModalityLUTSequence=Sequence([table]))))
    np.testing.assert_array_equal(read, stored.astype(int) * 256)


def test_the_window_is_applied_only_when_asked_for():
    stored = noise(SHAPE, 12)
    data = as_bytes(dicom(stored, bits=12, WindowCenter=[2048, 100], WindowWidth=[1001, 50]))
    np.testing.assert_array_equal(read_frame(data), stored)
    windowed = read_frame(data, window=True)
    # the standard's linear function, PS3.3 C.11.2.1.2
    expected = np.clip(((stored - 2047.5) / 1000 + 0.5) * 4095, 0, 4095)
    np.testing.assert_allclose(windowed, expected, rtol=1e-6)


def test_a_window_before_inversion():
    stored = noise(SHAPE, 12)
    elements = {"WindowCenter": 2048, "WindowWidth": 1001}
    straight = read_frame(as_bytes(dicom(stored, bits=12, **elements)), window=True)
    inverted = read_frame(
        as_bytes(dicom(stored, bits=12, PhotometricInterpretation="MONOCHROME1", **elements)), window=True
    )
    np.testing.assert_allclose(inverted, 4095 - straight, atol=1e-3)


def test_voi_table():
    table = lookup(np.arange(256) ** 2)
    stored = noise(SHAPE, 8)
    read = read_frame(as_bytes(dicom(stored, VOILUTSequence=Sequence([table]))), window=True)
    assert read.dtype == np.uint16
    np.testing.assert_array_equal(read, stored.astype(int) ** 2)


@pytest.mark.parametrize("syntax", [None, JPEG2000Lossless, JPEGLSLossless])
def test_frames(syntax):
    stored = noise((4, *SHAPE), 12)
    made = dicom(stored, bits=12)
    if syntax:
        made.compress(syntax, generate_instance_uid=False)
    for frame in (1, 4):
        np.testing.assert_array_equal(read_frame(as_bytes(made), frame), stored[frame - 1])
    with pytest.raises(UnusableError, match="no frame 5: it has 4"):
        read_frame(as_bytes(made), 5)


def test_the_functional_groups_of_a_frame_count():
    def groups(intercept: int) -> Dataset:
        change, item = Dataset(), Dataset()
        change.RescaleSlope, change.RescaleIntercept, change.RescaleType = 1, intercept, "US"
        item.PixelValueTransformationSequence = Sequence([change])
        return item

    stored = noise((2, *SHAPE), 12)
    own = Sequence([groups(10), groups(300)])
    read = read_frame(as_bytes(dicom(stored, bits=12, PerFrameFunctionalGroupsSequence=own)), 2)
    np.testing.assert_array_equal(read, stored[1] + 300)


def test_grey_saved_as_colour_is_grey_and_colour_is_read_as_it_is():
    grey = noise(SHAPE, 8)

    def coloured(pixels: np.ndarray) -> bytes:
        made = dicom(grey, SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0)
        made.PixelData = pixels.tobytes()
        return as_bytes(made)

    rgb = np.stack([grey] * 3, axis=-1)
    np.testing.assert_array_equal(read_frame(coloured(rgb)), grey)
    rgb[3, 3, 1] ^= 1
    np.testing.assert_array_equal(read_frame(coloured(rgb)), rgb)


def test_a_palettes_colours_come_out():
    indices = noise(SHAPE, 8) % 3
    colours = np.array([[0, 0, 0], [200, 10, 30], [5, 250, 90]], np.uint8)
    made = dicom(indices, PhotometricInterpretation="PALETTE COLOR")
    for number, name in enumerate(("Red", "Green", "Blue")):
        setattr(made, f"{name}PaletteColorLookupTableDescriptor", [4, 0, 8])
        setattr(made, f"{name}PaletteColorLookupTableData", bytes([*colours[:, number].tolist(), 0]))
    np.testing.assert_array_equal(read_frame(as_bytes(made)), colours[indices])


@pytest.mark.parametrize("syntax", [None, JPEG2000Lossless, JPEGLSLossless, RLELossless])
@pytest.mark.parametrize("kept", [0.001, 0.3, 0.6, 0.99])
def test_truncated_files_are_refused(syntax, kept):
    made = dicom(noise((200, 150), 12), bits=12)
    if syntax:
        made.compress(syntax, generate_instance_uid=False)
    data = as_bytes(made)
    with pytest.raises(UnusableError):
        read_frame(data[: int(len(data) * kept)])


@pytest.mark.parametrize("shape", [(79, 70), (81, 70), (70, 80)])
@pytest.mark.parametrize("syntax", [None, JPEG2000Lossless, JPEGLSLossless])
def test_a_declared_size_that_the_pixels_do_not_have(shape, syntax):
    made = dicom(noise(SHAPE, 12), bits=12)
    if syntax:
        made.compress(syntax, generate_instance_uid=False)
    made.Rows, made.Columns = shape
    if syntax is None and shape == (70, 80):
        return  # the same bytes are a picture of either shape
    with pytest.raises(UnusableError, match=rf"declares {shape[1]}×{shape[0]} pixels"):
        read_frame(as_bytes(made))


def test_a_syntax_without_a_decoder_is_named():
    made = dicom(noise(SHAPE, 12), bits=12)
    made.compress(JPEGLSLossless, generate_instance_uid=False)
    made.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    with pytest.raises(UnusableError, match=r"no decoder for JPEG Lossless.*installed"):
        read_frame(as_bytes(made))


def test_what_is_no_image():
    with pytest.raises(UnusableError, match="not a DICOM file"):
        read_frame(b"\x89PNG\r\n" + bytes(400))
    with pytest.raises(UnusableError, match="no pixel data"):
        read_frame(as_bytes(dicom(None)))
