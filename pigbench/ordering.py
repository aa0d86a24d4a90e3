"""Which cases a training step sees: a pure function of the step's number, so that nothing need be remembered."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from pigbench.randomness import numpy_generator


class Epochs:
    """Case indices by step: successive permutations of all cases, each seeded by its number."""

    def __init__(self, cases: int, batch: int, path: tuple[str | int, ...]) -> None:
        self.cases = cases
        self.batch = batch
        self._permutation = lru_cache(maxsize=4)(
            lambda epoch: numpy_generator(*path, "order", epoch).permutation(cases)
        )

    def __call__(self, step: int) -> np.ndarray:
        """(batch,) indices of the cases of a step."""
        places = np.arange(step * self.batch, (step + 1) * self.batch)
        return np.array([self._permutation(int(place // self.cases))[place % self.cases] for place in places])


class MixedEpochs:
    """Case indices by step over real cases followed by synthetic ones, with an exact synthetic share.

    Each kind runs through its own permutations, so every real case is seen equally often whatever the share.
    """

    def __init__(self, real: int, synthetic: int, share: float, batch: int, path: tuple[str | int, ...]) -> None:
        """share: the synthetic part of the batches, 0 to 1."""
        self.real, self.synthetic, self.share, self.batch = real, synthetic, share, batch
        self._from_real = Epochs(real, 1, (*path, "real"))
        self._from_synthetic = Epochs(synthetic, 1, (*path, "synthetic"))

    def __call__(self, step: int) -> np.ndarray:
        """(batch,) indices; those from `real` on are synthetic."""
        places = range(step * self.batch, (step + 1) * self.batch)
        return np.array([self._case(place) for place in places])

    def _case(self, place: int) -> int:
        before, after = math.floor(place * self.share), math.floor((place + 1) * self.share)
        if after > before:
            return self.real + int(self._from_synthetic(before)[0])
        return int(self._from_real(place - before)[0])
