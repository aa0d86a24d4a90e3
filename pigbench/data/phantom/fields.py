"""Random fields of the phantom: Gaussian, with a given power spectrum, the same at every resolution.

A field is a sum of waves. Its random coefficients are drawn shell by shell from the lowest frequency up, so a finer
grid continues the list that a coarser grid began: the coarse image is the fine one without its finest detail.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

PERIOD = 1.5  # of the waves, in frames: more than 1, so that opposite edges of the frame do not match


@dataclass(frozen=True)
class Spectrum:
    """How a field's power falls with frequency f, in cycles a frame.

    beta: power is proportional to 1 / (f² + knee²)^(beta/2), thus to 1/f^beta above the knee.
    cutoff: above it a Gaussian ends the spectrum; None leaves it open up to the grid's own limit.
    stretch: how many times longer features are along x, which runs from the chest wall to the nipple, than along y.
    """

    beta: float
    knee: float = 0.0
    cutoff: float | None = None
    stretch: float = 1.0

    def amplitude(self, fx: np.ndarray, fy: np.ndarray) -> np.ndarray:
        """Square root of the power at each frequency (broadcast), zero at f = 0."""
        squared = (fx * self.stretch) ** 2 + fy**2
        falling = np.where(squared > 0, squared + self.knee**2, np.inf) ** (-self.beta / 4)
        return falling if self.cutoff is None else falling * np.exp(-squared / (2 * self.cutoff**2))


def draw_field(stream: np.random.Generator, size: int, spectrum: Spectrum, height: float = 0.0) -> np.ndarray:
    """A field of mean 0 and variance about 1 on the size² pixel centres of the frame, float32.

    `height` (in frames) moves through a stack of slices. Each wave turns smoothly from one independent field into
    another, the finer the faster, as a fine structure is left sooner than a coarse one. `size` must be even.
    """
    grid = round(size * PERIOD)
    shells = grid // 2 - 1
    if spectrum.cutoff is not None:
        shells = min(shells, int(3.5 * spectrum.cutoff * PERIOD))
    fx = np.arange(shells + 1, dtype=np.float32)[None, :] / np.float32(PERIOD)
    fy = np.arange(-shells, shells + 1, dtype=np.float32)[:, None] / np.float32(PERIOD)

    drawn = stream.standard_normal((2 * shells + 1) * (shells + 1) * 4, dtype=np.float32).view(np.complex64)
    first, second = np.moveaxis(np.take(drawn.reshape(-1, 2), _shell_order(shells), axis=0), -1, 0)
    waves = _turned(first, second, height, np.hypot(fx, fy)) * (spectrum.amplitude(fx, fy) / _deviation(spectrum))
    waves[:, 0] *= np.float32(np.sqrt(2))  # the transform keeps half of what stands at fx = 0
    waves *= np.exp(1j * np.pi * fx / size).astype(np.complex64)  # from pixel corners to pixel centres
    waves *= np.exp(1j * np.pi * fy / size).astype(np.complex64)

    columns = np.zeros((grid, shells + 1), np.complex64)
    columns[: shells + 1], columns[grid - shells :] = waves[shells:], waves[:shells]
    rows = np.fft.ifft(columns, axis=0, norm="forward")[:size]
    return np.fft.irfft(rows, n=grid, axis=1, norm="forward")[:, :size]


def rendered_at(resolution: int) -> int:
    """The side at which a phantom is drawn for that resolution, so that the preparation has pixels to average."""
    return resolution * (4 if resolution <= 64 else 2 if resolution <= 256 else 1)


def smooth_step(values: np.ndarray, scale: float) -> np.ndarray:
    """A smooth step from 0 to 1 about 0, steep over `scale`."""
    return 0.5 + 0.5 * np.tanh(values / scale)


def _turned(first: np.ndarray, second: np.ndarray, height: float, frequency: np.ndarray) -> np.ndarray:
    """The waves at `height`: variance is kept, and slices a wavelength apart share little."""
    angle = np.float32(np.pi / 4) * np.tanh(np.float32(4 * height) * frequency)
    return np.cos(angle) * first + np.sin(angle) * second


@lru_cache(maxsize=16)
def _shell_order(shells: int) -> np.ndarray:
    """(2·shells+1, shells+1): where each wave (fy, fx) stands in the list of draws, ordered by max(|fx|, |fy|)."""
    fy, fx = np.mgrid[-shells : shells + 1, : shells + 1]
    shell = np.maximum(np.abs(fy), fx)
    order = np.empty(shell.size, np.intp)
    order[np.lexsort((fx.ravel(), fy.ravel(), shell.ravel()))] = np.arange(shell.size)
    return order.reshape(shell.shape)


@lru_cache(maxsize=256)
def _deviation(spectrum: Spectrum) -> float:
    """Standard deviation of a field before scaling, from its lower waves, so that it is the same on every grid."""
    shells = 60
    fx = np.arange(shells + 1)[None, :] / PERIOD
    fy = np.arange(-shells, shells + 1)[:, None] / PERIOD
    power = spectrum.amplitude(fx, fy) ** 2
    return float(np.sqrt(4 * power[:, 1:].sum() + 2 * power[:, 0].sum()))  # fx > 0 stands for its mirror image too
