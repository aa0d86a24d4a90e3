"""What importers' options say of how pictures are read: what of colour, and which values of a mask are lesion."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
from pydantic import Field

from pigbench.contracts import Config
from pigbench.data.pixels import Colour
from pigbench.errors import PigbenchError

_RANGES = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")
_ANY = "any"
_GREATEST = 2**63 - 1
_SHOWN = 8
_MOST_LABELS = 32


class ColourOptions(Config):
    """What is read of pictures in colour; without either option they are refused."""

    grey: bool = Field(False, description="read colour by its luminance, 0.299 R + 0.587 G + 0.114 B")
    channel: Literal["R", "G", "B"] | None = Field(None, description="read one channel of colour: R, G or B")

    @property
    def colour(self) -> Colour | None:
        """What is read of colour. Raises PigbenchError where both were given."""
        if self.grey and self.channel:
            raise PigbenchError("give --grey or --channel, not both")
        return "luminance" if self.grey else self.channel


def ranges(text: str) -> list[tuple[int, int]]:
    """The least and the greatest of each part of a text such as 1,5-9; none for any other text."""
    parts = text.replace(" ", "")
    if not _RANGES.fullmatch(parts):
        return []
    return [(int(part.split("-")[0]), int(part.split("-")[-1])) for part in parts.split(",")]


class Foreground:
    """The values of a mask that are lesion, such as 1,2 or 128-255, and which of them masks had so far.

    ranges: the least and the greatest value of each part; `any` is all but 0. smoothed: how many masks have so many
    values that only a range such as 128-255 makes sense, where that was not said.
    """

    def __init__(self, text: str) -> None:
        """Raises PigbenchError for anything but numbers and ranges of them."""
        self.ranges = ranges(text.replace(_ANY, f"1-{_GREATEST}"))
        if not self.ranges:
            raise PigbenchError(f"--foreground {text}: give numbers or ranges, such as 1,2 or 128-255, or any")
        self._unmet = set(self.ranges)
        self._values: set[int] = set()
        self.smoothed = 0

    def chooses(self, value: int) -> bool:
        """Whether that value is one of them."""
        return any(low <= value <= high for low, high in self.ranges)

    def lesion(self, values: np.ndarray) -> np.ndarray:
        """(h, w) uint8, 1 where `values` is one of them. What was met is remembered."""
        inside = np.zeros(values.shape, bool)
        for low, high in self.ranges:
            within = (values >= low) & (values <= high)
            inside |= within
            if within.any():
                self._unmet.discard((low, high))
        found = np.unique(values)
        if self._unmet and len(self._values) <= _SHOWN:
            self._values |= {int(value) for value in found[: _SHOWN + 1]}
        self.smoothed += len(found) > _MOST_LABELS and not self._halves
        return inside.astype(np.uint8)

    @property
    def _halves(self) -> bool:
        """Whether it is one range, wide, but not of all values but 0: a half of what smoothed masks have."""
        low, high = self.ranges[0]
        return len(self.ranges) == 1 and _MOST_LABELS < high - low < _GREATEST - 1

    @property
    def unmet(self) -> list[str]:
        """The values and ranges that no mask had."""
        return [_shown(*part) for part in self.ranges if part in self._unmet]

    @property
    def found(self) -> str:
        """The values that masks had, the first of them."""
        listed = sorted(self._values)
        return ", ".join(map(str, listed[:_SHOWN])) + (", …" if len(listed) > _SHOWN else "")


def _shown(low: int, high: int) -> str:
    return str(low) if low == high else _ANY if high == _GREATEST else f"{low}-{high}"
