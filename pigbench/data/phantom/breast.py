"""The phantom's breast: the outline in either view, and the tissue of a slice without its mass.

Lengths are in frames, x to the right from the chest wall, y down. Tissue is a relative attenuation: fat, glandular
tissue between, muscle. Texture follows the power law of breast images, 1/f^beta: Burgess et al., "Human observer
detection experiments with mammograms and power-law noise", Med. Phys. 28(4), 2001; in tomosynthesis slices beta is
3.06 ± 0.36 (CC) and 3.10 ± 0.32 (MLO): Chen et al., Med. Phys. 39(3), 2012.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pigbench.data.phantom.fields import Spectrum, draw_field, smooth_step

FAT, GLAND, MUSCLE, SKIN = 0.32, 0.64, 0.7, 0.66
KNEE = 1.2  # cycles a frame: below it tissue varies by its layout, not by its texture
SKIN_AT, SKIN_WIDTH = 0.008, 0.004  # frames from the outline
LIGAMENTS = (Spectrum(0.0, cutoff=2.0, stretch=1.7), Spectrum(0.0, cutoff=3.5, stretch=1.7))


@dataclass(frozen=True)
class Habit:
    """What both views of a patient share. density: mean glandular share, about 0.1 to 0.9. beta: of the texture."""

    density: float
    beta: float
    contrast: float  # of the texture that decides between fat and gland
    strands: float  # how marked the ligaments are


@dataclass(frozen=True)
class Outline:
    """A breast in the frame: a superellipse about (0, nipple), cut by the chest wall at x = 0 and the frame's edge.

    reach: from the chest wall to the nipple. above, below: half heights; in the MLO view `above` leaves the frame.
    roundness: exponent; 2 is an ellipse. muscle: where the pectoral muscle's edge meets the top and the chest wall.
    """

    reach: float
    nipple: float
    above: float
    below: float
    roundness: float
    muscle: tuple[float, float] | None

    def depth(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """About the distance from the skin, positive inside."""
        p = self.roundness
        height = np.where(y < self.nipple, self.above, self.below).astype(y.dtype)
        u, v = x / self.reach, np.abs(y - self.nipple) / height
        powered = u**p + v**p + 1e-6
        level = powered ** (1 / p)
        slope = np.sqrt((u ** (p - 1) / self.reach) ** 2 + (v ** (p - 1) / height) ** 2) * level / powered
        # the nipple: a small dome that the skin follows
        teat = np.exp(-0.5 * np.square((x - self.reach) / 0.02)) * np.exp(-0.5 * np.square((y - self.nipple) / 0.02))
        return (1 - level) / (slope + 1e-3) + 0.035 * teat

    def into_muscle(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """About the distance into the pectoral muscle, positive inside; far outside where the view shows none."""
        if self.muscle is None:
            return np.full(np.broadcast_shapes(x.shape, y.shape), -1, np.float32)
        top, wall = self.muscle
        edge = top * (1 - (y / wall)) + 0.18 * top * np.sin(np.pi * np.clip(y / wall, 0, 1))
        return (edge - x) * wall / math.hypot(top, wall)

    def glandular(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Where glandular tissue lies: 1 at the heart of its fan behind the nipple, 0 at its edge, negative outside."""
        half = np.where(y < self.nipple, min(self.above, self.nipple + 0.02), self.below).astype(y.dtype)
        height = half * (0.32 + 0.4 * np.clip(1 - x / self.reach, 0, 1))
        along = (x - 0.52 * self.reach) / (0.5 * self.reach)
        return 1 - np.hypot(along, (y - self.nipple) / height)


def draw_habit(stream: np.random.Generator) -> Habit:
    """A random patient."""
    return Habit(
        density=float(stream.beta(1.6, 1.8) * 0.9 + 0.05),
        beta=float(np.clip(stream.normal(3.08, 0.2), 2.6, 3.6)),
        contrast=float(stream.uniform(0.9, 1.5)),
        strands=float(stream.uniform(0.5, 1.0)),
    )


