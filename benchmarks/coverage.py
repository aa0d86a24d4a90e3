"""How often 95 % intervals of a difference cover the true one, simulated for studies of many kinds.

Cases are drawn as segmenters give them: patients whose slices resemble each other and who answer differently to the two
arms, noise of single cases and of single trainings, and luck, which all cases of a fold share in one training of the
segmenter or of the generator. Everything in Dice points. The intervals are those of `pigbench.results.difference`.
"""

from __future__ import annotations

import argparse
import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from pigbench.metrics.inference import Arms, differences, pool

LUCKS, GENERATOR_LUCKS, SEEDS = (0.0, 1.0, 2.0, 3.0), (0.0, 1.0, 2.0), (1, 3)
TRAININGS = ((1, 2), (2, 2), (1, 5), (3, 5), (5, 5), (3, 3))
FOLDS, PATIENTS, SHAPES = (2, 5), (10, 20, 80, 110), ("normal", "skewed")
PATIENT, CASE, TRAINING = 6.0, 10.0, 10.0
"""SD of a patient's answer to an arm, of a case's, and of a case's in one training."""
AT_ONCE = 500


@dataclass(frozen=True)
class Study:
    """One cell. trainings: of the arm and of the base, with each seed of the generator."""

    luck: float
    generator_luck: float
    seeds: int
    trainings: tuple[int, int]
    folds: int
    patients: int
    shape: str

    @property
    def covered(self) -> bool:
        """Whether a table would say that the interval covers all there is."""
        return self.seeds > 1 or self.generator_luck == 0


def studies() -> Iterator[Study]:
    """All cells."""
    for values in itertools.product(LUCKS, GENERATOR_LUCKS, SEEDS, TRAININGS, FOLDS, PATIENTS, SHAPES):
        yield Study(*values)


def simulated(study: Study, number: int, draw: np.random.Generator) -> tuple[float, float]:
    """The share of `number` intervals that cover the true difference, and their mean half-width."""
    cases = draw.integers(1, 13, study.patients)
    fold = np.arange(study.patients) % study.folds
    covered, width = 0, 0.0
    for start in range(0, number, AT_ONCE):
        size = min(AT_ONCE, number - start)
        base = _arm(replace(study, generator_luck=0.0), study.trainings[1], cases, fold, size, draw)
        other = _arm(study, study.trainings[0], cases, fold, size, draw, generated=True)
        alike = [arm.luck for arm in (base, other) if not arm.by_generator]
        found = differences(base, other, pool(alike))
        low, high = found.bounds()
        covered += int(((low <= 0) & (high >= 0)).sum())
        width += float((high - low).sum()) / 2
    return covered / number, width / number


def _arm(
    study: Study,
    trainings: int,
    cases: np.ndarray,
    fold: np.ndarray,
    size: int,
    draw: np.random.Generator,
    *,
    generated: bool = False,
) -> Arms:
    """One arm of `size` studies."""
    repeats, patients = trainings * study.seeds, len(cases)
    seed = np.repeat(np.arange(study.seeds), trainings)
    of = cases[:, None]
    answer = _effects(study.shape, (patients, size), draw) * PATIENT * of
    answer += _effects(study.shape, (patients, size), draw) * CASE * np.sqrt(of)
    luck = draw.standard_normal((repeats, study.folds, size)) * study.luck
    luck += (draw.standard_normal((study.seeds, study.folds, size)) * study.generator_luck)[seed]
    noise = draw.standard_normal((repeats, patients, size)) * TRAINING * np.sqrt(of)
    sums = answer + luck[:, fold] * of + noise
    counts = np.broadcast_to(of[None].astype(float), sums.shape)
    return Arms.of(sums, counts, fold, seed.tolist() if generated and study.seeds > 1 else None)


def _effects(shape: str, size: tuple[int, ...], draw: np.random.Generator) -> np.ndarray:
    """Of mean 0 and SD 1."""
    return draw.standard_normal(size) if shape == "normal" else 1 - draw.standard_exponential(size)


def main() -> None:
    """Print the table, and every covered cell that is out of its range."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--simulations", type=int, default=4000)
    asked.add_argument("--every", type=int, default=1, help="only every so many cells")
    options = asked.parse_args()
    draw = np.random.default_rng(0)
    found: dict[tuple[str, int, int], list[float]] = defaultdict(list)
    outside = 0
    for study in itertools.islice(studies(), 0, None, options.every):
        coverage, width = simulated(study, options.simulations, draw)
        kind = "covered" if study.covered else "generator's luck not covered"
        found[kind, study.patients, study.folds].append(coverage)
        least = 0.92 if study.patients == 10 else 0.93
        if study.covered and not least <= coverage <= 0.98:
            outside += 1
            print(f"{coverage:.3f} (half-width {width:.2f}): {study}", flush=True)
    for (kind, patients, folds), values in sorted(found.items()):
        told = f"{min(values):.1%} to {max(values):.1%}, mean {np.mean(values):.1%}"
        print(f"{kind}: {patients} patients, {folds} folds: {told}")
    print(f"{outside} cells outside their range")


if __name__ == "__main__":
    main()
