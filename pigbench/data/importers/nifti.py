"""A NIfTI volume from the bytes of its file, `.nii` or `.nii.gz`, and its slices at the depth they were saved with."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from pigbench.data.pixels import UnusableError, reading
from pigbench.errors import PigbenchError

SUFFIXES = (".nii", ".nii.gz")

_GZIP = b"\x1f\x8b"
_HALF_A_VOXEL = 0.5


@dataclass(frozen=True)
class Geometry:
    """The voxels along each of three axes, and where they lie: affine (4, 4) in mm, None if the header has none."""

    shape: tuple[int, ...]
    affine: np.ndarray | None

    def matches(self, other: Geometry) -> bool:
        """Whether both have the same voxels in the same place, to half a voxel at the corners, as far as is known."""
        if self.shape != other.shape:
            return False
        if self.affine is None or other.affine is None:
            return True
        corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(self.shape) - 1)
        moved = self.affine - other.affine
        apart = np.linalg.norm(corners @ moved[:3, :3].T + moved[:3, 3], axis=1)
        voxel = np.linalg.norm(self.affine[:3, :3], axis=0).min()
        return bool(apart.max() <= _HALF_A_VOXEL * voxel)


@dataclass(frozen=True)
class Volume:
    """A volume whose slices are made when they are asked for.

    stored: three axes, as in the file. scale: the slope and intercept that turn stored values into the true ones.
    """

    geometry: Geometry
    stored: np.ndarray
    scale: tuple[float, float] | None

    def slice(self, axis: int, index: int) -> np.ndarray:
        """Slice `index` along `axis` (h, w), its rows along the later of the other axes.

        uint8 and uint16 as they are; all else, and what the file scales, as float32. Raises UnusableError for values
        that are not finite, or whole numbers that float32 cannot hold.
        """
        stored = np.moveaxis(self.stored, axis, 0)[index].T
        if self.scale is not None:
            values = (stored * self.scale[0] + self.scale[1]).astype(np.float32)
        elif stored.dtype in (np.uint8, np.uint16):
            return np.ascontiguousarray(stored, stored.dtype.newbyteorder("="))
        else:
            values = stored.astype(np.float32)
            if stored.dtype.kind in "iu" and (values.astype(np.float64) != stored).any():
                raise UnusableError(f"{stored.dtype} values that 32-bit floats cannot hold")
        if not np.isfinite(values).all():
            raise UnusableError(f"slice {index} along axis {axis} has values that are not finite")
        return np.ascontiguousarray(values)

    def spacing(self, axis: int) -> tuple[float, float] | None:
        """mm a pixel of the slices along `axis`, down and across; None where the header does not place the volume."""
        if self.geometry.affine is None:
            return None
        across, down = np.delete(np.linalg.norm(self.geometry.affine[:3, :3], axis=0), axis)
        return float(down), float(across)


def read_geometry(file: Path) -> Geometry:
    """The geometry that a file's header declares; no voxel is read. Raises UnusableError or OSError."""
    with file.open("rb") as raw, reading():
        return _geometry(_image(raw))


@lru_cache(maxsize=2)  # an image and its label: the slices of a volume are asked for one by one
def open_volume(data: bytes) -> Volume:
    """The volume in a file's bytes, all of it in memory as it was saved. Raises UnusableError."""
    with reading():
        image = _image(BytesIO(data))
        geometry, dtype = _geometry(image), image.get_data_dtype()
        if dtype.kind not in "iuf":
            raise UnusableError(f"holds {dtype} voxels, not one number each")
        stored = image.dataobj.get_unscaled().reshape(geometry.shape, order="F")
        scale = image.dataobj.slope, image.dataobj.inter
        return Volume(geometry, stored, None if scale == (1, 0) else scale)


def _geometry(image: Any) -> Geometry:
    shape = (*image.shape, 1) if len(image.shape) == 2 else image.shape
    if len(shape) < 3 or set(shape[3:]) - {1} or not all(shape):
        raise UnusableError(f"holds {'×'.join(map(str, shape))} voxels, not a volume")
    placed = int(image.header["sform_code"]) > 0 or int(image.header["qform_code"]) > 0
    return Geometry(shape[:3], image.affine if placed else None)


def _image(raw: BinaryIO) -> Any:
    """nibabel's image, whose voxels are not read yet."""
    try:
        import nibabel
    except ImportError:
        raise PigbenchError("NIfTI files need nibabel: pip install '.[nifti]' in pigbench's folder") from None
    packed = raw.read(2) == _GZIP
    raw.seek(0)
    stream = gzip.GzipFile(fileobj=raw) if packed else raw
    start = stream.read(540)
    stream.seek(0)
    for kind in (nibabel.Nifti1Image, nibabel.Nifti2Image):
        if kind.header_class.may_contain_header(start):
            return kind.from_stream(stream)
    raise UnusableError("not a NIfTI file")
