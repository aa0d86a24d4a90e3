"""A stained tissue section, in the way of haematoxylin and eosin: glands with their nuclei in fibrous stroma.

A section is drawn from its random path without a pixel, then rendered at any size. Lengths are in frames (1 is the side
of the square image), x to the right, y down. Stains absorb light: a pixel's colour is exp(-optical density), red, green
and blue apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pigbench.data.phantom.fields import Spectrum, draw_field, smooth_step
from pigbench.randomness import numpy_generator

GLAND, NUCLEUS = 1, 2
"""The values of a mask. A gland is all within its outer border; a nucleus counts as one wherever it lies."""

HAEMATOXYLIN = np.array([0.65, 0.70, 0.29])
EOSIN = np.array([0.09, 0.95, 0.28])
"""Optical densities of red, green and blue where the stain is 1 (Ruifrok, Johnston, 2001)."""
FIBRES = Spectrum(beta=2.2, knee=4.0, cutoff=30.0, stretch=3.0)
GRAIN = Spectrum(beta=1.0, knee=8.0, cutoff=60.0)
EDGE = 0.004
LUMEN = 0.5
"""Radius of a gland's hollow, as a part of its own."""
RING = 0.78
"""Where in a gland its nuclei stand, likewise."""


@dataclass(frozen=True, eq=False)
class Slide:
    """What the sections of one patient share: how the stains took, and how large and how dark things are."""

    stains: np.ndarray
    gland: float
    nucleus: float
    chromatin: float


