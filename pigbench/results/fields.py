"""What a field of a record may hold, so that whoever reads a record's numbers and names need not ask again."""

from __future__ import annotations

import unicodedata
from math import isfinite
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

LARGEST = 2**53
"""Up to here every whole number is exact in JSON, in float64 and in a sum of several; nothing measured comes near."""
LONGEST = 1000
"""Characters of a name; no label or id comes near."""


def _printable(name: str) -> str:
    if not name:
        raise ValueError("a name is empty")
    if not name.isprintable() and any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in name):
        raise ValueError(f"a line break or a control character in {name!a}")
    return name


def on_one_line(text: str) -> str:
    """`text` with its line breaks and control characters as spaces."""
    if text.isprintable():
        return " ".join(text.split())
    shown = "".join(" " if unicodedata.category(character) == "Cc" else character for character in text)
    return " ".join(shown.split())


def _none_for_nan(value: Any) -> Any:
    """NaN and infinity are written as null, so they are read as None."""
    return None if isinstance(value, float) and not isfinite(value) else value


Name = Annotated[str, Field(max_length=LONGEST), AfterValidator(_printable)]
"""A label, a key, a signature: not empty, fit for one cell of a table."""
Prose = Annotated[str, AfterValidator(on_one_line)]
"""A sentence for a reader; line breaks and control characters become spaces."""
Identity = Annotated[str, Field(max_length=LONGEST)]
"""What tells a patient or a case from others; never shown."""
Count = Annotated[int, Field(ge=0, le=LARGEST)]
"""How many."""
Seed = Annotated[int, Field(ge=-LARGEST, le=LARGEST)]
"""A seed of random numbers."""
Share = Annotated[float, Field(ge=0, le=1)]
"""A part of the whole, 0 to 1."""
Measure = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
"""A number that exists."""
Number = Annotated[Measure | None, BeforeValidator(_none_for_nan)]
"""A number, or None where there is none."""
Operations = Annotated[float, Field(ge=0, le=1e30)]
"""Multiply-adds of a training."""
