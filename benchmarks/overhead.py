"""The suite's own share of a run: everything but the networks' forward and backward and the metric extractor.

Each stage of a short `quick` run of PIG is run in this process with a stopwatch around the networks; the shares are
then weighted by what the stages of a real record cost: `python benchmarks/overhead.py runs/records/RECORD.json`.
Trainings run for a tenth and for two tenths of their length. The rest follows from these, as what is done once, such as
reading the cases and building the networks, would otherwise count ten times too much.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from pigbench.api.request import Options, set_up
from pigbench.engine.work import Task, perform
from pigbench.protocol import load_preset
from pigbench.stages.node import Node

TENTHS = 10
Spent = dict[str, np.ndarray]
"""Seconds by stage: all of them, and those of the networks."""
Kind = tuple[str, str | None]


class Stopwatch:
    """Seconds spent inside what it wraps, nested calls counted once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._depth = 0

    def wrap(self, function: Callable) -> Callable:
        def timed(*args: object, **kwargs: object) -> object:
            self._depth += 1
            began = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self.seconds += time.perf_counter() - began

        return timed


@contextmanager
def networks_timed() -> Iterator[Stopwatch]:
    """Time every module's call, every backward and the extractor's."""
    import torch

    watch = Stopwatch()
    call, backward = torch.nn.Module.__call__, torch.Tensor.backward
    torch.nn.Module.__call__ = watch.wrap(call)
    torch.Tensor.backward = watch.wrap(backward)
    try:
        yield watch
    finally:
        torch.nn.Module.__call__, torch.Tensor.backward = call, backward


def measure(tenths: int) -> tuple[Spent, set[str]]:
    """What the stages of a run take whose trainings have so many tenths of their length, and which of them train.

    A warm-up node of each kind does not count.
    """
    quick = load_preset("quick")
    short = [
        f"training.images={quick.training.images * tenths // TENTHS}",
        f"segmentation.steps={quick.segmentation.steps * tenths // TENTHS}",
        "fidelity.reference=256",
    ]
    spent: Spent = defaultdict(lambda: np.zeros(2))
    warm: set[Kind] = set()
    with tempfile.TemporaryDirectory() as directory:
        store = Path(directory)
        options = Options(generator="pig", n=512, folds=2, trainings=1, set=short, workers=1, device="cpu", store=store)
        setup = set_up(options)
        nodes = setup.plan.nodes()
        for node in nodes:
            taken = timed(node, setup.store.root)
            if kind(node) in warm:
                spent[node.stage] += taken
            warm.add(kind(node))
    return spent, {node.stage for node in nodes if node.purpose.trains}


def timed(node: Node, store: Path) -> np.ndarray:
    """The seconds of a node, and those of its networks."""
    with networks_timed() as watch:
        began = time.perf_counter()
        perform(Task.of(node, "phantom", store, 60.0), lambda share, text: None)
        return np.array([time.perf_counter() - began, watch.seconds])


def kind(node: Node) -> Kind:
    """What nodes share whose times are alike."""
    return node.stage, node.purpose.component


def main() -> None:
    record = json.loads(Path(sys.argv[1]).read_text())
    costs: dict[str, float] = defaultdict(float)
    for cost in record["costs"]:
        costs[cost["stage"]] += cost["wall_s"]
    (once, training), (twice, _) = measure(1), measure(2)
    for stage in training:
        once[stage] = once[stage] + (TENTHS - 1) * (twice[stage] - once[stage])
    shares = {stage: 1 - inside / taken for stage, (taken, inside) in once.items()}
    total = sum(costs.values())
    print(f"{'stage':11} {'share of the run':>17} {'own share of it':>17}")
    own = 0.0
    for stage, seconds in sorted(costs.items(), key=lambda item: -item[1]):
        share = shares.get(stage, 1.0)
        own += share * seconds
        print(f"{stage:11} {seconds / total:17.1%} {share:17.1%}")
    print(f"{'the suite':11} {own / total:17.1%} (aim: 6 %)")


if __name__ == "__main__":
    main()