def draw_outline(stream: np.random.Generator, oblique: bool) -> Outline:
    """A random breast, filling most of the frame. oblique: the MLO view, with muscle and open to the axilla."""
    reach, roundness = stream.uniform(0.8, 0.96), stream.uniform(2.0, 2.5)
    if not oblique:
        nipple = stream.uniform(0.47, 0.53)
        half = min(nipple, 1 - nipple) - stream.uniform(0.0, 0.04)
        return Outline(reach, nipple, half, half, roundness, None)
    nipple = stream.uniform(0.54, 0.64)
    muscle = (stream.uniform(0.22, 0.42), stream.uniform(0.45, 0.8))
    return Outline(reach, nipple, stream.uniform(0.8, 1.3), 0.985 - nipple, roundness, muscle)


def tissue(
    stream: np.random.Generator, habit: Habit, outline: Outline, x: np.ndarray, y: np.ndarray, height: float
) -> np.ndarray:
    """The relative attenuation (size, size) of the slice at `height` (in frames) from the middle of the mass."""
    size = x.size
    texture = draw_field(stream, size, Spectrum(habit.beta, KNEE), height)
    share = _glandular_share(habit, outline, x, y, texture)
    image = FAT + (GLAND - FAT) * share + (0.012 + 0.02 * share) * texture
    image += 0.14 * habit.strands * (1 - 0.6 * share) * _ligaments(stream, outline, x, y, height)
    if outline.muscle is not None:
        into = outline.into_muscle(x, y)
        muscle = MUSCLE - 0.08 * np.exp(-np.maximum(into, 0) / 0.1) + 0.02 * texture
        image += 0.9 * smooth_step(into, 0.012) * (muscle - image)
    return image


def enclose(inner: np.ndarray, outline: Outline, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The slice within its outline: fainter where the breast thins out, a line of skin, nothing in the air."""
    pixel = 1 / x.size
    depth = outline.depth(x, y)
    image = inner * (0.8 + 0.2 * (1 - np.exp(-np.maximum(depth, 0) / 0.05)))
    blurred = np.hypot(SKIN_WIDTH, 0.5 * pixel)
    line = SKIN_WIDTH / blurred * np.exp(-0.5 * np.square((depth - SKIN_AT) / blurred))
    image += line * (SKIN - image)
    return image * np.clip(depth / pixel + 0.5, 0, 1)


def _glandular_share(habit: Habit, outline: Outline, x: np.ndarray, y: np.ndarray, texture: np.ndarray) -> np.ndarray:
    """0 in fat, 1 in gland: the layout says where it is likely, the texture draws its borders; fat under the skin."""
    layout = np.clip(outline.glandular(x, y), -1.5, 0.5)
    tendency = 3.0 * (habit.density - 0.5) + 2.2 * layout + habit.contrast * texture
    return smooth_step(tendency, 1.8) * smooth_step(outline.depth(x, y) - 0.045, 0.015)


def _ligaments(
    stream: np.random.Generator, outline: Outline, x: np.ndarray, y: np.ndarray, height: float
) -> np.ndarray:
    """Thin curved ridges of height about 1: strands that fan out from the nipple, and walls around lobules of fat."""
    coarse, fine = (draw_field(stream, x.size, spectrum, height) for spectrum in LIGAMENTS)
    angle = np.arctan2(y - outline.nipple, outline.reach + 0.1 - x)
    fan = np.sin(6 * angle + 2.2 * coarse)
    return _ridge(fan, 0.004) * smooth_step(fine, 1.0) + 0.7 * _ridge(fine, 0.003) * smooth_step(coarse - 0.3, 0.7)


def _ridge(field: np.ndarray, width: float) -> np.ndarray:
    """A ridge of `width` (in frames) along the zero line, blurred to the pixels without changing its area."""
    pixel = 1 / len(field)
    down, across = np.gradient(field, pixel)
    blurred = np.hypot(width, 0.5 * pixel)
    return width / blurred * np.exp(-0.5 * np.square(field / (blurred * (np.hypot(down, across) + 2.0))))
