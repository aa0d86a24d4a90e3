"""Copy-paste: a lesion of one training case pasted, with a soft border, into another case's image.

The cheap method that a generator must beat; cf. Ghiasi et al., "Simple copy-paste is a strong data augmentation method
for instance segmentation", CVPR 2021. The mask is what was pasted and what was there beside it.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field, PositiveFloat

from generators.another_case import another_case
from pigbench.contracts import Config, Generator, Pairs, SampleRequest


class CopyPasteConfig(Config):
    """How soft the border is."""

    border: PositiveFloat = Field(0.02, description="SD of the border's blur, as a part of the image's side")


class CopyPaste(Generator):
    """Control: a training lesion pasted into another training image."""

    kind = "pairs"
    channels = (1, 3)
    most_classes = None
    is_control = True
    Config = CopyPasteConfig

    def sample(self, trained: object, request: SampleRequest) -> Pairs:
        """Each case's lesion in the image of another case, drawn by its stream, at the place it comes from."""
        view = request.view
        assert view is not None
        donors, hosts = request.cases, another_case(request)
        masks = view.masks[donors]
        weight = _soft(masks, self.config.border * request.resolution)
        images = weight * view.pairs(donors).images + (1 - weight) * view.pairs(hosts).images
        return Pairs.clipped(images, np.where(masks > 0, masks, view.masks[hosts]))


def _soft(masks: np.ndarray, sigma: float) -> np.ndarray:
    """(N, 1, H, W) float32: 1 in the lesion, falling to 0 around it like a Gaussian."""
    from scipy.ndimage import gaussian_filter

    inside = (masks > 0).astype(np.float32)
    blurred = gaussian_filter(inside, sigma=(0, 0, sigma, sigma))
    return np.maximum(inside, blurred)
