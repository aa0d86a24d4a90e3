"""What importers' options say of how pictures are read: what of colour, and what the values of a mask mean."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from pigbench.contracts import Config
from pigbench.contracts.arrays import in_three_channels
from pigbench.data.importers.spelling import composed
from pigbench.data.pixels import Colour, UnusableError
from pigbench.errors import PigbenchError

BACKGROUND = "background"
"""What no class can be called: its values, and structures, are of none."""
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_NEAR = 48
"""So far a channel of a colour can be off after JPEG."""
_RANGES = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")
_LESION_ALONE = re.compile(r"\s*lesion\s*=\s*((?:any|[\d-]+)(?:\s*,\s*[\d-]+)*)\s*")
_ANY = "any"
_GREATEST = 2**63 - 1
_SHOWN = 8
_MOST_LABELS = 32


def are_labels(values: np.ndarray) -> bool:
    """Whether the different values of a mask, ascending, may be those of a label map, not of a smoothed mask."""
    return len(values) <= _SHOWN or int(values[-1]) <= _MOST_LABELS


class ColourOptions(Config):
    """What is read of pictures in colour; without either option they stay in colour."""

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
    found = [(int(part.split("-")[0]), int(part.split("-")[-1])) for part in parts.split(",")]
    return found if all(low <= high for low, high in found) else []


def named_parts(text: str) -> dict[str, list[str]]:
    """The parts of a text such as lesion=1,organ=2-4,7, by name; those before the first name are under "".

    Accents and umlauts of names are one character each, and the background is BACKGROUND however it is written.
    """
    given: dict[str, list[str]] = {}
    name = ""
    for part in text.split(","):
        head, equals, value = part.rpartition("=")
        name = composed(head.strip()) if equals else name
        name = BACKGROUND if name.casefold() == BACKGROUND else name
        given.setdefault(name, []).append(value.strip())
    return given


def one_spelling(classes: str | None) -> str | None:
    """The text of the option `classes` without a choice: no blanks around names and values, colours in lower case."""
    if classes is None:
        return None
    parts = {
        name: [value.lower() if _COLOUR.fullmatch(value) else value for value in values]
        for name, values in named_parts(classes).items()
    }
    return ",".join(f"{name}={','.join(values)}" if name else ",".join(values) for name, values in parts.items())


class MaskOptions(Config):
    """What the values of a mask mean."""

    foreground: str | None = Field(
        None, description="the values that are lesion: 1,2 in a label map, 128-255 in smoothed masks, any for all but 0"
    )
    classes: str | None = Field(
        None,
        description="the classes and their values, lesion=1,organ=2-4, or colours, lesion=#ff0000; 0 and black are the "
        "background, and so is what background=255 names; lesion=1 alone is --foreground 1",
    )
    _ = field_validator("classes")(one_spelling)

    @model_validator(mode="before")
    @classmethod
    def _lesion_alone(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Values of a lesion, and of nothing else, are its foreground: all other values are the background."""
        classes = given.get("classes")
        found = _LESION_ALONE.fullmatch(classes) if isinstance(classes, str) else None
        if found is None or given.get("foreground") is not None:
            return given
        return given | {"classes": None, "foreground": found[1]}


