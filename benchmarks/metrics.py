"""Metrics: milliseconds a case, and seconds a generator.

`python benchmarks/metrics.py` measures 100 cases of 512² with one to three elliptic lesions, each predicted a little
displaced and one in four with a false alarm beside it, and one prediction of scattered pixels, which an untrained
network gives; then sets of 2,048 images with 1,280 features each.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from pigbench import metrics
from pigbench.contracts import CaseMasks, Sets
from pigbench.metrics.comparing import compare_sets, known_and_floors
from pigbench.metrics.measuring import measure_cases

SIDE, CASES, IMAGES, FEATURES = 512, 100, 2048, 1280
DOWN, ACROSS = np.mgrid[:SIDE, :SIDE]


def lesions(draw: np.random.Generator, count: int) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    for _ in range(count):
        (row, column), (height, width) = draw.integers(60, 450, 2), draw.integers(10, 70, 2)
        mask |= ((DOWN - row) / height) ** 2 + ((ACROSS - column) / width) ** 2 < 1
    return mask


def make_cases(draw: np.random.Generator) -> list[CaseMasks]:
    cases = []
    for number in range(CASES):
        truth = lesions(draw, 1 + number % 3)
        prediction = np.roll(truth, draw.integers(-9, 9, 2), (0, 1)) | lesions(draw, number % 4 == 0)
        cases.append(CaseMasks(truth, prediction, prediction.astype(np.float32)))
    return cases


def make_sets(draw: np.random.Generator) -> Sets:
    drawn = [draw.normal(size=(IMAGES, FEATURES)).astype(np.float32) for _ in range(5)]
    return Sets(*drawn, m=IMAGES, seed=0)


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    draw = np.random.default_rng(0)
    cases, sets = make_cases(draw), make_sets(draw)
    scattered = draw.random((SIDE, SIDE)) < 0.3
    noise = [CaseMasks(cases[0].truth, scattered, scattered.astype(np.float32))]
    for names in (metrics.MEASURED, *((name,) for name in (*metrics.MEASURED, "hd95"))):
        chosen = {name: metrics.find(name) for name in names}
        measure_cases(chosen, cases[:1])  # imports
        each, worst = (
            1000 * seconds(lambda part=part, of=chosen: measure_cases(of, part)) / len(part) for part in (cases, noise)
        )
        print(f"{', '.join(names):65} {each:8.2f} ms a case {worst:8.1f} ms scattered")
    for name in metrics.SETS:
        chosen = {name: metrics.find(name)}
        real = known_and_floors(chosen, sets)
        floor = seconds(lambda of=chosen: known_and_floors(of, sets))
        own = seconds(lambda of=chosen, known=real: compare_sets(of, sets, known))
        print(f"{name:65} {own:8.2f} s a generator {floor:6.2f} s the floor")


if __name__ == "__main__":
    main()
