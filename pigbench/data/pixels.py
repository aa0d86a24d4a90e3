"""One picture, grey or in colour, from the bytes of a PNG, TIFF, JPEG or BMP file, at the depth it was saved with, or
the reason why not.

Pillow turns 16-bit grey into 8-bit by clipping when it is asked to convert, and reads 16-bit colour as 8-bit in
silence. So nothing here converts 16-bit pixels, and what would lose depth is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Literal

import numpy as np

from pigbench.errors import PigbenchError, in_a_line

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp")

Colour = Literal["luminance", "R", "G", "B"]
"""What is read of a picture in colour, where it is to be grey."""

JPEG = b"\xff\xd8\xff"
"""How the bytes of a JPEG file begin."""
_FORMATS = ("PNG", "TIFF", "JPEG", "BMP")
_PHONES_JPEG = "MPO"
"""What Pillow calls a JPEG with further pictures behind the first one, as phones write them."""
_MOST_LABELS = 32
"""Greys up to this one may be meant as labels."""
_LUMINANCE = (19595, 38470, 7471)  # ITU-R BT.601's weights 0.299, 0.587 and 0.114, in 1/65536
_WHITE_IS_ZERO = 0
_PHOTOMETRIC, _BITS_PER_SAMPLE, _ORIENTATION = 262, 258, 274  # TIFF tags, the last one of EXIF, too


class UnusableError(Exception):
    """Why the bytes of a file do not give one picture."""


class NotBinaryError(UnusableError):
    """A mask has more than one value besides 0."""

    def __init__(self, values: np.ndarray) -> None:
        shown = ", ".join(map(str, values[:8])) + (", …" if len(values) > 8 else "")
        super().__init__(f"{len(values)} values: {shown}")
        self.values = values


@contextmanager
def reading(fault: str = "cannot be read") -> Iterator[None]:
    """Within it, what decoders raise on damaged bytes, nearly anything, becomes an UnusableError: `fault` and why."""
    try:
        yield
    except (UnusableError, PigbenchError):
        raise
    except Exception as error:
        raise UnusableError(f"{fault}: {in_a_line(error) or type(error).__name__}") from None


def decode(data: bytes, colour: Colour | None = None) -> np.ndarray:
    """The picture in `data`: grey (h, w), uint8, or uint16 where the file holds 16 bits; colour (h, w, 3) uint8.

    Colour whose channels are all equal is grey. Transparent pixels are laid over black. Of a JPEG that holds several
    pictures the first one counts. colour: read that of colour, so that all is grey. Raises UnusableError, also for a
    picture that a tag turns, as programs differ in whether they heed it.
    """
    import PIL.Image

    with reading():
        try:
            opened = PIL.Image.open(BytesIO(data), formats=_FORMATS)
        except PIL.UnidentifiedImageError:
            raise UnusableError("not a PNG, TIFF, JPEG or BMP file") from None
        with opened as image:
            depth, frames = _depth(image, data), getattr(image, "n_frames", 1)
            if frames > 1 and image.format != _PHONES_JPEG:
                raise UnusableError(f"holds {frames} frames, not one")
            if (orientation := _orientation(image)) > 1:
                raise UnusableError(
                    f"a tag turns it (EXIF orientation {orientation}): save it upright, without the tag"
                )
            image.load()
            return _pixels(image, depth, colour)


def labels(data: bytes) -> np.ndarray:
    """A label map (h, w): as `decode`, but of a picture with a palette the indices. Raises UnusableError for colour."""
    indices = palette_indices(data)
    if indices is not None:
        return indices
    pixels = decode(data)
    if pixels.ndim == 3:
        raise UnusableError("has colour: save it as grey, with 0 for the background and then 1, 2, … for classes")
    return pixels


def palette_indices(data: bytes) -> np.ndarray | None:
    """The indices (h, w) of a picture with a palette; None of any other.

    Raises UnusableError for a palette of greys that may be meant as labels themselves, as programs that shrink files
    make them.
    """
    import PIL.Image

    try:
        with PIL.Image.open(BytesIO(data), formats=("PNG", "TIFF", "BMP")) as image:
            if image.mode != "P":
                return None
            indices, palette = np.array(image), np.array(image.getpalette("RGB"), int).reshape(-1, 3)
    except Exception:  # on damaged bytes the decoders raise nearly anything; `decode` says what it is
        return None
    _check_palette(palette, np.unique(indices))
    return indices


def _check_palette(palette: np.ndarray, used: np.ndarray) -> None:
    """Raises UnusableError where the used entries are greys that look like other labels, or swap the background."""
    shown = palette[used[used < len(palette)]]
    greys = shown[:, 0]
    if (shown != shown[:, :1]).any() or len(np.unique(greys)) < len(used):  # colours, or no palette worth the name
        return
    odd = np.flatnonzero(greys != used)
    if len(odd) and (greys.max() <= _MOST_LABELS or 0 in greys[used != 0]):
        index = odd[-1]
        raise UnusableError(
            f"a palette in which index {used[index]} is the grey {greys[index]}, either of which may be meant: save it "
            "without a palette"
        )


def grey(data: bytes) -> np.ndarray:
    """As `decode`, but raises UnusableError for colour."""
    pixels = decode(data)
    if pixels.ndim == 3:
        raise UnusableError("has colour: save it as grey")
    return pixels


def binary(pixels: np.ndarray) -> tuple[np.ndarray, int]:
    """The mask (h, w), uint8, 0 or 1, and the value that stood for 1 (0 if it is empty). Raises NotBinaryError."""
    values = np.unique(pixels)
    lesion = values[values != 0]
    if len(lesion) > 1:
        raise NotBinaryError(values)
    return (pixels != 0).astype(np.uint8), int(lesion[0]) if len(lesion) else 0


def as_saved(mask: np.ndarray, classes: int) -> np.ndarray:
    """A label map (h, w) uint8 as mask files that are handed out have it: 0 and 255 of one class, else as it is."""
    return mask * np.uint8(255) if classes == 1 else mask


def as_read(channels: np.ndarray, colour: Colour | None) -> np.ndarray:
    """The picture of (h, w, 3): the channel (h, w), if all are equal, or what `colour` says, or colour as it is."""
    if (channels == channels[..., :1]).all():
        return np.ascontiguousarray(channels[..., 0])
    if colour is None:
        return np.ascontiguousarray(channels)
    if colour != "luminance":
        return np.ascontiguousarray(channels[..., "RGB".index(colour)])
    if channels.dtype.kind == "f":
        return (channels @ np.array(_LUMINANCE) / 65536).astype(channels.dtype)
    return ((channels.astype(np.uint64) @ np.array(_LUMINANCE, np.uint64) + 32768) >> 16).astype(channels.dtype)


def _orientation(image: Image) -> int:
    """How a tag turns the picture: 1 is upright, and so is what has no tag, or none that can be read."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # of a damaged tag nearly anything
        return 1


