"""The phantom's mass: a lobed, star-shaped body in three dimensions, often with spicules around it.

Lengths are in frames (1 is the side of the square image). The body's cross-section is the mask, exactly; spicules are
drawn into the image only, as a reader outlines the mass and not the strands that it pulls.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

REACH = 2.1  # radii beyond which no body goes: lobes add at most a half, the ellipsoid at most 1.4 times
LONGEST = 3.0  # spicule, in radii from the centre


@dataclass(frozen=True, eq=False)
class Mass:
    """One patient's mass. Its frame of reference is the CC view's: x to the nipple, y across, z up through the slices.

    radius: of the body without its lobes.
    shape: (3, 3) stretches space, so that the body becomes an ellipsoid with lobes.
    lobes, heights, sharpness: (L, 3) unit vectors; how far each bulges, in radii; how narrow each is.
    border: width over which the margin fades. excess: how far its attenuation passes that of glandular tissue.
    opacity: 1 hides the tissue it lies in, less lets the texture through.
    spicules: (S, 3) unit vectors; lengths (S,) in radii; bends (S,) curvatures.
    """

    radius: float
    shape: np.ndarray
    lobes: np.ndarray
    heights: np.ndarray
    sharpness: np.ndarray
    border: float
    excess: float
    opacity: float
    spicules: np.ndarray
    lengths: np.ndarray
    bends: np.ndarray

    def inside(self, x: np.ndarray, y: np.ndarray, z: float, turn: np.ndarray) -> np.ndarray:
        """About the distance to the surface from points (x, y, z) about the centre: positive inside, 0 on it.

        x and y broadcast; `turn` (3, 3) rotates the view's axes into the mass's.
        """
        x, y = np.broadcast_arrays(x, y)
        points = np.stack([x, y, np.full_like(x, z)], axis=-1) @ (self.shape @ turn).T.astype(x.dtype)
        distance = np.sqrt(np.square(points).sum(axis=-1)) + np.asarray(1e-9, x.dtype)
        cosine = (points / distance[..., None]) @ self.lobes.T.astype(x.dtype)
        bulge = np.exp((cosine - 1) * self.sharpness.astype(x.dtype)) @ self.heights.astype(x.dtype)
        return np.asarray(self.radius, x.dtype) * (1 + 0.5 * np.tanh(2 * bulge)) - distance

    def strands(self, x: np.ndarray, y: np.ndarray, z: float, turn: np.ndarray, pixel: float) -> np.ndarray:
        """The spicules' strength at points of the slice at z, about 0..1: thin, tapered, seen where they cross it."""
        total = np.zeros(np.broadcast_shapes(x.shape, y.shape), x.dtype)
        for *direction, length, bend in np.column_stack([self.spicules @ turn, self.lengths, self.bends]).tolist():
            across, up, through = direction
            in_plane = math.hypot(across, up)
            along = x * (across / in_plane) + y * (up / in_plane)
            aside = y * (across / in_plane) - x * (up / in_plane) - bend * np.square(along)
            taper = np.clip(1.1 - along / (length * self.radius * in_plane), 0, 1) * (along > 0)
            width = 0.005 * taper + 0.002
            blurred = np.sqrt(np.square(width) + 0.25 * pixel**2)
            off_plane = (along * (through / in_plane) - z) / (0.3 * self.radius)
            strand = taper * (width / blurred) * np.exp(-0.5 * (np.square(aside / blurred) + np.square(off_plane)))
            np.maximum(total, strand, out=total)
        return total


def draw_mass(stream: np.random.Generator) -> Mass:
    """A random mass: radius 0.055 to 0.135, more or less lobed, two in three with spicules, plain to hidden."""
    radius = float(np.exp(stream.uniform(np.log(0.055), np.log(0.135))))
    coarse, fine = int(stream.integers(3, 7)), int(stream.integers(4, 12))
    heights = np.concatenate([stream.uniform(-0.25, 0.45, coarse), stream.uniform(-0.08, 0.16, fine)])
    spicules = int(stream.integers(10, 26)) if stream.random() < 2 / 3 else 0
    conspicuity = stream.random()
    return Mass(
        radius=radius,
        shape=_stretch(stream),
        lobes=_directions(stream, coarse + fine),
        heights=heights,
        sharpness=np.concatenate([stream.uniform(3, 10, coarse), stream.uniform(20, 40, fine)]),
        border=float(stream.uniform(0.006, 0.02)),
        excess=float(0.015 + 0.15 * conspicuity**1.6),
        opacity=float(0.58 + 0.3 * conspicuity),
        spicules=_directions(stream, spicules, flat=0.5),
        lengths=stream.uniform(1.6, LONGEST, spicules),
        bends=stream.normal(0, 0.8, spicules),
    )


def _directions(stream: np.random.Generator, count: int, flat: float = 1.0) -> np.ndarray:
    """`count` random unit vectors, (count, 3); `flat` below 1 keeps them nearer to the plane of the slices."""
    vectors = stream.standard_normal((count, 3)) * (1, 1, flat)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _stretch(stream: np.random.Generator) -> np.ndarray:
    """A symmetric (3, 3) matrix of determinant 1: an ellipsoid whose axes differ by up to half."""
    axes, _ = np.linalg.qr(stream.standard_normal((3, 3)))
    scales = np.exp(stream.uniform(-0.25, 0.25, 3))
    scales /= np.prod(scales) ** (1 / 3)
    return axes @ np.diag(scales) @ axes.T
