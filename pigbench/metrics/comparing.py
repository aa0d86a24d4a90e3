"""Set metrics at work: generated images against real ones, beside what real images give in their place.

A metric that breaks the contract gets no numbers and a reason; the others stay. Nothing that a metric does raises here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from pigbench.contracts import SetMetric, Sets
from pigbench.errors import PigbenchError
from pigbench.metrics.refusals import breaks, number, read_only, refusing, without
from pigbench.randomness import numpy_generator

LEAST = 2
"""Fewer images have no spread."""


@dataclass(frozen=True)
class OfReals:
    """What the real images of a fold say by themselves, alike for every generator that is compared at one m.

    floor_m: training images that the floor is of. known: by metric, the arrays that it keeps. floors: by metric that
    has one, real against real. refused: by metric, why it has neither of them; it gets no value then either.
    """

    floor_m: int
    known: dict[str, dict[str, np.ndarray]]
    floors: dict[str, float]
    refused: dict[str, str]


@dataclass(frozen=True)
class Compared:
    """What set metrics say of generated images. biased: the metrics whose value is mostly bias at this m."""

    values: dict[str, float]
    biased: list[str]
    refused: dict[str, str]


def known_and_floors(metrics: Mapping[str, SetMetric], sets: Sets) -> OfReals:
    """What follows from the real images alone; `sets.generated` is not looked at.

    Raises PigbenchError for features that are not finite and for a set of fewer than `LEAST` images.
    """
    sets = replace(_checked(replace(sets, generated=sets.training)), generated=sets.training[:0])
    floor_sets = _training_as_generated(sets)
    known: dict[str, dict[str, np.ndarray]] = {}
    floors: dict[str, float] = {}
    refused: dict[str, str] = {}
    for name, metric in metrics.items():
        with refusing(refused, [name], metric):
            kept = {key: np.asarray(value) for key, value in metric.known(sets).items()}
            if metric.has_floor:
                floors[name] = value_of(metric, floor_sets, {})
            known[name] = kept
    return OfReals(floor_sets.m, known, floors, refused)


def compare_sets(metrics: Mapping[str, SetMetric], sets: Sets, of_reals: OfReals) -> Compared:
    """The value of each metric. of_reals: what `known_and_floors` gave for the same metrics, real images and m.

    Raises PigbenchError for features that are not finite and for a set of fewer than `LEAST` images.
    """
    sets = _checked(sets)
    values: dict[str, float] = {}
    biased: list[str] = []
    refused = {name: reason for name, reason in of_reals.refused.items() if name in metrics}
    for name in without(metrics, refused):
        metric = metrics[name]
        with refusing(refused, [name], metric):
            value = value_of(metric, sets, of_reals.known[name])
            if metric.biased(sets.m, sets.generated.shape[1]):
                biased.append(name)
            values[name] = value
    return Compared(values, biased, refused)


def value_of(metric: SetMetric, sets: Sets, known: Mapping[str, np.ndarray]) -> float:
    """The value of one metric. Raises Refused for anything but a finite number in range."""
    value = number(found := metric.measure(sets, {key: read_only(array) for key, array in known.items()}))
    if value is None or not np.isfinite(value):
        raise breaks(f"{found!r:.40}", "A set metric gives")
    if not metric.low <= value <= metric.high:
        raise breaks(f"{value}, where {metric.low:g} to {metric.high:g} is the range", "A set metric gives")
    return value


def _training_as_generated(sets: Sets) -> Sets:
    """Training images in the generated ones' place: m at random, the same in every run, or all where there are fewer.

    Their own order goes by patient.
    """
    training = sets.training
    m = min(sets.m, len(training))
    if m < len(training):
        training = training[numpy_generator(sets.seed, "fidelity", "training").permutation(len(training))[:m]]
    return replace(sets, generated=read_only(training), m=m)


def _checked(sets: Sets) -> Sets:
    """The same sets, which a metric cannot change. Raises PigbenchError for images that cannot be compared."""
    found = {name: getattr(sets, name) for name in ("generated", "reference", "training", "mirrored", "heldout")}
    if len(shapes := {features.shape[1:] for features in found.values()}) != 1 or len(shapes.pop()) != 1:
        raise ValueError(f"features of shapes {[features.shape for features in found.values()]}")
    for name, features in found.items():
        if len(features) < LEAST:
            raise PigbenchError(f"fidelity needs at least {LEAST} {name} images, got {len(features)}")
        if not np.isfinite(features).all():
            raise PigbenchError(f"{int((~np.isfinite(features)).sum())} features of the {name} images are not finite")
    return Sets(**{name: read_only(features) for name, features in found.items()}, m=sets.m, seed=sets.seed)