def _depth(image: Image, data: bytes) -> int:
    """Bits a sample as the file says, which is more than Pillow keeps for 16-bit colour."""
    if image.format == "PNG":
        return data[24]  # the header chunk comes first: signature 8, length 4, type 4, width 4, height 4, depth 1
    tags = getattr(image, "tag_v2", {})
    return max(tags.get(_BITS_PER_SAMPLE, (8,)))


def _pixels(image: Image, depth: int, colour: Colour | None) -> np.ndarray:
    if image.mode.startswith("I"):
        return _sixteen_bit(image)
    if depth > 8:
        raise UnusableError(f"{depth}-bit {image.mode}: save it as 8-bit, or as 16-bit grey")
    if image.mode in ("1", "L"):
        if "transparency" in image.info:
            raise UnusableError("one of its greys is transparent: save it without transparency")
        return np.asarray(image.convert("L"))
    channels = np.asarray(image.convert("RGBA"))
    opaque = channels[..., 3:].astype(np.uint16)
    if (opaque == 255).all():
        return as_read(channels[..., :3], colour)
    return as_read(((channels[..., :3] * opaque + 127) // 255).astype(np.uint8), colour)


def _sixteen_bit(image: Image) -> np.ndarray:
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 65535:
        raise UnusableError(f"values {values.min()} to {values.max()} do not fit 16 bits")
    grey = values.astype(np.uint16)
    tags = getattr(image, "tag_v2", {})
    # Pillow inverts 8-bit TIFFs that are saved with white as zero, but not 16-bit ones
    return 65535 - grey if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else grey