@dataclass(frozen=True, eq=False)
class Gland:
    """A star-shaped outline: radius · (1 + Σ waves cos(kθ + phase)), k = 2, 3, 4, about (x, y)."""

    x: float
    y: float
    radius: float
    waves: np.ndarray
    phases: np.ndarray

    def border(self, angle: np.ndarray) -> np.ndarray:
        """The radius in a direction."""
        turns = np.arange(2, 5).reshape(-1, *[1] * np.ndim(angle))
        shape = (-1, *[1] * np.ndim(angle))
        waves = self.waves.reshape(shape) * np.cos(turns * angle + self.phases.reshape(shape))
        return self.radius * (1 + waves.sum(axis=0))

    def within(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """How far in the gland a place is: 0 in its middle, 1 at its border."""
        dx, dy = x - self.x, y - self.y
        return np.hypot(dx, dy) / self.border(np.arctan2(dy, dx))


@dataclass(frozen=True)
class Nucleus:
    """An ellipse about (x, y), `length` and `width` its half axes, the longer one in the direction `angle`."""

    x: float
    y: float
    length: float
    width: float
    angle: float

    def inside(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Above 0 inside, 0 at the border, in frames across its width."""
        dx, dy, cos, sin = x - self.x, y - self.y, np.cos(self.angle), np.sin(self.angle)
        along, across = (dx * cos + dy * sin) / self.length, (dy * cos - dx * sin) / self.width
        return self.width * (1 - np.hypot(along, across))


@dataclass(frozen=True, eq=False)
class Section:
    """One image of a patient. path: where its random numbers descend from."""

    path: tuple[str | int, ...]
    slide: Slide
    glands: tuple[Gland, ...]
    nuclei: tuple[Nucleus, ...]


def draw_slide(*path: str | int) -> Slide:
    """The slide of a patient's random path."""
    stream = numpy_generator(*path)
    strength, tint = stream.uniform(0.75, 1.25, 2), stream.normal(1, 0.06, (2, 3))
    return Slide(
        stains=np.stack([HAEMATOXYLIN, EOSIN]) * tint * strength[:, None],
        gland=float(stream.uniform(0.16, 0.24)),
        nucleus=float(stream.uniform(0.026, 0.036)),
        chromatin=float(stream.uniform(0.9, 1.4)),
    )


def draw_section(slide: Slide, *path: str | int) -> Section:
    """A section of that slide, from its own random path."""
    stream = numpy_generator(*path)
    glands = tuple(_draw_glands(stream, slide, int(stream.integers(1, 5))))
    lining = [nucleus for gland in glands for nucleus in _draw_lining(stream, slide, gland)]
    scattered = _draw_scattered(stream, slide, glands, int(stream.integers(6, 18)))
    return Section(path, slide, glands, (*lining, *scattered))


def render(section: Section, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The section on size x size pixels, `size` even: image (size, size, 3) uint8 and mask (size, size) uint8."""
    x, y = _pixel_centres(size)
    edge = max(EDGE, 0.5 / size)
    blue, pink = _stroma(section, size)
    for gland in section.glands:
        place = gland.within(x, y)
        body = smooth_step((1 - place) * gland.radius, edge)
        hollow = smooth_step((LUMEN - place) * gland.radius, edge)
        blue += body * (0.16 - blue)
        pink += body * (0.42 - pink)
        blue -= hollow * (blue - 0.01)
        pink -= hollow * (pink - 0.04)
    grain = draw_field(numpy_generator(*section.path, "grain"), size, GRAIN)
    for nucleus in section.nuclei:
        rows, columns = _around(nucleus, size)
        inside = smooth_step(nucleus.inside(x[:, columns], y[rows]), edge)
        dark = section.slide.chromatin * (1 + 0.15 * grain[rows, columns])
        blue[rows, columns] += inside * (dark - blue[rows, columns])
        pink[rows, columns] += inside * (0.12 - pink[rows, columns])
    density = blue[..., None] * section.slide.stains[0] + pink[..., None] * section.slide.stains[1]
    light = np.exp(-np.maximum(density + 0.02 * grain[..., None], 0.0))
    return np.rint(255 * light).astype(np.uint8), mask_of(section, size)


def mask_of(section: Section, size: int) -> np.ndarray:
    """The mask alone, (size, size) uint8, as `render` gives it."""
    x, y = _pixel_centres(size)
    mask = np.zeros((size, size), np.uint8)
    for gland in section.glands:
        mask[gland.within(x, y) < 1] = GLAND
    for nucleus in section.nuclei:
        rows, columns = _around(nucleus, size)
        mask[rows, columns][nucleus.inside(x[:, columns], y[rows]) > 0] = NUCLEUS
    return mask


def _stroma(section: Section, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Haematoxylin and eosin of the fibres between glands, (size, size) each."""
    fibres = draw_field(numpy_generator(*section.path, "fibres"), size, FIBRES)
    return np.full((size, size), 0.06), np.clip(0.3 + 0.13 * fibres, 0.03, 1.0).astype(float)


def _draw_glands(stream: np.random.Generator, slide: Slide, count: int) -> Iterator[Gland]:
    """Up to `count` glands that do not overlap, the first of them with its middle in the image."""
    kept: list[Gland] = []
    for _ in range(40):
        margin = 0.2 if not kept else -0.05
        x, y = stream.uniform(margin, 1 - margin, 2)
        radius = slide.gland * stream.uniform(0.75, 1.2)
        gland = Gland(float(x), float(y), float(radius), stream.normal(0, 0.07, 3), stream.uniform(0, 2 * np.pi, 3))
        if len(kept) < count and all(_apart(gland, other) for other in kept):
            kept.append(gland)
    yield from kept


def _apart(one: Gland, other: Gland) -> bool:
    return float(np.hypot(one.x - other.x, one.y - other.y)) > 1.15 * (one.radius + other.radius)


def _draw_lining(stream: np.random.Generator, slide: Slide, gland: Gland) -> Iterator[Nucleus]:
    """The nuclei of a gland, side by side in its wall, each pointing to the middle."""
    count = max(5, int(2 * np.pi * RING * gland.radius / (2.5 * slide.nucleus)))
    angles = (np.arange(count) + stream.uniform(0, 1) + stream.normal(0, 0.12, count)) * 2 * np.pi / count
    depth, lengths = RING + stream.normal(0, 0.035, count), slide.nucleus * stream.uniform(0.95, 1.4, count)
    for angle, far, length in zip(angles, depth, lengths, strict=True):
        reach = far * gland.border(np.array(angle))
        x, y = gland.x + reach * np.cos(angle), gland.y + reach * np.sin(angle)
        yield Nucleus(float(x), float(y), float(length), 0.85 * slide.nucleus, float(angle))


def _draw_scattered(
    stream: np.random.Generator, slide: Slide, glands: tuple[Gland, ...], count: int
) -> Iterator[Nucleus]:
    """Up to `count` nuclei in the stroma, long and thin, along its fibres."""
    kept: list[Nucleus] = []
    for _ in range(6 * count):
        x, y = stream.uniform(0, 1, 2)
        length, angle = slide.nucleus * stream.uniform(1.0, 1.7), stream.normal(0, 0.4)
        free = all(gland.within(np.array(x), np.array(y)) > 1.25 for gland in glands)
        if free and len(kept) < count and all(np.hypot(x - o.x, y - o.y) > 2.6 * slide.nucleus for o in kept):
            kept.append(Nucleus(float(x), float(y), float(length), 0.6 * slide.nucleus, float(angle)))
    yield from kept


def _around(nucleus: Nucleus, size: int) -> tuple[slice, slice]:
    """The pixels that a nucleus can reach, rows and columns."""
    reach = max(nucleus.length, nucleus.width) + 4 * EDGE + 2 / size
    spans = [
        slice(max(0, int((middle - reach) * size)), min(size, int((middle + reach) * size) + 1))
        for middle in (nucleus.y, nucleus.x)
    ]
    return spans[0], spans[1]


def _pixel_centres(size: int) -> tuple[np.ndarray, np.ndarray]:
    """x (1, size) and y (size, 1)."""
    centres = (np.arange(size) + 0.5) / size
    return centres[None, :], centres[:, None]
