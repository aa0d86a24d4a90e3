"""What predicts what: whether generators whose images score better also help more. Descriptive, as they are few."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import atanh, sqrt, tanh

import numpy as np

from pigbench.metrics.inference import CONFIDENCE
from pigbench.results.arm_rows import DECIDING, ArmRow
from pigbench.results.generator_rows import GeneratorRow
from pigbench.results.naming import MIXED, of_patients
from pigbench.results.pool import Estimate
from pigbench.results.summary import Summary

FEWEST = 6
"""Generators below which nothing is correlated."""
PREDICTORS = ("kid", "image_precision", "image_recall", "copies")
AGREEMENT = "agreement"


@dataclass(frozen=True)
class Correlation:
    """Spearman's, with the 95 % interval of Bonett and Wright (Psychometrika, 2000), over so many generators.

    pairs: which of theirs, such as `n = 512 (16 patients)`.
    """

    value: float
    low: float
    high: float
    generators: int
    pairs: str = ""


def correlations(summary: Summary, segmenter: str) -> dict[str, Correlation]:
    """Of each measure of generated images with the difference of Dice, by name; none for fewer than six generators.

    All are of one n and one number of patients, mixed in the usual way: the most patients, and then the largest n, that
    so many generators share.
    """
    pairs = _rows(summary, segmenter)
    if not pairs:
        return {}
    gains = [arm.metrics[DECIDING].delta for _, arm in pairs]
    nothing = Estimate()
    values = {name: [row.metrics.get(name, nothing).mean for row, _ in pairs] for name in PREDICTORS}
    values[AGREEMENT] = [arm.agreement.generated if arm.agreement else np.nan for _, arm in pairs]
    found = {name: correlation(of, gains) for name, of in values.items()}
    about = f"n = {pairs[0][1].n}{of_patients(pairs[0][1].train_patients)}"
    return {name: replace(of, pairs=about) for name, of in found.items() if of}


def correlation(values: Sequence[float], others: Sequence[float]) -> Correlation | None:
    """Over the places where both have a number; None where these are too few, or all alike in one."""
    from scipy.stats import norm, spearmanr

    both = np.array([values, others], float)
    both = both[:, np.isfinite(both).all(axis=0)]
    count = both.shape[1]
    if count < FEWEST or any(len(set(one)) < 2 for one in both.tolist()):
        return None
    value = float(spearmanr(*both).statistic)
    most = 1 - 6 / (count * (count**2 - 1))  # half-way to the next value: at 1 the interval would have no width
    near = min(max(value, -most), most)
    half = norm.ppf((1 + CONFIDENCE) / 2) * sqrt((1 + near**2 / 2) / (count - 3))
    low, high = tanh(atanh(near) - half), tanh(atanh(near) + half)
    return Correlation(value, min(low, value), max(high, value), count)


def _rows(summary: Summary, segmenter: str) -> list[tuple[GeneratorRow, ArmRow]]:
    images = {(row.generator, row.n, row.train_patients): row for row in summary.generators if row.metrics}
    alike: dict[tuple[float, int], list[tuple[GeneratorRow, ArmRow]]] = defaultdict(list)
    arms = (row for row in summary.arms if row.segmenter == segmenter and row.about.use == MIXED and not row.control)
    for arm in arms:
        usual = arm.about.share is None and arm.generator is not None and DECIDING in arm.metrics
        image = images.get((arm.generator or "", arm.n, arm.train_patients))
        if usual and image and np.isfinite(arm.metrics[DECIDING].delta):
            alike[arm.train_patients or np.inf, arm.n].append((image, arm))
    enough = [amount for amount, pairs in alike.items() if len(pairs) >= FEWEST]
    return alike[max(enough)] if enough else []
