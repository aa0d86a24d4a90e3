"""Intervals of arms that do not differ: real-only trainings compared with one another (an A/A study).

Each fold's real-only segmenter is trained many times. Again and again, some of these trainings are called an arm and
others its base; there is no difference, so 5 % of the 95 % intervals should exclude 0.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import polars

import pigbench
from pigbench.results import cases, difference, record_name

SPLITS = ((3, 3), (1, 5))
"""Trainings of the arm and of its base."""


def real_only(store: str, preset: str, trainings: int, workers: int | None) -> polars.DataFrame:
    """Every held-out case of every training; run again, it goes on."""
    record = pigbench.run(generator=[], preset=preset, trainings=trainings, store=store, workers=workers)
    return cases(Path(store) / "records" / record_name(record))


def excluding(cases: polars.DataFrame, arm: int, base: int, splits: int, draw: np.random.Generator) -> float:
    """The share of `splits` random intervals that exclude 0."""
    trainings, found = int(cases["training"].max()) + 1, 0  # type: ignore[arg-type]
    for _ in range(splits):
        chosen = draw.permutation(trainings)[: arm + base]
        names = {int(training): "arm" if place < arm else "base" for place, training in enumerate(chosen)}
        numbers = {int(training): place % arm if place < arm else place - arm for place, training in enumerate(chosen)}
        some = cases.filter(polars.col("training").is_in(list(names))).with_columns(
            arm=polars.col("training").replace_strict(names), training=polars.col("training").replace_strict(numbers)
        )
        interval = difference(some, "arm", "base")
        found += not interval.low <= 0 <= interval.high
    return found / splits


def main() -> None:
    """Print the luck of a training, and how often intervals of no difference exclude 0."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--store", default="runs")
    asked.add_argument("--preset", default="demo")
    asked.add_argument("--trainings", type=int, default=20)
    asked.add_argument("--splits", type=int, default=500)
    asked.add_argument("--workers", type=int)
    options = asked.parse_args()
    cases = real_only(options.store, options.preset, options.trainings, options.workers)
    means = cases.group_by("fold", "training").agg(polars.col("dice").mean() * 100)
    spread = means.group_by("fold").agg(polars.col("dice").mean(), sd=polars.col("dice").std()).sort("fold")
    for fold, mean, sd in spread.iter_rows():
        print(f"fold {fold}: Dice {mean:.1f}, SD over {options.trainings} trainings {sd:.1f}")
    for arm, base in SPLITS:
        share = excluding(cases, arm, base, options.splits, np.random.default_rng(0))
        print(f"{arm} against {base} trainings: {share:.1%} of {options.splits} intervals exclude 0")


if __name__ == "__main__":
    main()
