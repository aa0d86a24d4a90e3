"""The suite's own share of a run: everything but the networks' forward and backward and the metric extractor.

Each stage of a short `quick` run of PIG is run in this process with a stopwatch around the networks; the shares are
then weighted by what the stages of a real record cost: `python benchmarks/overhead.py runs/records/RECORD.json`.
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

from pigbench.api.request import Options, set_up
from pigbench.engine.work import Task, perform
from pigbench.stages.node import Node

SHORT = ["training.images=3200", "segmentation.steps=100", "fidelity.reference=256"]


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


def measure(nodes: list[Node], store: Path) -> dict[str, float]:
    """By stage the share of its time that is not the networks'; a warm-up node of each kind does not count."""
    spent: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    warm: set[str] = set()
    for node in nodes:
        with networks_timed() as watch:
            began = time.perf_counter()
            perform(Task.of(node, "phantom", store, 60.0), lambda share, text: None)
            taken = time.perf_counter() - began
        if node.stage in warm:
            spent[node.stage][0] += taken
            spent[node.stage][1] += watch.seconds
        warm.add(node.stage)
    return {stage: 1 - inside / taken for stage, (taken, inside) in spent.items()}


def main() -> None:
    record = json.loads(Path(sys.argv[1]).read_text())
    costs: dict[str, float] = defaultdict(float)
    for cost in record["costs"]:
        costs[cost["stage"]] += cost["wall_s"]
    with tempfile.TemporaryDirectory() as directory:
        store = Path(directory)
        options = Options(generator="pig", n=512, folds=2, set=SHORT, workers=1, device="cpu", store=store)
        setup = set_up(options)
        shares = measure(setup.plan.nodes(), setup.store.root)
    total = sum(costs.values())
    print(f"{'stage':10} {'share of the run':>17} {'own share of it':>17}")
    own = 0.0
    for stage, seconds in sorted(costs.items(), key=lambda item: -item[1]):
        share = shares.get(stage, 1.0)
        own += share * seconds
        print(f"{stage:10} {seconds / total:17.1%} {share:17.1%}")
    print(f"{'the suite':10} {own / total:17.1%} (aim: 6 %)")


if __name__ == "__main__":
    main()
