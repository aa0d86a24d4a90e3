"""A generator and a metric whose module imports torch."""

import torch
from planted_metrics import GoodOfCases

from pigbench.contracts import Generator, Pairs


class Heavy(Generator):
    """Zeros."""

    kind = "images"

    def sample(self, trained, request):
        return Pairs.clipped(torch.zeros(request.count, 1, request.resolution, request.resolution))


class HeavyMetric(GoodOfCases):
    """Areas."""
