"""One patient of the phantom: drawn from its random path without a pixel, then rendered slice by slice at any size.

Lengths are in frames (1 is the side of the square image), x to the right from the chest wall, y down, and a slice's
height is counted from the middle of the mass.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pigbench.data.phantom.breast import FAT, GLAND, Habit, Outline, draw_habit, draw_outline, enclose, tissue
from pigbench.data.phantom.fields import Spectrum, draw_field, smooth_step
from pigbench.data.phantom.mass import LONGEST, REACH, Mass, draw_mass
from pigbench.randomness import numpy_generator

OFF_CENTRE = 0.55  # slices cut the mass within this many radii of its centre
QUANTUM_NOISE = 0.007  # standard deviation below 40 cycles a frame where the attenuation is 1; white beyond that too


@dataclass(frozen=True, eq=False)
class View:
    """One view of a patient.

    path: where its random numbers descend from. place: the mass's (x, y). turn: (3, 3), the view's axes in the
    mass's. heights: of its slices.
    """

    name: str
    path: tuple[str | int, ...]
    outline: Outline
    place: tuple[float, float]
    turn: np.ndarray
    heights: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Patient:
    """One patient: the habit and the mass that the views share, and the views."""

    habit: Habit
    mass: Mass
    views: tuple[View, ...]


def draw_patient(*path: str | int) -> Patient:
    """The patient of a random path. The mass lies equally deep in both views; the MLO view looks at it tilted."""
    stream = numpy_generator(*path)
    habit, mass = draw_habit(stream), draw_mass(stream)
    backward, tilt = stream.uniform(0.25, 0.7), np.deg2rad(stream.uniform(40, 60))
    views = (
        _draw_view(stream, "CC", (*path, "CC"), mass, backward, 0.0),
        _draw_view(stream, "MLO", (*path, "MLO"), mass, backward, tilt),
    )
    return Patient(habit, mass, views)


def render(patient: Patient, view: View, number: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Slice `number` of one of the patient's views on size x size pixels; `size` must be even.

    Returns the image, float32, 0 in air and up to about 1, and the mask of the mass's body, uint8, 0 or 1.
    """
    height = view.heights[number]
    x, y = _pixel_centres(size)
    image = tissue(numpy_generator(*view.path, "tissue"), patient.habit, view.outline, x, y, height)
    mask = np.zeros((size, size), np.uint8)
    rows, columns = (_span(centre, LONGEST * patient.mass.radius, size) for centre in reversed(view.place))
    _add_mass(image[rows, columns], mask[rows, columns], patient.mass, view, height, x[:, columns], y[rows])
    image = enclose(image, view.outline, x, y)
    noise = draw_field(numpy_generator(*view.path, "noise", number), size, Spectrum(beta=0.0))
    return np.maximum(image + QUANTUM_NOISE * np.sqrt(image) * noise, 0), mask


def cross_section(patient: Patient, view: View, number: int, size: int) -> np.ndarray:
    """The mask of slice `number` alone, (size, size) uint8, 0 or 1, as `render` gives it."""
    mask = np.zeros((size, size), np.uint8)
    x, y = _pixel_centres(size)
    rows, columns = (_span(centre, REACH * patient.mass.radius, size) for centre in reversed(view.place))
    x, y = x[:, columns] - np.float32(view.place[0]), y[rows] - np.float32(view.place[1])
    mask[rows, columns] = patient.mass.inside(x, y, view.heights[number], view.turn) > 0
    return mask


def lesion_fraction(patient: Patient, view: View, number: int) -> float:
    """The cross-section's area in frames, within a few per cent, from a small grid that just holds the mass."""
    cells = 32
    side = ((np.arange(cells) + 0.5) / cells * 2 - 1).astype(np.float32) * (REACH * patient.mass.radius)
    inside = patient.mass.inside(side[None, :], side[:, None], view.heights[number], view.turn)
    return float(np.mean(inside > 0)) * (2 * REACH * patient.mass.radius) ** 2


def _draw_view(
    stream: np.random.Generator, name: str, path: tuple[str | int, ...], mass: Mass, backward: float, tilt: float
) -> View:
    outline = draw_outline(stream, oblique=tilt > 0)
    place = _draw_place(stream, outline, mass.radius, backward)
    slices = int(stream.choice([2, 3, 4], p=[0.2, 0.5, 0.3]))
    spread = np.linspace(-0.8, 0.8, slices) + stream.uniform(-0.2, 0.2, slices)
    cos, sin = np.cos(tilt), np.sin(tilt)
    turn = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    return View(name, path, outline, place, turn, tuple((OFF_CENTRE * mass.radius * spread).tolist()))


def _draw_place(stream: np.random.Generator, outline: Outline, radius: float, backward: float) -> tuple[float, float]:
    """A place in the glandular fan, clear of skin, chest wall and muscle: the first of 64 tries, or the best one."""
    x = outline.reach * backward + stream.normal(0, 0.03, 64)
    y = stream.uniform(0.1, 0.9, 64)
    clear = np.min([outline.depth(x, y) - 0.05, -outline.into_muscle(x, y), x, y, 1 - y], axis=0) - 1.2 * radius
    room = np.minimum(clear, outline.glandular(x, y) - 0.1)
    chosen = int(np.argmax(np.minimum(room, 0)))
    return float(x[chosen]), float(y[chosen])


def _add_mass(
    image: np.ndarray, mask: np.ndarray, mass: Mass, view: View, height: float, x: np.ndarray, y: np.ndarray
) -> None:
    """Put the mass's cross-section into a window of the slice, whose pixel centres are x and y, and of its mask."""
    pixel = float(x[0, 1] - x[0, 0])
    x, y = x - np.float32(view.place[0]), y - np.float32(view.place[1])
    inside = mass.inside(x, y, height, view.turn)
    body = smooth_step(inside, mass.border)
    level = GLAND + mass.excess
    image += mass.opacity * body * (level - image)
    image += 0.45 * (level - FAT) * (1 - body) * mass.strands(x, y, height, view.turn, pixel)
    mask[:] = inside > 0


def _span(centre: float, reach: float, size: int) -> slice:
    """The pixels of one axis within `reach` of `centre`."""
    return slice(max(0, int((centre - reach) * size)), min(size, int((centre + reach) * size) + 1))


@lru_cache(maxsize=8)
def _pixel_centres(size: int) -> tuple[np.ndarray, np.ndarray]:
    """x (1, size) and y (size, 1), float32."""
    centres = ((np.arange(size) + 0.5) / size).astype(np.float32)
    return centres[None, :], centres[:, None]
