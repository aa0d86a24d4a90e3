"""A contact sheet: many images of one dataset or generator at a glance, each bare and with its mask shown."""

from __future__ import annotations

import colorsys
import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pigbench.contracts.arrays import in_three_channels

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont

PANEL = 128  # pixels: small images are enlarged, by a whole number of times, to at least this
MARGIN, GAP = 16, 2  # pixels: around and between cells, and between the panels of a cell
CAPTION, NAME, TITLE = 10, 12, 16  # text sizes in pixels
PAPER, INK = (255, 255, 255), (60, 60, 60)
OUTLINES = (
    *((255, 90, 60), (40, 120, 255), (60, 190, 90), (240, 180, 30), (170, 90, 220), (30, 190, 200)),
    *((150, 80, 40), (255, 130, 200), (130, 140, 30), (0, 60, 140), (130, 0, 60), (110, 110, 110)),
)
"""Of the first classes, in their order."""
GOLDEN = 0.618
"""What the hue of each further class moves on by, in turns, so that near labels have unlike colours."""
TINT = 0.25  # the outline's share in the colour of the inside


@dataclass(frozen=True)
class Cell:
    """One case. image: grey (H, W) or colour (H, W, 3), float, -1 dark to 1 bright, beyond that clipped. mask: a label
    map (H, W) uint8, or none."""

    image: np.ndarray
    mask: np.ndarray | None = None
    caption: str = ""


def contact_sheet(
    cells: Sequence[Cell], path: Path, columns: int = 8, title: str = "", classes: Sequence[str] = ()
) -> None:
    """Write `cells` to `path` as a PNG, row by row: the bare image, and beside it the image with its
    mask outlined and its inside tinted, class by class, so that an inverted mask is seen.

    classes: their names, which stand under the title in their colours, if there are several. If no cell has a mask
    there is one panel a cell. Raises ValueError for no cells or images of different shapes. The file appears whole or
    not at all.
    """
    sheet = compose(cells, columns, title, classes)
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}.tmp")
    try:
        sheet.save(temporary, format="PNG")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def compose(cells: Sequence[Cell], columns: int = 8, title: str = "", classes: Sequence[str] = ()) -> Image:
    """The sheet itself, see `contact_sheet`. Raises ValueError for no cells or images of different shapes."""
    from PIL import Image, ImageDraw

    shapes = {cell.image.shape for cell in cells}
    if len(shapes) != 1:
        raise ValueError(f"a contact sheet wants images of one shape, not {sorted(shapes) or 'none'}")
    columns = min(columns, len(cells))
    masked = any(cell.mask is not None for cell in cells)
    tiles = [_tile(cell, masked) for cell in cells]
    height, width = tiles[0].shape[:2]
    caption = CAPTION + 6 if any(cell.caption for cell in cells) else 0
    across, down = width + MARGIN, height + caption + MARGIN
    wide = MARGIN + columns * across
    names = _placed(classes if len(classes) > 1 else (), wide - 2 * MARGIN)
    top = MARGIN + (TITLE + MARGIN if title else 0)
    head = top + TITLE * (1 + names[-1].line if names else 0)
    sheet = Image.new("RGB", (wide, head + math.ceil(len(cells) / columns) * down), PAPER)
    draw = ImageDraw.Draw(sheet)

    large, small = _font(TITLE), _font(CAPTION)
    draw.text((MARGIN, MARGIN - 4), _fitting(title, large, sheet.width - 2 * MARGIN), INK, large)
    for label, name in enumerate(names, start=1):
        draw.text((MARGIN + name.x, top + TITLE * name.line - 4), name.text, colour_of(label), _font(NAME))
    for index, (cell, tile) in enumerate(zip(cells, tiles, strict=True)):
        x, y = MARGIN + index % columns * across, head + index // columns * down
        sheet.paste(Image.fromarray(tile), (x, y))
        draw.text((x, y + height + 2), _fitting(cell.caption, small, width), INK, small)
    return sheet


@dataclass(frozen=True)
class _Name:
    """A class's name in the legend. x: pixels from the left end of its line."""

    text: str
    x: int
    line: int


def _placed(classes: Sequence[str], width: int) -> list[_Name]:
    """The names side by side, in as many lines of that width as they take."""
    font, found, x, line = _font(NAME), list[_Name](), 0, 0
    for name in classes:
        told = _fitting(name, font, width)
        taken = math.ceil(font.getlength(told))
        if x and x + taken > width:
            x, line = 0, line + 1
        found.append(_Name(told, x, line))
        x += taken + MARGIN
    return found


def _tile(cell: Cell, masked: bool) -> np.ndarray:
    """The panels of a cell side by side, (height, width, 3) uint8."""
    times = math.ceil(PANEL / max(cell.image.shape[:2]))
    bare = _enlarged(in_three_channels(_bytes(cell.image)), times)
    if not masked:
        return bare
    shown = np.full_like(bare, 255) if cell.mask is None else _with_mask(bare, _enlarged(cell.mask, times))
    gap = np.full((len(bare), GAP, 3), 255, np.uint8)
    return np.concatenate([bare, gap, shown], axis=1)


def _with_mask(bare: np.ndarray, mask: np.ndarray) -> np.ndarray:
    shown = bare.copy()
    labels = np.unique(mask[mask != 0]).tolist()
    for label in labels:
        inside = mask == label
        shown[inside] = np.rint((1 - TINT) * bare[inside] + TINT * np.array(colour_of(label)))
    for label in labels:
        shown[_outline(mask == label)] = colour_of(label)
    return shown


def colour_of(label: int) -> tuple[int, int, int]:
    """A class's colour."""
    if label <= len(OUTLINES):
        return OUTLINES[label - 1]
    red, green, blue = colorsys.hsv_to_rgb(label * GOLDEN % 1, 0.55, 0.9)
    return round(255 * red), round(255 * green), round(255 * blue)


def _bytes(image: np.ndarray) -> np.ndarray:
    return np.rint((np.clip(image, -1, 1) + 1) * 127.5).astype(np.uint8)


def _enlarged(pixels: np.ndarray, times: int) -> np.ndarray:
    return pixels.repeat(times, axis=0).repeat(times, axis=1)


def _outline(mask: np.ndarray) -> np.ndarray:
    """A line one pixel wide just outside the lesion, so that it hides nothing of it."""
    lesion = np.pad(mask != 0, 1)
    grown = lesion.copy()
    for axis in (0, 1):
        for step in (-1, 1):
            grown |= np.roll(lesion, step, axis)
    return (grown & ~lesion)[1:-1, 1:-1]


def _font(size: int) -> FreeTypeFont:
    """Matplotlib's DejaVu Sans: it has the signs that titles use, as Pillow's own font has not."""
    from matplotlib import get_data_path
    from PIL import ImageFont

    return ImageFont.truetype(Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)


def _fitting(text: str, font: FreeTypeFont, width: int) -> str:
    """The text, or as much of it as `width` pixels hold."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"
