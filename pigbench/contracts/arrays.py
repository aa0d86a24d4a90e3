"""Arrays and tensors alike."""

from __future__ import annotations

from typing import Any

import numpy as np


def window(occupied: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of the smallest rectangle of (H, W) that holds all that is set; of no pixels if nothing is."""
    rows, columns = (np.flatnonzero(occupied.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def to_numpy(values: Any) -> np.ndarray:
    """`values` as an array: of floats as float32 where it is a tensor, of booleans and integers as they are."""
    if not hasattr(values, "detach"):
        return np.asarray(values)
    values = values.detach().cpu()
    return (values.float() if values.is_floating_point() else values).numpy()


def channels_first(picture: np.ndarray) -> np.ndarray:
    """A picture (H, W) or (H, W, 3) as networks have it, (C, H, W)."""
    return picture[None] if picture.ndim == 2 else np.moveaxis(picture, -1, 0)


def in_three_channels(picture: np.ndarray) -> np.ndarray:
    """A grey picture (H, W) as one in colour (H, W, 3); colour as it is."""
    return picture if picture.ndim == 3 else picture[..., None].repeat(3, axis=-1)


def as_picture(image: np.ndarray) -> np.ndarray:
    """An image (C, H, W) as libraries for pictures have it: grey (H, W), colour (H, W, 3)."""
    return image[0] if len(image) == 1 else np.moveaxis(image, 0, -1)
