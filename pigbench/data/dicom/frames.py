"""One frame of a DICOM file, grey or in colour, at the depth it was saved with, or the reason why not.

Bright is always high: `MONOCHROME1` is inverted. Rescaling and the modality's table are applied; the VOI window only
when asked for. A window is somebody's choice for a screen: it differs from image to image and clips what lies outside,
while preparation stretches every image between its own percentiles, without a choice of anybody's.

Values that are whole and fit stay uint16 (uint8 where 8 bits are stored). Where they may be negative, the lowest value
that the header allows becomes 0, the same for all images of one kind. What does not fit becomes float32. Colour comes
out as red, green and blue, palettes applied; where all channels are equal it is grey.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from pigbench.data.pixels import UnusableError, as_read, reading
from pigbench.errors import PigbenchError, in_a_line

if TYPE_CHECKING:
    from pydicom import Dataset

_UNDEFINED = 0xFFFFFFFF  # the length of what ends with a delimiter
_J2K = b"\xff\x4f\xff\x51"
_JPEG = b"\xff\xd8"
_SOF = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # JPEG and JPEG-LS markers that a frame's size follows
_NATIVE = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2")


def check_installed() -> None:
    """Raises PigbenchError where DICOM files cannot be read at all."""
    try:
        import pydicom  # noqa: F401
    except ImportError:
        raise PigbenchError("DICOM needs pydicom: pip install '.[dicom]' in pigbench's folder") from None


def read_header(file: BytesIO | str) -> Dataset:
    """Everything but the pixels. Raises UnusableError."""
    import pydicom

    with _quiet():
        header = pydicom.dcmread(file, stop_before_pixels=True)
    last = header.get_item(max(header.keys())) if header else None
    if isinstance(last, pydicom.dataelem.RawDataElement) and len(last.value or b"") < last.length != _UNDEFINED:
        raise UnusableError("truncated: it ends within its header")
    return header


def read_frame(data: bytes, frame: int = 1, *, window: bool = False) -> np.ndarray:
    """Frame `frame` (the first is 1) of a file's bytes: grey (h, w), uint8, uint16 or float32, or colour (h, w, 3).

    Colour is uint8, or uint16 over its whole range.

    window: apply the file's VOI table or its first window. Raises UnusableError.
    """
    header, stored = _read(data, frame)
    photometric = str(header.get("PhotometricInterpretation", ""))
    if stored.ndim == 3 or photometric == "PALETTE COLOR":
        return stored
    with reading("its values cannot be rescaled"):
        view = _of_frame(header, frame)
        values, low, high = _rescaled(stored, view)
        if window:
            values, low, high = _windowed(values, view, low, high)
    return _stored_whole(values, low, high, inverted=photometric == "MONOCHROME1")


def read_stored(data: bytes, frame: int) -> tuple[Dataset, np.ndarray]:
    """The header and the stored values (h, w) of one grey frame, without any meaning given to them.

    Raises UnusableError.
    """
    header, stored = _read(data, frame)
    if stored.ndim == 3:
        raise UnusableError(f"has colour ({header.get('PhotometricInterpretation', '')}): save it as grey")
    return header, stored


def _read(data: bytes, frame: int) -> tuple[Dataset, np.ndarray]:
    """The header, and the stored values (h, w), or colours (h, w, 3)."""
    check_installed()
    import pydicom

    with _quiet():
        dataset = pydicom.dcmread(BytesIO(data))
        _check(dataset, frame)
        if dataset.get("BitsAllocated") == 1 and dataset.file_meta.TransferSyntaxUID in _NATIVE:
            return dataset, _unpacked(dataset, frame)
        pixels = pydicom.pixels.pixel_array(dataset, index=frame - 1)
        return dataset, _channels(pixels, dataset)


@contextmanager
def _quiet() -> Iterator[None]:
    """Within it pydicom warns of nothing, and what it raises, nearly anything, is an UnusableError of one line."""
    import pydicom

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except UnusableError:
        raise
    except pydicom.errors.InvalidDicomError:
        raise UnusableError("not a DICOM file") from None
    except Exception as error:
        reason = in_a_line(error).split("available plugins: ")[-1] or type(error).__name__
        raise UnusableError(f"cannot be read: {reason}") from None


def frames_of(header: Dataset) -> int:
    """How many frames the header declares."""
    return max(int(header.get("NumberOfFrames") or 1), 1)


def spacing_of(data: bytes, frame: int = 1) -> tuple[float, float] | None:
    """mm a pixel of a frame, down and across: in the body, or else on the detector; None where the header has neither.

    A detector's spacing is that of a projection, so it is too large by the magnification.
    """
    header = read_header(BytesIO(data))
    for source in (*groups_of(header, frame), header):
        for name in ("PixelSpacing", "ImagerPixelSpacing"):
            try:
                down, across = (float(each) for each in source.get(name) or ())
            except (TypeError, ValueError):
                continue
            return down, across
    return None


def groups_of(header: Dataset, frame: int) -> list[Dataset]:
    """What the functional groups of an enhanced image hold for a frame, flattened; its own before the shared."""
    own, shared = header.get("PerFrameFunctionalGroupsSequence"), header.get("SharedFunctionalGroupsSequence")
    items = ([own[frame - 1]] if own and len(own) >= frame else []) + ([shared[0]] if shared else [])
    return [inner[0] for item in items for element in item if element.VR == "SQ" and (inner := element.value)]


def said_of(header: Dataset, frame: int, *names: str) -> Any:
    """What a header, or else its groups for a frame, say under the first of these names that is there, or None."""
    sources = [header, *groups_of(header, frame)]
    return next((source[name].value for name in names for source in sources if source.get(name)), None)


def _of_frame(header: Dataset, frame: int) -> Dataset:
    """The header with what the functional groups say of the frame put at its top level."""
    view = header.copy()
    for group in reversed(groups_of(header, frame)):
        view.update(group)
    return view


def _check(dataset: Dataset, frame: int) -> None:
    """Raises UnusableError for what pydicom would pass over or say at length."""
    if "PixelData" not in dataset and "FloatPixelData" not in dataset and "DoubleFloatPixelData" not in dataset:
        raise UnusableError("no pixel data: truncated, or not an image")
    if frame > frames_of(dataset):
        raise UnusableError(f"no frame {frame}: it has {frames_of(dataset)}")
    if "PixelData" not in dataset:
        return
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if syntax is None:
        raise UnusableError("names no transfer syntax")
    if syntax in _NATIVE:
        _check_native(dataset)
    else:
        _check_compressed(dataset, frame)


def _check_native(dataset: Dataset) -> None:
    frames, samples = frames_of(dataset), int(dataset.get("SamplesPerPixel", 1))
    bits = int(dataset.Rows) * int(dataset.Columns) * samples * frames * int(dataset.BitsAllocated)
    needed, there = -(-bits // 8), len(dataset.PixelData)
    subsampled = str(dataset.get("PhotometricInterpretation", "")) == "YBR_FULL_422"
    if there not in (needed, needed + needed % 2) and not subsampled:
        size = f"{dataset.Columns}×{dataset.Rows}" + (f"×{frames}" if frames > 1 else "")
        raise UnusableError(f"declares {size} pixels, {needed} bytes; its pixel data has {there}")


def _check_compressed(dataset: Dataset, frame: int) -> None:
    from pydicom.encaps import get_frame
    from pydicom.pixels import get_decoder

    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        available = False
    if not available:
        raise UnusableError(f"no decoder for {syntax.name} is installed")
    offsets = dataset.get("ExtendedOffsetTable"), dataset.get("ExtendedOffsetTableLengths")
    extended = offsets if all(offsets) else None
    code = get_frame(dataset.PixelData, frame - 1, number_of_frames=frames_of(dataset), extended_offsets=extended)
    size = _coded_size(code)
    declared = int(dataset.Rows), int(dataset.Columns)
    if size and size != declared:
        raise UnusableError(f"declares {declared[1]}×{declared[0]} pixels; its pixel data has {size[1]}×{size[0]}")


def _unpacked(dataset: Dataset, frame: int) -> np.ndarray:
    """A frame of single bits. Frames follow each other without padding, which pydicom 3.0 gets wrong for one frame."""
    shape = int(dataset.Rows), int(dataset.Columns)
    first, count = (frame - 1) * shape[0] * shape[1], shape[0] * shape[1]
    packed = np.frombuffer(dataset.PixelData, np.uint8)[first // 8 : -(-(first + count) // 8)]
    return np.unpackbits(packed, bitorder="little")[first % 8 :][:count].reshape(shape)


def _coded_size(code: bytes) -> tuple[int, int] | None:
    """Height and width that a JPEG 2000, JPEG-LS or JPEG stream itself declares; None for other streams."""
    if code.startswith(_J2K):
        right, bottom, left, top = struct.unpack_from(">4I", code, 8)
        return bottom - top, right - left
    if not code.startswith(_JPEG):
        return None
    at = len(_JPEG)
    while code[at] == 0xFF and code[at + 1] not in _SOF:
        at += 2 + int(struct.unpack_from(">H", code, at + 2)[0])
    height, width = struct.unpack_from(">2H", code, at + 5)
    return height, width


def _channels(pixels: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Grey (h, w), or colour (h, w, 3); what the file holds in three channels over the whole range of its type."""
    from pydicom.pixels import apply_color_lut

    if dataset.get("PhotometricInterpretation") == "PALETTE COLOR":
        return as_read(_whole_range(apply_color_lut(pixels, dataset), _bits_of(dataset)), None)
    if pixels.ndim == 2:
        return pixels
    return _whole_range(as_read(pixels, None), int(dataset.BitsStored))


