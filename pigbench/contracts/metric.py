"""What a metric is. Read this file and you can write one.

A **case metric** scores the prediction of one held-out case. It leaves *statistics*, which a record keeps, and makes a
score of them. A **set metric** compares a set of generated images with real ones, by the features of both.

Metrics come in by entry points, as generators do::

    [project.entry-points."pigbench.metrics"]
    cldice = "my_package.cldice:ClDice"

Rules the suite relies on:

- The statistics have the names that the metric declares, one number each.
- A statistic is finite, unless the rule for empty masks decides the case.
- Scores are one number a case, within the metric's range.
- The same masks give the same statistics.
- A metric leaves the masks and features that it is given as they are.
- A set metric gives one finite number, within its range.

`pigbench check NAME` tries all of them on a metric and quotes the sentence that it breaks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from pigbench.contracts.arrays import window

Outcome = float | Literal["computed", "excluded"]
"""Of a case whose truth or prediction is empty: a fixed score, what `score` makes of its statistics, or none at all."""


@dataclass(frozen=True)
class EmptyRule:
    """What a case scores where its true mask or the prediction is empty.

    missed: there is a lesion, nothing is predicted. false_alarm: there is no lesion, something is predicted.
    both_empty: neither.
    """

    missed: Outcome
    false_alarm: Outcome
    both_empty: Outcome

    def outcomes(self, lesion: np.ndarray, predicted: np.ndarray) -> dict[Outcome, np.ndarray]:
        """Which cases each outcome decides; the others are computed. lesion, predicted: (N,) bool, whether any is."""
        decided: dict[Outcome, np.ndarray] = {}
        for outcome, where in (
            (self.missed, lesion & ~predicted),
            (self.false_alarm, ~lesion & predicted),
            (self.both_empty, ~lesion & ~predicted),
        ):
            if outcome != "computed":
                decided[outcome] = decided.get(outcome, np.zeros(len(lesion), bool)) | where
        return decided


@dataclass(frozen=True)
class CaseMasks:
    """One class of one held-out case, on the grid that the protocol scores on.

    truth, prediction: (H, W) bool. probability: (H, W) float32, 0 to 1. Of one class the prediction is where that is at
    least one half; of several, where no other class and not the background is more probable. spacing: mm a pixel, down
    and across; None where the dataset does not know it.
    """

    truth: np.ndarray
    prediction: np.ndarray
    probability: np.ndarray
    spacing: tuple[float, float] | None = None

    def cropped(self) -> CaseMasks:
        """The smallest rectangle that holds all of truth and prediction; the rest is background in both.

        Views, of no pixels where both are empty. Most of an image is background, so this is worth it for all that
        takes long by the pixel and does not look at where in the image the masks lie.
        """
        part = window(self.truth | self.prediction)
        return CaseMasks(self.truth[part], self.prediction[part], self.probability[part], self.spacing)


class Metric(ABC):
    """What both kinds of metric say of themselves.

    heading: of its column. better: which way is better. unit: shown in the heading, such as "%" or "mm". scale, digits:
    how a number is shown: times `scale`, with so many digits. low, high: the range of its values, both included.
    note: what a reader of the table must know of it, shown below as "HEADING: note".
    """

    heading: ClassVar[str]
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    unit: ClassVar[str] = "%"
    scale: ClassVar[float] = 100.0
    digits: ClassVar[int] = 1
    low: ClassVar[float] = 0.0
    high: ClassVar[float] = 1.0
    note: ClassVar[str] = ""


class CaseMetric(Metric):
    """A metric of one case.

    statistics: the names of what `measure` gives. empty: the rule for empty masks. kept_as: the name that a record
    keeps the statistics under, the metric's own by default; metrics of equal `kept_as` share their statistics.
    """

    statistics: ClassVar[tuple[str, ...]]
    empty: ClassVar[EmptyRule]
    kept_as: ClassVar[str] = ""

    @abstractmethod
    def measure(self, case: CaseMasks) -> Mapping[str, float]:
        """The statistics of one case; NaN where the rule for empty masks decides the case and there is no number."""

    @abstractmethod
    def score(self, statistics: Mapping[str, np.ndarray]) -> np.ndarray:
        """(N,) scores of N cases from their statistics, (N,) float64 each; what the rule for empty masks decides is
        replaced by it afterwards."""


@dataclass(frozen=True)
class Sets:
    """The features of one fold's images by one extractor, each set (images, D) float32.

    generated: what is judged. reference: the real images that it is compared with. training, mirrored: the images that
    the generator was trained on, and the same mirrored left to right. heldout: those that it has not seen. m: how many
    are compared of each where a metric's bias depends on that. seed: of everything that is drawn.
    """

    generated: np.ndarray
    reference: np.ndarray
    training: np.ndarray
    mirrored: np.ndarray
    heldout: np.ndarray
    m: int
    seed: int

    def equal_parts(self) -> tuple[np.ndarray, np.ndarray]:
        """m generated and m reference images. Generated ones are independent draws, so the first m; of the reference a
        random m, the same for every generator."""
        from pigbench.randomness import numpy_generator

        reference = self.reference
        if self.m < len(reference):
            drawn = numpy_generator(self.seed, "fidelity", "reference").permutation(len(reference))[: self.m]
            reference = reference[drawn]
        return self.generated[: self.m], reference


class SetMetric(Metric):
    """A metric of a set of generated images.

    has_floor: whether it is also shown for real training images in the generated ones' place, at the same m where there
    are as many.
    """

    has_floor: ClassVar[bool] = True

    def known(self, sets: Sets) -> Mapping[str, np.ndarray]:
        """What follows from the real images alone: computed once for all generators of a fold and m, and handed to
        `measure`. `sets.generated` is empty."""
        return {}

    @abstractmethod
    def measure(self, sets: Sets, known: Mapping[str, np.ndarray]) -> float:
        """The value. known: what `known` gave for these real images; empty for the floor."""

    def biased(self, m: int, dimension: int) -> bool:
        """Whether a value from m images of so many features is mostly bias, so that a table marks it."""
        return False
