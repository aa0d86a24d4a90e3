"""Rows of the arrays in an npz file's bytes, in any order, without unpacking an array as a whole.

A compressed array can only be unpacked from its beginning. So states of the decoder are kept along the way, and a row
is unpacked from the last one before it.
"""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from functools import lru_cache
from io import BytesIO

import numpy as np

from pigbench.data.pixels import UnusableError

_PIECE = 1 << 14  # packed bytes unpacked at once; they become a thousand times as many at most
_STATES = 256  # kept of an array at most, some 40 kB each
_SPAN = 1 << 20  # unpacked bytes between two of them at least
_HEADER = 1 << 12  # more than any array's header of simple type
_LOCAL = 30  # bytes before the name in a member's own header
_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class Rows:
    """An array of an npz file, its rows unpacked when they are asked for. shape, dtype: of the whole array."""

    def __init__(self, packed: memoryview, compressed: bool, size: int) -> None:
        """packed: the member's bytes as they lie in the file, `size` unpacked. Raises whatever a bad header makes."""
        self._packed = packed
        self._span = max(_SPAN, size // _STATES)
        self._states = [(0, 0, zlib.decompressobj(-zlib.MAX_WBITS))] if compressed else []
        start = BytesIO(self._read(0, _HEADER))
        read_header = _READERS[np.lib.format.read_magic(start)]
        self.shape, fortran, self.dtype = read_header(start)
        if fortran or self.dtype.hasobject or not self.shape:
            raise UnusableError("is not a plain array of rows")
        self._offset = start.tell()
        self._stride = math.prod(self.shape[1:]) * self.dtype.itemsize

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, index: int) -> np.ndarray:
        """Row `index`. Raises UnusableError if there is none or its bytes are missing."""
        if not 0 <= index < len(self):
            raise UnusableError(f"has no row {index}")
        raw = self._read(self._offset + index * self._stride, self._stride)
        if len(raw) < self._stride:
            raise UnusableError(f"row {index} is cut short")
        return np.frombuffer(raw, self.dtype).reshape(self.shape[1:])

    def _read(self, start: int, count: int) -> bytes:
        if not self._states:
            return bytes(self._packed[start : start + count])
        parts = []
        for at, unpacked in self._unpacked(start):
            parts.append(unpacked[max(start - at, 0) : start + count - at])
            if at + len(unpacked) >= start + count:
                break
        return b"".join(parts)

    def _unpacked(self, start: int) -> Iterator[tuple[int, bytes]]:
        """The array's bytes piece by piece with their positions, from the last known state before `start`."""
        at, taken, kept = max((state for state in self._states if state[0] <= start), key=lambda state: state[0])
        state = kept.copy()
        while taken < len(self._packed):
            unpacked = state.decompress(self._packed[taken : taken + _PIECE])
            taken += _PIECE
            yield at, unpacked
            at += len(unpacked)
            if at >= self._states[-1][0] + self._span:
                self._states.append((at, taken, state.copy()))


@lru_cache(maxsize=1)
def open_npz(data: bytes) -> dict[str, Rows]:
    """The arrays in the file's bytes by name. Raises UnusableError."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            listed = archive.infolist()
        return {info.filename.removesuffix(".npy"): _rows(data, info) for info in listed}
    except UnusableError:
        raise
    except Exception as error:  # on damaged bytes the decoders raise nearly anything
        raise UnusableError(f"is not an npz file: {str(error) or type(error).__name__}") from None


def _rows(data: bytes, info: zipfile.ZipInfo) -> Rows:
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UnusableError(f"{info.filename} is packed in a way that npz files are not")
    name, extra = struct.unpack_from("<HH", data, info.header_offset + _LOCAL - 4)
    begin = info.header_offset + _LOCAL + name + extra
    packed = memoryview(data)[begin : begin + info.compress_size]
    return Rows(packed, info.compress_type == zipfile.ZIP_DEFLATED, info.file_size)
