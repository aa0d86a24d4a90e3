"""Packed columns: what goes in comes out, and what is no column is refused. For lies see test_malformed_records."""

from __future__ import annotations

import base64
import json
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pigbench.results.columns import packed, same_columns, unpacked

NUMBER = st.floats(-1e15, 1e15) | st.just(float("nan")) | st.integers(-(2**40), 2**40).map(float)


@given(st.lists(NUMBER, max_size=50))
def test_numbers_survive_to_the_last_bit(numbers):
    column = np.array(numbers, dtype=float)
    again = unpacked(json.loads(json.dumps(packed(column))))
    assert same_columns(again.astype(float), column)
    assert np.array_equal(np.signbit(again.astype(float)), np.signbit(column))


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=20))
def test_texts_survive(texts):
    assert unpacked(json.loads(json.dumps(packed(texts)))) == texts


@pytest.mark.parametrize(
    ("numbers", "kind"),
    [
        *(([0, 127], "i1"), ([0, 128], "i2"), ([-40000], "i4"), ([], "i1")),
        *(([2**31], "f8"), ([0.5], "f8"), ([np.nan, 1], "f8"), ([-0.0], "f8")),
    ],
)
def test_whole_numbers_take_the_smallest_type_that_has_room(numbers, kind):
    assert packed(np.array(numbers, dtype=float))["type"] == kind


def test_the_bytes_lie_as_the_format_says():
    column = packed(np.array([1, 256 + 2, 3]))
    assert zlib.decompress(base64.b64decode(column["data"])) == bytes([1, 2, 3, 0, 1, 0])  # low bytes, then high ones


def test_a_bomb_is_not_unpacked(monkeypatch):
    given = {"type": "i1", "length": 3, "data": base64.b64encode(zlib.compress(bytes(2**26))).decode()}
    asked, inflating = [], zlib.decompressobj

    class Watched:
        def __init__(self):
            self.inner = inflating()

        def decompress(self, data, most):
            asked.append(most)
            return self.inner.decompress(data, most)

    monkeypatch.setattr("pigbench.results.columns.zlib.decompressobj", Watched)
    with pytest.raises(ValueError, match="more bytes than its length says"):
        unpacked(given)
    assert asked == [4]
