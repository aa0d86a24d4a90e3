"""Stage `ceiling`: what a perfect mask at the network's resolution would score on the images' own grid.

No segmenter of that resolution can be expected above it, so nobody takes the grid's loss for the segmenter's.
"""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

import numpy as np

from pigbench.metrics import case_metrics
from pigbench.metrics.classes import over_classes
from pigbench.metrics.measuring import measure_cases
from pigbench.stages import base
from pigbench.stages.job import Job
from pigbench.stages.measure import judged


class CeilingSpec(base.Spec):
    """metrics: the hash of each one's source, by name. longest: of the image's own grid. classes: how many."""

    metrics: dict[str, str]
    longest: int
    classes: int = 1


class MeanScores(base.Numbers):
    """The mean score of each metric, over all cases of the dataset."""

    FILE = "ceiling.json"
    CLASSES = "classes.json"

    @property
    def of_classes(self) -> list[dict[str, Any]]:
        """The same of each class by itself, where there are several."""
        file = self.directory / self.CLASSES
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []


class Ceiling(base.Stage):
    """Every case of the dataset, once."""

    name = "ceiling"
    Spec = CeilingSpec
    Result = MeanScores
    seconds = 10.0

    def run(self, job: Job[CeilingSpec]) -> None:
        """Write the means."""
        prepared, truth = job.prepared, job.result("truth").truth
        perfect = (_surely(mask[0], job.spec.classes) for mask in prepared.masks)
        cases = judged(job, np.arange(len(prepared.masks)), perfect, prepared, truth, job.spec.longest)
        found = measure_cases(case_metrics(job.spec.metrics), chain.from_iterable(cases))
        scores = {name: values.reshape(len(prepared.masks), -1) for name, values in found.scores.items()}
        job.write_json(MeanScores.FILE, {name: _mean(over_classes(values)) for name, values in scores.items()})
        if job.spec.classes > 1:
            each = [{name: _mean(values[:, k]) for name, values in scores.items()} for k in range(job.spec.classes)]
            job.write_json(MeanScores.CLASSES, each)


def _surely(mask: np.ndarray, classes: int) -> np.ndarray:
    """The codes of a prediction that is sure of a label map (H, W), see `data.probabilities.code`."""
    labels = [1] if classes == 1 else range(classes + 1)
    return np.stack([(mask == label) * np.uint8(255) for label in labels])


def _mean(values: np.ndarray) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


STAGE = Ceiling()
