"""Colours that everyone can read: text meets WCAG AA, and marks differ by more than colour."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from pigbench.reporting.report.drawing import LINES, MARKERS, line_style
from pigbench.reporting.report.forest import CONTROL, STYLES

STYLE = files("pigbench.reporting.report").joinpath("templates/style.css").read_text(encoding="utf-8")
COLOURS = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", STYLE))


def luminance(colour: str) -> float:
    """WCAG's relative luminance."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("ground", ["#ffffff", COLOURS["ground"]])
@pytest.mark.parametrize("text", ["ink", "soft", "accent"])
def test_text_can_be_read(text: str, ground: str) -> None:
    assert contrast(COLOURS[text], ground) >= 4.5


def test_marks_can_be_seen_and_told_apart_without_colour() -> None:
    assert all(contrast(colour, "#ffffff") >= 3 for colour in LINES)
    forms = [(style["marker"], style.get("markerfacecolor", "filled")) for style in (*STYLES.values(), CONTROL)]
    assert len(set(forms)) == len(forms)
    assert len(set(MARKERS)) == len(MARKERS)
    styles = [tuple(line_style(number).values()) for number in range(25)]
    assert len(set(styles)) == len(styles)
