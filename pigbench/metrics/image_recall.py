"""Set metric `image_recall`: how many of the real images have generated ones like them."""

from __future__ import annotations

from pigbench.contracts import SetMetric
from pigbench.metrics.neighbourhoods import precision_and_recall


class ImageRecall(SetMetric):
    """Share of the real images that are covered.

    Of the reference images in the generated images' manifold; what that is, `neighbourhoods.py` says.
    """

    heading = "Image recall"
    note = "share of the reference images that lie among the generated ones (3 nearest neighbours)"

    def measure(self, sets, known):
        """Of m generated and m reference images."""
        return precision_and_recall(sets)[1]
