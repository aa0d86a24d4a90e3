"""Shuffled: real images, each with another image's mask. It must hurt; if it does not, the masks are not being used."""

from __future__ import annotations

from generators.another_case import another_case
from pigbench.contracts import Generator, Pairs, SampleRequest


class Shuffled(Generator):
    """Control: training images with other images' masks."""

    kind = "pairs"
    channels = (1, 3)
    most_classes = None
    is_control = True

    def sample(self, trained: object, request: SampleRequest) -> Pairs:
        """The image of each case, and the mask of another one drawn by its stream."""
        view = request.view
        assert view is not None
        return Pairs(view.pairs(request.cases).images, view.masks[another_case(request)])
