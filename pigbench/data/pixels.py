"""One grey picture from the bytes of a PNG, TIFF or JPEG file, at the depth it was saved with, or the reason why not.

Pillow turns 16-bit grey into 8-bit by clipping when it is asked to convert, and reads 16-bit colour as 8-bit in
silence. So nothing here converts 16-bit pixels, and what would lose depth is refused.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg")

_WHITE_IS_ZERO = 0
_PHOTOMETRIC, _BITS_PER_SAMPLE = 262, 258  # TIFF tags


class UnusableError(Exception):
    """Why the bytes of a file do not give one grey picture."""


def decode(data: bytes) -> np.ndarray:
    """The picture (h, w) in `data`: uint8, or uint16 where the file holds 16-bit grey. Raises UnusableError."""
    import PIL.Image

    try:
        with PIL.Image.open(BytesIO(data), formats=("PNG", "TIFF", "JPEG")) as image:
            depth, frames = _depth(image, data), getattr(image, "n_frames", 1)
            if frames > 1:
                raise UnusableError(f"holds {frames} frames, not one")
            image.load()
            return _grey(image, depth)
    except UnusableError:
        raise
    except PIL.UnidentifiedImageError:
        raise UnusableError("not a PNG, TIFF or JPEG file") from None
    except Exception as error:  # on damaged bytes the decoders raise nearly anything
        raise UnusableError(f"cannot be read: {str(error) or type(error).__name__}") from None


def labels(data: bytes) -> np.ndarray:
    """As `decode`, but of a picture with a palette the indices, which is what label maps are saved as."""
    import PIL.Image

    try:
        with PIL.Image.open(BytesIO(data), formats=("PNG", "TIFF")) as image:
            if image.mode == "P":
                return np.array(image)
    except Exception:  # on damaged bytes the decoders raise nearly anything; `decode` says what it is
        pass
    return decode(data)


def binary(pixels: np.ndarray) -> tuple[np.ndarray, int]:
    """The mask (h, w), uint8, 0 or 1, and the value that stood for 1 (0 in an empty mask).

    Raises UnusableError with the values found if there is more than one besides 0.
    """
    values = np.unique(pixels)
    lesion = values[values != 0]
    if len(lesion) > 1:
        shown = ", ".join(str(value) for value in values[:8]) + (", …" if len(values) > 8 else "")
        raise UnusableError(f"{len(values)} values: {shown}")
    return (pixels != 0).astype(np.uint8), int(lesion[0]) if len(lesion) else 0


def _depth(image: Image, data: bytes) -> int:
    """Bits a sample as the file says, which is more than Pillow keeps for 16-bit colour."""
    if image.format == "PNG":
        return data[24]  # the header chunk comes first: signature 8, length 4, type 4, width 4, height 4, depth 1
    tags = getattr(image, "tag_v2", {})
    return max(tags.get(_BITS_PER_SAMPLE, (8,)))


def _grey(image: Image, depth: int) -> np.ndarray:
    if image.mode.startswith("I"):
        return _sixteen_bit(image)
    if depth > 8:
        raise UnusableError(f"{depth}-bit {image.mode}: save it as 8- or 16-bit grey")
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))
    return _equal_channels(image)


def _sixteen_bit(image: Image) -> np.ndarray:
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 65535:
        raise UnusableError(f"values {values.min()} to {values.max()} do not fit 16 bits")
    grey = values.astype(np.uint16)
    tags = getattr(image, "tag_v2", {})
    # Pillow inverts 8-bit TIFFs that are saved with white as zero, but not 16-bit ones
    return 65535 - grey if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else grey


def _equal_channels(image: Image) -> np.ndarray:
    """The grey of an image saved in colour or with a palette; refused if it has real colour or transparency."""
    channels = np.asarray(image.convert("RGBA"))
    if (channels[..., 3] != 255).any():
        raise UnusableError("has transparent pixels: save it as grey")
    if (channels[..., 1:3] != channels[..., :1]).any():
        raise UnusableError("has colour: save it as grey")
    return np.ascontiguousarray(channels[..., 0])
