"""A figure of the report: vector graphics for the eye, and the same numbers as a table for everyone else."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pigbench.protocol import digest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, INK, GREY = (
    "#0072b2", "#d55e00", "#007a5a", "#a3487f", "#b87400", "#2a86b8", "#222222", "#6b6b6b",
)  # fmt: skip
"""After Okabe and Ito, whose colours the colour-blind can tell apart, some darkened to be read on white."""
LINES = (INK, BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h")
"""What tells lines apart besides their colours; of another number than these, so that both together repeat late."""
ID = "f[0-9a-f]{8}"
"""How the ids in a drawing begin."""

_STYLE = {
    "svg.fonttype": "none",  # text stays text: it can be searched, and the file is small
    "svg.hashsalt": "pigbench",  # equal figures are equal files
    "text.parse_math": False,  # a name may hold a dollar sign
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "legend.frameon": False,
}
_Box = tuple[float, float, float, float]
"""Left, lower, right and upper edge, in points."""
_WIDTH = 8.6  # inches, the page's
_NAME_SIZE = 7.5  # points, of what stands beside a point
_LINE = 1.15 * _NAME_SIZE


@dataclass(frozen=True)
class Drawing:
    """caption: what its marks mean. headings, rows: what is drawn, as text."""

    title: str
    caption: str
    svg: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def drawn(paint: Callable[[Figure], None], height: float, *, arranged: bool = True) -> str:
    """The SVG element of what `paint` does to an empty figure of that height in inches, as wide as the page.

    arranged: let matplotlib make room for all texts, which takes as long as drawing; otherwise `paint` does.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, height), layout="constrained" if arranged else None)
        paint(figure)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None, "Type": None, "Format": None})
    return _inline(text.getvalue())


def line_style(number: int) -> dict[str, Any]:
    """Colour and marker of the line of that number."""
    return {"color": LINES[number % len(LINES)], "marker": MARKERS[number % len(MARKERS)]}


def name_points(axis: Axes, points: Sequence[tuple[str, float, float]]) -> None:
    """Write beside each point (name, x, y) its name, one line or more up or down where another point or name stands.

    Call it last: where names fit depends on the limits and scales of the axes.
    """
    axis.get_xlim(), axis.get_ylim()  # brings the transformation up to date
    scale = 72 / axis.figure.dpi
    places = [scale * axis.transData.transform((x, y)) for _, x, y in points]
    taken = [(x - 3, y - 3, x + 3, y + 3) for x, y in places]
    nearest = sorted(range(-12, 13), key=lambda lines: (abs(lines), -lines))
    for (name, at, value), (x, y) in zip(points, places, strict=True):
        boxes = {lines: _beside(x, y, lines, name) for lines in nearest}
        lines = next((of for of, box in boxes.items() if not any(_overlap(box, other) for other in taken)), 0)
        taken.append(boxes[lines])
        axis.annotate(
            name,
            (at, value),
            (7, 2 + _LINE * lines),
            textcoords="offset points",
            fontsize=_NAME_SIZE,
            arrowprops={"arrowstyle": "-", "linewidth": 0.4, "color": GREY, "relpos": (0, 0.5)} if lines else None,
        )


def _beside(x: float, y: float, lines: int, name: str) -> _Box:
    """About where a name stands, so many lines above its point."""
    return x + 7, y + 1 + _LINE * lines, x + 7 + 0.6 * _NAME_SIZE * len(name), y + _LINE * (lines + 1)


def _overlap(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def logarithmic(axis: Axis) -> None:
    """Label a logarithmic axis with plain numbers, without mathematical type."""
    from matplotlib.ticker import FuncFormatter, LogFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(LogFormatter(labelOnlyBase=False, minor_thresholds=(1, 0.5)))


def spaced(count: int, each: float = 0.27, rest: float = 0.9) -> float:
    """The height in inches of a figure with so many rows."""
    return rest + each * count


def without_empty(drawings: Sequence[Drawing | None]) -> list[Drawing]:
    """Those that there are."""
    return [drawing for drawing in drawings if drawing]


def _inline(svg: str) -> str:
    """An SVG file as an element of a page: without its prologue, and with ids that no other figure has."""
    element = svg[svg.index("<svg") :].strip()
    element = re.sub(r"\s*<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    own = f"f{digest(element)[:8]}-"
    element = re.sub(r'\bid="', f'id="{own}', element)
    element = re.sub(r'(xlink:href="|href="|url\()#', rf"\g<1>#{own}", element)
    return element.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)
