"""How a run grows: two workers against one, what scheduling costs a stage, and how long a large plan takes to build.

`python benchmarks/scaling.py [plan] [stages] [workers]` measures these on the local engine and on Dask, over loopback.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pigbench.planning.plan import Request

BIN = Path(sys.executable).parent
STAGES = 2000
SIZES, SEEDS, DATASETS = (256, 512, 1024, 2048, 4096), (0, 1, 2), ("a", "b", "c")
RUN = ("run", "--generator", "all", "--preset", "smoke", "--device", "cpu")


@contextmanager
def dask(workers: int) -> Iterator[str]:
    """The address of a scheduler with that many workers of one thread each."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "scheduler.json"
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": directory}
        common = ("--scheduler-file", str(file))
        started = [
            subprocess.Popen([BIN / "dask", "scheduler", *common, "--host", "127.0.0.1", "--port", "0"], **quiet)
        ]
        for _ in range(workers):
            started.append(
                subprocess.Popen([BIN / "dask", "worker", *common, "--nthreads", "1", "--no-dashboard"], **quiet)
            )
        try:
            from distributed import Client

            with Client(scheduler_file=str(file), timeout=60) as client:
                client.wait_for_workers(workers, timeout=120)
                address = client.scheduler.address
            yield address
        finally:
            for process in reversed(started):
                process.terminate()
            for process in started:
                process.wait()


def plan() -> None:
    """Ten generators, five folds, three seeds: with five sizes, four segmenters and three datasets; and with four
    numbers of training patients, five ways to use pairs and three trainings."""
    from pigbench import registry
    from pigbench.planning.arms import chosen_uses
    from pigbench.planning.configured import choose_generator, choose_segmenter
    from pigbench.planning.plan import Request
    from pigbench.planning.trainings import Trainings
    from pigbench.protocol import Protocol, load_preset

    preset = load_preset("quick")
    generators = tuple(choose_generator(name, preset.diffusion, {}) for name in registry.plugins("generators"))
    segmenters = tuple(
        choose_segmenter(name, preset.segmentation.network, {}) for name in registry.plugins("segmenters")
    )
    requests = [
        Request(
            Protocol(preset=preset, dataset=dataset, dataset_identity=dataset, folds=5),
            generators,
            SIZES,
            segmenters,
            SEEDS,
            makes_reference=True,
        )
        for dataset in DATASETS
    ]
    _planned(f"{len(SIZES)} sizes × {len(segmenters)} segmenters × {len(DATASETS)} datasets", requests)
    subsets = replace(
        requests[0],
        samples=(512,),
        segmenters=segmenters[:1],
        train_patients=(8, 16, 32, None),
        uses=chosen_uses(["mix", "mix:0.25", "pretrain", "filter", "filter+pretrain"]),
        trainings=Trainings(3),
    )
    _planned("4 numbers of patients × 5 uses × 3 trainings", [subsets])


def _planned(what: str, requests: Sequence[Request]) -> None:
    from pigbench.engine.schedule import Schedule
    from pigbench.planning.planner import make_plan

    began, targets, nodes = time.perf_counter(), 0, 0
    for request in requests:
        made = make_plan(request)
        targets += len(made.targets)
        nodes += Schedule(made.targets, lambda node: False).total
    print(
        f"plan: {len(requests[0].generators)} generators × 5 folds × {len(SEEDS)} seeds × {what}: {targets} targets, "
        f"{nodes} stages in {time.perf_counter() - began:.1f} s (aim 10)"
    )


def stages() -> None:
    """Stages that do nothing, through each engine with two workers."""
    from pigbench.engine.local import run_plan
    from pigbench.stages import nothing
    from pigbench.stages.node import node
    from pigbench.store import Store

    nodes = [node(nothing.STAGE, nothing.NothingSpec(number=number)) for number in range(STAGES)]
    with tempfile.TemporaryDirectory() as directory:
        began = time.perf_counter()
        assert run_plan(nodes, Store(Path(directory)), "phantom", workers=2).computed == STAGES
        _told("local", time.perf_counter() - began)
    with tempfile.TemporaryDirectory() as directory, dask(2) as address:
        from pigbench.engine.dask.clusters import Workers
        from pigbench.engine.dask.run import run_plan_on_dask

        began = time.perf_counter()
        outcome = run_plan_on_dask(nodes, Store(Path(directory)), "phantom", Workers(address, 2))
        assert outcome.computed == STAGES
        _told("dask", time.perf_counter() - began)


def _told(engine: str, seconds: float) -> None:
    each = 1000 * seconds / STAGES
    print(f"{STAGES} empty stages, {engine}: {seconds:.0f} s (aim 180), {each:.1f} ms a stage (aim 50)", flush=True)


def workers() -> None:
    """All generators at `smoke` by one worker and by two; and what two runs that share nothing get of this machine."""
    local = [_seconds("--workers", str(number)) for number in (1, 2)]
    both = _side_by_side("--workers", "1")
    print(f"machine: two such runs side by side, sharing nothing, do {2 * local[0] / both:.2f} times the work of one")
    print(f"local: {local[0]:.0f} s by one worker, {local[1]:.0f} s by two: {local[0] / local[1]:.2f} times (aim 1.6)")
    taken = []
    for number in (1, 2):
        with dask(number) as address:
            taken.append(_seconds("--scheduler", address))
    print(f"dask: {taken[0]:.0f} s by one worker, {taken[1]:.0f} s by two: {taken[0] / taken[1]:.2f} times (aim 1.6)")


def _seconds(*options: str) -> float:
    """The shorter of two runs: what else goes on in a machine only adds to one."""
    return min(_once(*options), _once(*options))


def _side_by_side(*options: str) -> float:
    """Two runs at once, until both are done: processors share memory and cache, and often more."""
    with ThreadPoolExecutor(2) as pool:
        return max(pool.map(lambda _: _once(*options), range(2)))


def _once(*options: str) -> float:
    with tempfile.TemporaryDirectory() as directory:
        began = time.perf_counter()
        subprocess.run([BIN / "pigbench", *RUN, *options], cwd=directory, check=True, capture_output=True)
        return time.perf_counter() - began


def main() -> None:
    for name in sys.argv[1:] or ("plan", "stages", "workers"):
        {"plan": plan, "stages": stages, "workers": workers}[name]()


if __name__ == "__main__":
    main()
