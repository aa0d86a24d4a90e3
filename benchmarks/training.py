"""Training PIG's guider: the suite's loop against a textbook's Algorithm 1, same cases and noise, in one process.

`python benchmarks/training.py [--device cuda] [SIDE]…` prints images a second and their ratio, how far the weights are
apart in the end, what part of the device's measured limits the suite reaches, and what limits it. The suite trains as a
run with `numerics.compile` does; compiling is not counted. A last line is `quick`'s U-Net, not compiled, as it trains.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import textbook
import torch
from limits import HEADING, Busy, Device, line, measure

WARM = 10  # steps before the clock starts
TIMED = {"cpu": 30, "cuda": 100}
WATCHED = {"cpu": 0, "cuda": 20}  # steps after it, in which a profiler looks how busy the device is
PATH = (0, "benchmark")


def compare(side: int, device: str, batch: int, limits: Device) -> None:
    from pigbench.contracts import TrainView
    from pigbench.processes import keep_freed_memory
    from pigbench.protocol import Training

    stream = np.random.default_rng(0)
    shape = (4 * batch, 1, side, side)
    view = TrainView(
        stream.integers(0, 65536, shape, np.uint16), stream.integers(0, 2, shape, np.uint8), ["p"] * 4 * batch, "d"
    )
    steps = WARM + TIMED[device] + WATCHED[device]
    settings = Training(images=batch * steps, batch=batch, learning_rate=1e-4)
    theirs, plain = _by_the_book(side, device, view, settings)
    keep_freed_memory()  # as a worker of the suite does
    busy = Busy(device)
    ours, trained = _by_the_suite(side, device, view, settings, busy)
    apart = ((trained - plain).norm() / plain.norm()).item()
    reached = line(limits, _a_step(side, device, view, batch), ours, busy)
    compared = f"{side:4}² {batch:5} {batch / theirs:14.1f} {batch / ours:12.1f} {theirs / ours:7.2f} {apart:10.1e}"
    print(f"{compared} {reached}", flush=True)


def _by_the_book(side: int, device: str, view, settings) -> tuple[float, torch.Tensor]:
    """Seconds a step, and the averaged weights."""
    from pigbench.contracts import Batch
    from pigbench.ordering import Epochs
    from pigbench.randomness import torch_generator

    generator, networks = textbook.pig(side)
    trainer = textbook.Trainer(networks["guider"].to(device), generator.schedule.alphas_cumprod, settings.learning_rate)
    order = Epochs(len(view), settings.batch, PATH)
    told: dict[int, float] = {}
    for step in range(settings.images // settings.batch):
        pairs = view.pairs(order(step))
        images, masks = torch.from_numpy(pairs.images), torch.from_numpy(pairs.masks).float()
        batch = Batch(images, masks, step, torch_generator(*PATH, "step", step))  # as the suite draws, on the host
        noise_x, noise_y = batch.noise(), batch.noise()
        trainer.step(2 * masks - 1, images, noise_x, noise_y, batch.timesteps(generator.config.timesteps))
        told[step + 1] = textbook.clock(device)
    return _timed_step(told, device), torch.cat([weights.flatten().cpu() for weights in trainer.average])


def _by_the_suite(side: int, device: str, view, settings, busy: Busy) -> tuple[float, torch.Tensor]:
    """Seconds a step, and the averaged weights. busy: looks on afterwards."""
    from pigbench.training import Loop

    generator, networks = textbook.pig(side)
    told: dict[int, float] = {}

    def progress(step: int, steps: int, loss: float) -> None:
        told[step] = textbook.clock(device)
        if step == WARM + TIMED[device]:
            busy.begin()
        if step == steps:
            busy.end()

    loop = Loop(
        settings,
        settings.images // settings.batch,
        PATH,
        ema=0.9999,
        device=device,
        precision="bfloat16" if device == "cuda" else "float32",
        compiled=True,
        progress=progress,
    )
    trained = loop.fit(networks["guider"], lambda net, batch: generator.loss("guider", net, batch, {}), view)
    return _timed_step(told, device), torch.cat([weights.flatten() for weights in trained.parameters()])


def _timed_step(told: dict[int, float], device: str) -> float:
    return (told[WARM + TIMED[device]] - told[WARM]) / TIMED[device]


def _a_step(side: int, device: str, view, batch: int) -> Callable[[], None]:
    """A step's forward and backward in the suite's precision, not compiled, to be counted."""
    from pigbench.contracts import Batch

    generator, networks = textbook.pig(side)
    network = networks["guider"].to(device)
    pairs = view.pairs(range(batch))
    images, masks = (torch.from_numpy(part).float().to(device) for part in (pairs.images, pairs.masks))

    def step() -> None:
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            loss = generator.loss("guider", network, Batch(images, masks, 0, torch.Generator().manual_seed(0)), {})
        loss.backward()

    return step


def segmenter(device: str, limits: Device) -> None:
    """Print what part of the limits a training step of `quick`'s U-Net reaches: forward, backward and optimiser."""
    from pigbench import registry
    from pigbench.contracts import Batch, Task
    from pigbench.planning.configured import choose_segmenter
    from pigbench.protocol import load_preset

    preset = load_preset("quick")
    settings, side = preset.segmentation, preset.resolution
    config = choose_segmenter("unet", settings.network, {}).config
    unet = registry.find("segmenters", "unet").load()(config, Task(side))
    network = unet.build().to(device).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, fused=True)
    stream = torch.Generator().manual_seed(0)
    images = torch.randn(settings.batch, 1, side, side, generator=stream)
    batch = Batch(images.to(device), (images > 1).float().to(device), 0, stream)

    def step() -> None:
        unet.loss(network, batch).backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    took = textbook.seconds(step, device)
    busy = Busy(device)
    print(f"\nU-Net of quick: {settings.batch / took:.0f} images/s\n{HEADING}\n{line(limits, step, took, busy)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sides", nargs="*", type=int)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, help="by default that of the preset nearest to the side")
    chosen = parser.parse_args()
    torch.set_num_threads(1 if chosen.device == "cpu" else torch.get_num_threads())
    limits = measure(chosen.device)
    print(limits)
    print(f"{'side':>5} {'batch':>5} {'textbook img/s':>14} {'suite img/s':>12} {'ratio':>7} {'apart':>10} {HEADING}")
    for side in chosen.sides or ([32] if chosen.device == "cpu" else [64, 128, 256]):
        compare(side, chosen.device, chosen.batch or textbook.preset(side).training.batch, limits)
    segmenter(chosen.device, limits)


if __name__ == "__main__":
    main()
