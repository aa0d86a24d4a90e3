"""Another training case beside each case of a request, for controls that mix two."""

from __future__ import annotations

import numpy as np

from pigbench.contracts import SampleRequest


def another_case(request: SampleRequest) -> np.ndarray:
    """(N,) int: for each of the request's cases a different one of its view, drawn by the sample's own stream.

    Raises ValueError where there is one training case only.
    """
    import torch

    assert request.view is not None
    count = len(request.view)
    if count < 2:
        raise ValueError("it mixes two training cases, and this fold has one: give it more training patients")
    away = [1 + int(torch.randint(count - 1, (), generator=stream)) for stream in request.streams]
    return (request.cases + np.array(away)) % count
