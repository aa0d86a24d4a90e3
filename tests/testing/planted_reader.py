"""A generator whose module reads a file when it is imported."""

import os

import numpy as np

from pigbench.contracts import Generator, Pairs

SCALE = np.load(os.environ["PLANTED_FILE"])


class Reader(Generator):
    """Noise."""

    kind = "images"

    def sample(self, trained, request):
        return Pairs.clipped(request.noise() * SCALE)
