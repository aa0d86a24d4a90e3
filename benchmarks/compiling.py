"""What compiling costs and gives on one CPU thread: PIG's guider (training, sampling) and the U-Net at `quick`.

`python benchmarks/compiling.py [NETWORK]…` prints, of processes that start with an empty store (cold) and with what the
first one left there (warm), the CPU seconds of the first step, and of the compilers that it starts; then CPU
milliseconds of a step, compiled and not, in turns, with the medians' ratio.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import textbook
import torch

ROUNDS, STEPS = 8, 10
Step = Callable[[int], None]


def guider(compiled: bool) -> Step:
    generator, networks = textbook.pig(32)
    return _training(networks["guider"], lambda net, batch: generator.loss("guider", net, batch, {}), compiled)


def sampling(compiled: bool) -> Step:
    from pigbench.compiling import compile_frozen

    _, networks = textbook.pig(32)
    network = networks["guider"].eval().requires_grad_(False)
    if compiled:
        compile_frozen(network, "cpu")
    batch = textbook.preset(32).sampling.batch
    noise, times = torch.randn(batch, 2, 32, 32), torch.full((batch,), 5)

    def step(number: int) -> None:
        with torch.inference_mode():
            network(noise, times)

    return step


def unet(compiled: bool) -> Step:
    from pigbench.contracts import Task
    from segmenters.smp import UNet

    segmenter = UNet(UNet.Config(**dict(textbook.preset(32).segmentation.network)), Task(32))
    return _training(segmenter.build(), segmenter.loss, compiled)


NETWORKS = {"guider": guider, "sampling": sampling, "unet": unet}


def _training(network: torch.nn.Module, loss: Callable, compiled: bool) -> Step:
    from pigbench.compiling import compile_for_training
    from pigbench.contracts import Batch

    network.train()
    around: Callable[[], AbstractContextManager] = compile_for_training(network, "cpu") if compiled else nullcontext
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-4, fused=True)
    images, masks = torch.rand(16, 1, 32, 32) * 2 - 1, (torch.rand(16, 1, 32, 32) > 0.7).float()

    def step(number: int) -> None:
        with around():
            loss(network, Batch(images, masks, number, torch.Generator().manual_seed(number))).backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    return step


def one(name: str, store: Path, timed: bool) -> None:
    """Of this process."""
    from pigbench.compiled_code import kept_in
    from pigbench.processes import keep_freed_memory
    from pigbench.store import Store

    keep_freed_memory()
    torch.set_num_threads(1)
    plain = NETWORKS[name](False)
    plain(0)  # what is imported and set up at first is not the compiler's
    with kept_in(Store(store)):
        compiled = NETWORKS[name](True)
        before, compilers = time.process_time(), _children()
        compiled(0)
        print(f"{time.process_time() - before:8.1f} {_children() - compilers:10.1f}", end="", flush=True)
    if timed:
        spent: dict[Step, list[float]] = {plain: [], compiled: []}
        for _ in range(ROUNDS):
            for step, found in spent.items():
                step(0)
                start = time.process_time()
                for number in range(STEPS):
                    step(number)
                found.append((time.process_time() - start) / STEPS * 1000)
        slow, fast = (float(np.median(found)) for found in spent.values())
        print(f" {slow:8.1f} {fast:9.1f} {slow / fast:6.2f}", end="")
    print()


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=list(NETWORKS))
    parser.add_argument("--store", type=Path, help="measure one network in this process, with this store")
    parser.add_argument("--timed", action="store_true", help="with --store: also the steps")
    chosen = parser.parse_args()
    if chosen.store:
        one(chosen.networks[0], chosen.store, chosen.timed)
        return
    print(f"{'':14} {'first s':>8} {'compilers s':>10} {'plain ms':>8} {'compiled':>9} {'ratio':>6}")
    for name in chosen.networks:
        with tempfile.TemporaryDirectory() as store:
            for state in ("cold", "warm"):
                print(f"{name:9}{state:5}", end="", flush=True)
                command = [sys.executable, __file__, name, "--store", store, *["--timed"] * (state == "warm")]
                subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
