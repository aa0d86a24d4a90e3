"""Metrics by name, on masks that are drawn with letters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from pigbench import metrics
from pigbench.contracts import CaseMasks, Sets
from pigbench.metrics.measuring import measure_cases

Mask = Sequence[str] | np.ndarray


@pytest.fixture(scope="session")
def masks() -> Callable[..., CaseMasks]:
    """A case from truth and prediction, each an array or drawn: "#" is lesion."""

    def make(truth: Mask, prediction: Mask, spacing: tuple[float, float] | None = None) -> CaseMasks:
        true, predicted = (_drawn(mask) for mask in (truth, prediction))
        return CaseMasks(true, predicted, predicted.astype(np.float32), spacing)

    return make


def _drawn(mask: Mask) -> np.ndarray:
    if isinstance(mask, np.ndarray):
        return mask
    return np.array([[letter == "#" for letter in row] for row in mask])


@pytest.fixture(scope="session")
def score(masks: Callable[..., CaseMasks]) -> Callable[..., float]:
    """The score of one case by the metric of that name, its rule for empty masks applied."""

    def of(name: str, *case: Any) -> float:
        found = measure_cases({name: metrics.find(name)}, [masks(*case)])  # type: ignore[dict-item]
        assert not found.refused
        return float(found.scores[name][0])

    return of


@pytest.fixture(scope="session")
def statistics(masks: Callable[..., CaseMasks]) -> Callable[..., dict[str, float]]:
    """The statistics of one case by the metric of that name."""

    def of(name: str, *case: Any) -> dict[str, float]:
        found = measure_cases({name: metrics.find(name)}, [masks(*case)])  # type: ignore[dict-item]
        (own,) = found.statistics.values()
        return {key: float(value[0]) for key, value in own.items()}

    return of


@pytest.fixture(scope="session")
def draws() -> Callable[..., np.ndarray]:
    """Normal features, the same for the same seed."""

    def make(seed: int, count: int, dimension: int = 8, shift: float = 0.0) -> np.ndarray:
        return (np.random.default_rng(seed).normal(size=(count, dimension)) + shift).astype(np.float32)

    return make


@pytest.fixture(scope="session")
def make_sets(draws: Callable[..., np.ndarray]) -> Callable[..., Sets]:
    """Sets of one fold; those that are not given are drawn."""

    def make(generated: np.ndarray, m: int | None = None, seed: int = 0, **given: np.ndarray) -> Sets:
        sizes = {"reference": 40, "training": 30, "heldout": 20}
        drawn = {name: draws(place + 1, size) for place, (name, size) in enumerate(sizes.items())} | given
        mirrored = drawn.pop("mirrored", drawn["training"] + 100)
        return Sets(
            generated, mirrored=mirrored, m=m or min(len(generated), len(drawn["reference"])), seed=seed, **drawn
        )

    return make
