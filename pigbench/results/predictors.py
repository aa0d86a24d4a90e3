"""What predicts what: whether generators whose images score better also help more. Descriptive, as they are few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import atanh, sqrt, tanh

import numpy as np

from pigbench.metrics.inference import CONFIDENCE
from pigbench.results.arm_rows import DECIDING, ArmRow
from pigbench.results.generator_rows import GeneratorRow
from pigbench.results.pool import Estimate
from pigbench.results.summary import Summary

FEWEST = 6
"""Generators below which nothing is correlated."""
PREDICTORS = ("kid", "image_precision", "image_recall", "copies")
AGREEMENT = "agreement"


@dataclass(frozen=True)
class Correlation:
    """Spearman's, with the 95 % interval of Bonett and Wright (Psychometrika, 2000), over so many generators."""

    value: float
    low: float
    high: float
    generators: int


def correlations(summary: Summary, segmenter: str) -> dict[str, Correlation]:
    """Of each measure of generated images with the difference of Dice, by name; none for fewer than six generators.

    One row counts for each generator, mixed in the usual way: that of the largest n, and of the most patients.
    """
    pairs = _rows(summary, segmenter)
    if len(pairs) < FEWEST:
        return {}
    gains = [arm.metrics[DECIDING].delta for _, arm in pairs]
    nothing = Estimate()
    values = {name: [row.metrics.get(name, nothing).mean for row, _ in pairs] for name in PREDICTORS}
    values[AGREEMENT] = [arm.agreement.generated if arm.agreement else np.nan for _, arm in pairs]
    found = {name: correlation(of, gains) for name, of in values.items()}
    return {name: of for name, of in found.items() if of}


def correlation(values: Sequence[float], others: Sequence[float]) -> Correlation | None:
    """Over the places where both have a number; None where these are too few, or all alike in one."""
    from scipy.stats import norm, spearmanr

    both = np.array([values, others], float)
    both = both[:, np.isfinite(both).all(axis=0)]
    count = both.shape[1]
    if count < FEWEST or any(len(set(one)) < 2 for one in both.tolist()):
        return None
    value = float(spearmanr(*both).statistic)
    near = min(max(value, -1 + 1e-9), 1 - 1e-9)
    half = norm.ppf((1 + CONFIDENCE) / 2) * sqrt((1 + near**2 / 2) / (count - 3))
    return Correlation(value, tanh(atanh(near) - half), tanh(atanh(near) + half), count)


def _rows(summary: Summary, segmenter: str) -> list[tuple[GeneratorRow, ArmRow]]:
    images = {(row.generator, row.n, row.train_patients): row for row in summary.generators if row.metrics}
    best: dict[str, tuple[GeneratorRow, ArmRow]] = {}
    arms = (row for row in summary.arms if row.segmenter == segmenter and row.about.use == "mixed" and not row.control)
    for arm in sorted(arms, key=_amount):
        usual = arm.about.share is None and arm.generator is not None and DECIDING in arm.metrics
        image = images.get((arm.generator or "", arm.n, arm.train_patients))
        if usual and image and np.isfinite(arm.metrics[DECIDING].delta):
            best[image.generator] = image, arm
    return list(best.values())


def _amount(row: ArmRow) -> tuple[float, int]:
    return np.inf if row.train_patients is None else row.train_patients, row.n
