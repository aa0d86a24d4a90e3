"""What tables are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mark = Literal["", "best", "second"]


@dataclass(frozen=True)
class Cell:
    """One cell; the best and the second of its column are marked."""

    text: str = ""
    mark: Mark = ""


@dataclass(frozen=True)
class Table:
    """One table: the first column names the rows, the others hold numbers; the notes and the signature go with it.

    naming: how many of the first columns it takes to tell the rows apart. tied: the columns that mean nothing without
    the one before them. number: 1 images, 2 segmentation, 3 learning curve, 4 costs; 0 for any other.
    """

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    signature: str = ""
    naming: int = 1
    tied: tuple[int, ...] = ()
    number: int = 0