class Classes:
    """The classes of masks by name, and the values or colours that stand for each.

    names: in the order of their labels 1..K. in_colour: whether masks are colour-coded.
    """

    def __init__(self, text: str) -> None:
        """Raises PigbenchError for anything but names with numbers, ranges or colours."""
        given = named_parts(text)
        self.names = tuple(name for name in given if name != BACKGROUND)
        self.in_colour = all(_COLOUR.fullmatch(value) for values in given.values() for value in values)
        parts = {name: [self._range(value) for value in values] for name, values in given.items()}
        if not self.names or "" in given or not all(all(ranges) for ranges in parts.values()):
            raise PigbenchError(
                f"--classes {text}: give names with values, such as lesion=1,organ=2-4, or colours: lesion=#ff0000"
            )
        self.ranges = [(low, high, name) for name, ranges in parts.items() for low, high in filter(None, ranges)]
        for low, _, name in self.ranges:
            if low == 0 and name != BACKGROUND:
                raise PigbenchError(f"--classes {text}: {self.told(0)} is the background, and cannot be {name}")
        self._unmet = {part for part in self.ranges if part[2] != BACKGROUND}
        ordered = sorted(self.ranges)
        for (_, end, one), (start, _, other) in pairwise(ordered):
            if start <= end:
                raise PigbenchError(f"--classes {text}: {self.told(start)} is of {one} and of {other}")

    def _range(self, value: str) -> tuple[int, int] | None:
        if self.in_colour:
            return (int(value[1:], 16),) * 2
        found = ranges(value)
        return found[0] if len(found) == 1 else None

    def told(self, value: int) -> str:
        """A value as the user knows it."""
        return f"#{value:06x}" if self.in_colour else str(value)

    @property
    def unmet(self) -> list[str]:
        """The values, ranges and colours of classes that no mask had so far, with their class."""
        return [
            f"{name}={self.told(low)}" + ("" if low == high else f"-{self.told(high)}")
            for low, high, name in self.ranges
            if (low, high, name) in self._unmet
        ]

    def label_map(self, values: np.ndarray, *, lossy: bool = False) -> np.ndarray:
        """(h, w) uint8, 0..K, of values (h, w), or of colours (h, w, 3) uint8. lossy: whether a JPEG held them.

        What was met is remembered. Raises UnusableError for a value that no class names.
        """
        if self.in_colour:
            if values.dtype != np.uint8:
                raise UnusableError("16-bit grey, where --classes names colours")
            values = _as_numbers(values)
        labels, known = np.zeros(values.shape, np.uint8), values == 0
        for low, high, name in self.ranges:
            within = (values >= low) & (values <= high)
            known |= within
            if within.any():
                self._unmet.discard((low, high, name))
            if name != BACKGROUND:
                labels[within] = 1 + self.names.index(name)
        if not known.all():
            raise UnusableError(self._strangers(values[~known], lossy))
        return labels

    def _strangers(self, pixels: np.ndarray, lossy: bool) -> str:
        """What is wrong with the pixels whose values no class names."""
        values, counts = np.unique(pixels, return_counts=True)
        listed = ", ".join(map(self.told, values[:_SHOWN].tolist())) + (", …" if len(values) > _SHOWN else "")
        what = "colours" if self.in_colour else "values"
        if self.in_colour and counts[self._are_near(values)].sum() >= counts.sum() / 2:
            if lossy:
                return f"colours near those of --classes, as JPEG makes them: save masks as PNG ({listed})"
            return (
                "colours near those of --classes: save masks without smoothing and never as JPEG, or mend --classes "
                f"({listed})"
            )
        if lossy:
            return f"{what} that no class names, as JPEG makes them: save masks as PNG ({listed})"
        return f"{what} that no class names: add them to --classes, those of no class as background=… ({listed})"

    def _are_near(self, values: np.ndarray) -> np.ndarray:
        """(N,) bool, whether colours are as near to a known one as JPEG leaves them."""
        ours = np.array([0, *(low for low, _, _ in self.ranges)])
        apart = np.abs(_channels(values)[:, None] - _channels(ours)).max(axis=-1)
        return apart.min(axis=1) <= _NEAR


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


def _as_numbers(colours: np.ndarray) -> np.ndarray:
    """Colours (h, w, 3), or grey (h, w), uint8, as numbers 0xRRGGBB."""
    return in_three_channels(colours).astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])


def _channels(numbers: np.ndarray) -> np.ndarray:
    return np.stack([numbers >> 16, numbers >> 8 & 255, numbers & 255], axis=-1)