def _bits_of(dataset: Dataset) -> int:
    """The depth of a palette's colours."""
    return int(dataset.RedPaletteColorLookupTableDescriptor[2])


def _whole_range(colours: np.ndarray, bits: int) -> np.ndarray:
    """Colours of so many bits as uint8, or as uint16 where they are deeper, 0 to 255 or 65535."""
    kind = np.uint8 if bits <= 8 else np.uint16
    scale = np.iinfo(kind).max / (2**bits - 1)
    return colours.astype(kind) if scale == 1 else np.rint(colours * scale).astype(kind)


def _rescaled(stored: np.ndarray, view: Dataset) -> tuple[np.ndarray, float, float]:
    """The values that the stored ones stand for, and the lowest and highest the header allows."""
    from pydicom.pixels import apply_modality_lut

    slope, intercept = float(view.get("RescaleSlope") or 1), float(view.get("RescaleIntercept") or 0)
    if stored.dtype.kind == "f":
        values = stored * slope + intercept
        return values, float(values.min()), float(values.max())
    if view.get("ModalityLUTSequence"):
        return apply_modality_lut(stored, view), 0, 2 ** _bits(view.ModalityLUTSequence) - 1
    span = 2 ** int(view.BitsStored)
    low = -(span // 2) if view.get("PixelRepresentation") else 0
    ends = sorted((low * slope + intercept, (low + span - 1) * slope + intercept))
    if (slope, intercept) == (1, 0):
        return stored, *ends
    if slope.is_integer() and intercept.is_integer():
        return stored.astype(np.int64) * int(slope) + int(intercept), *ends
    return stored * slope + intercept, *ends


def _windowed(values: np.ndarray, view: Dataset, low: float, high: float) -> tuple[np.ndarray, float, float]:
    """The values through the VOI table or the first window, if there is one, and the new lowest and highest."""
    from pydicom.pixels import apply_voi_lut

    if view.get("VOILUTSequence"):
        return apply_voi_lut(values, view), 0, 2 ** _bits(view.VOILUTSequence) - 1
    return apply_voi_lut(values, view), low, high


def _bits(tables: list[Dataset]) -> int:
    """The depth of what a lookup table gives."""
    return int(tables[0].LUTDescriptor[2])


def _stored_whole(values: np.ndarray, low: float, high: float, *, inverted: bool) -> np.ndarray:
    """The values as uint8 or uint16, shifted where some may be negative, if that loses nothing; else as float32."""
    if inverted:
        exact = values if values.dtype.kind == "f" else values.astype(np.int64)
        values = type(exact.flat[0])(low + high) - exact
    if values.dtype.kind == "f":
        return values.astype(np.float32)
    lowest, highest = int(values.min()), int(values.max())
    for offset in (min(int(low), 0), min(lowest, 0)):
        if lowest >= offset and highest - offset <= 65535:
            shallow = offset == 0 and high <= 255
            return (values if offset == 0 else values.astype(np.int64) - offset).astype(
                np.uint8 if shallow else np.uint16
            )
    return values.astype(np.float32)
