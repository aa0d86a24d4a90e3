"""Set metric `image_precision`: how many of the generated images look like real ones."""

from __future__ import annotations

from pigbench.contracts import SetMetric
from pigbench.metrics.neighbourhoods import precision_and_recall


class ImagePrecision(SetMetric):
    """Share of the images that look real.

    Of the generated images in the reference images' manifold; what that is, `neighbourhoods.py` says.
    """

    heading = "Image precision"
    note = "share of the generated images that lie among the reference images (3 nearest neighbours)"

    def measure(self, sets, known):
        """Of m generated and m reference images."""
        return precision_and_recall(sets)[0]
