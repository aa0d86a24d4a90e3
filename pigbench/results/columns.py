"""Columns of a record: numpy arrays and lists of texts in memory, packed in JSON.

A packed column is `{"type": "i1", "length": 3, "data": "…"}`. type: `i1`, `i2`, `i4` (signed whole numbers), `f8`
(double precision) or `text`. data: base64 of zlib of the bytes: of numbers little-endian and shuffled, all first bytes
before all second ones and so on, which compresses better; of texts a JSON list. Whatever is not that is refused with
the reason, and nothing is unpacked that is longer than it says.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import PlainSerializer, PlainValidator
from pydantic_core import from_json

from pigbench.results.fields import LARGEST, LONGEST

WHOLE = ("i1", "i2", "i4")
MOST = 2**26
"""Rows of a column. Ten segmenters on a thousand arms of ten thousand cases take more."""
MOST_BYTES = 2**28
"""Of a column of texts."""


def packed(column: np.ndarray | Sequence[str]) -> dict[str, Any]:
    """`column` as JSON holds it, whole numbers in the smallest type that has room for them."""
    if not isinstance(column, np.ndarray):
        kind, content = "text", json.dumps(list(column), ensure_ascii=False).encode()
    else:
        kind = _smallest(column)
        content = np.ascontiguousarray(column, f"<{kind}").view(np.uint8).reshape(len(column), int(kind[1])).T.tobytes()
    data = base64.b64encode(zlib.compress(content)).decode("ascii")
    return {"type": kind, "length": len(column), "data": data}


def unpacked(column: Any) -> np.ndarray | list[str]:
    """The column that was packed. Raises ValueError with what is wrong."""
    if not isinstance(column, dict):
        raise ValueError("not a packed column")
    kind, length, data = (column.get(name) for name in ("type", "length", "data"))
    if kind not in (*WHOLE, "f8", "text"):
        raise ValueError(f"a column of unknown type {str(kind)[:20]!a}")
    if type(length) is not int or not 0 <= length <= MOST:
        raise ValueError("a column whose length is no number of rows")
    if kind == "text":
        return _texts_in(_inflated(data, MOST_BYTES, exactly=False), length)
    width = int(kind[1])
    content = _inflated(data, length * width, exactly=True)
    planes = np.frombuffer(content, np.uint8).reshape(width, length)
    return np.ascontiguousarray(planes.T).view(f"<{kind}").reshape(length)


def _inflated(data: Any, size: int, *, exactly: bool) -> bytes:
    """At most `size` bytes, or just so many."""
    try:
        compressed = base64.b64decode(data, validate=True)
        inflating = zlib.decompressobj()
        content = inflating.decompress(compressed, size + 1)
    except (TypeError, ValueError, binascii.Error, zlib.error):
        raise ValueError("a column whose data cannot be unpacked") from None
    if len(content) > size:
        raise ValueError("a column of more bytes than its length says")
    if not inflating.eof or inflating.unused_data:
        raise ValueError("a column whose data is cut short or goes on after its end")
    if exactly and len(content) < size:
        raise ValueError("a column of fewer bytes than its length says")
    return content


def _texts_in(content: bytes, length: int) -> list[str]:
    try:
        texts = from_json(content)
    except ValueError:
        raise ValueError("a column of texts that is no JSON") from None
    if not isinstance(texts, list):
        raise ValueError("a column of texts that is no list")
    if len(texts) != length:
        raise ValueError(f"a column of {len(texts)} texts whose length says {length}")
    return texts


def _smallest(column: np.ndarray) -> str:
    if column.dtype.kind not in "iu":
        whole = np.isfinite(column).all() and not (np.mod(column, 1).any() or np.signbit(column[column == 0]).any())
        if not whole:
            return "f8"
    low, high = (column.min(), column.max()) if len(column) else (0, 0)
    fitting = (kind for kind in WHOLE if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max)
    return next(fitting, "f8")


def _column(given: Any) -> np.ndarray:
    """(N,) numbers from a packed column, an array or a list."""
    if isinstance(given, dict):
        given = unpacked(given)
    elif isinstance(given, list | tuple):
        if not all(type(value) in (int, float) for value in given):
            raise ValueError("a column of something else than numbers")
        given = np.array(given) if given else np.empty(0, np.int64)
    if not (isinstance(given, np.ndarray) and given.ndim == 1 and given.dtype.kind in "iuf"):
        raise ValueError("a column of something else than numbers")
    return given


def _indexes(given: Any) -> np.ndarray:
    column = _column(given)
    if column.dtype.kind == "f":
        raise ValueError("a column of fractions where whole numbers belong")
    if len(column) and not (column.min() >= 0 and column.max() <= np.iinfo(np.int32).max):
        raise ValueError("a column of numbers out of range")
    return column.astype(np.int32)


def _values(given: Any) -> np.ndarray:
    column = _column(given).astype(np.float64)
    if (np.abs(column) > LARGEST).any():  # NaN is not
        raise ValueError("a column of numbers out of range")
    return column


def _texts(given: Any) -> list[str]:
    texts = unpacked(given) if isinstance(given, dict) else given
    if not isinstance(texts, list | tuple) or {*map(type, texts)} - {str} or max(map(len, texts), default=0) > LONGEST:
        raise ValueError(f"a column of something else than texts of at most {LONGEST} characters")
    return list(texts)


_packed = PlainSerializer(packed, when_used="json")
Indexes = Annotated[np.ndarray, PlainValidator(_indexes), _packed]
"""(N,) int32, none of them negative."""
Values = Annotated[np.ndarray, PlainValidator(_values), _packed]
"""(N,) float64; NaN where there is no number, nothing infinite."""
Texts = Annotated[list[str], PlainValidator(_texts), _packed]
"""N texts."""


def same_columns(a: np.ndarray | list[str] | None, b: np.ndarray | list[str] | None) -> bool:
    """Whether two columns hold the same; NaN is NaN."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return np.array_equal(a, b, equal_nan=True)
    return type(a) is type(b) and a == b
