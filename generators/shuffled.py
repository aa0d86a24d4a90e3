"""Shuffled: real images, each with another image's mask. It must hurt; if it does not, the masks are not being used."""

from __future__ import annotations

import numpy as np

from pigbench.contracts import Generator, Pairs, SampleRequest


class Shuffled(Generator):
    """Control: training images with other images' masks."""

    kind = "pairs"
    channels = (1, 3)
    most_classes = None
    is_control = True

    def sample(self, trained: object, request: SampleRequest) -> Pairs:
        """The image of each case, and the mask of another one drawn by its stream."""
        import torch

        view, cases = request.view, request.cases
        assert view is not None
        away = [1 + int(torch.randint(len(view) - 1, (), generator=stream)) for stream in request.streams]
        others = (cases + np.array(away)) % len(view)
        return Pairs(view.pairs(cases).images, view.masks[others])
