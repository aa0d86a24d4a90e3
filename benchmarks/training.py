"""Training PIG's guider: the suite's loop against a textbook's Algorithm 1, in one process.

`python benchmarks/training.py [--device cuda] [SIDE]…` prints images a second and their ratio. The suite trains as a
run with `numerics.compile` does; compiling is not counted.
"""

from __future__ import annotations

import argparse

import numpy as np
import textbook
import torch

STEPS = 30
WARM = 10  # steps that are not timed


def compare(side: int, device: str, batch: int) -> None:
    from pigbench.contracts import TrainView
    from pigbench.protocol import Training

    stream = np.random.default_rng(0)
    shape = (4 * batch, 1, side, side)
    view = TrainView(
        stream.integers(0, 65536, shape, np.uint16), stream.integers(0, 2, shape, np.uint8), ["p"] * 4 * batch, "d"
    )
    settings = Training(images=batch * (STEPS + WARM), batch=batch, learning_rate=1e-4)
    theirs, ours = _by_the_book(side, device, view, settings), _by_the_suite(side, device, view, settings)
    print(f"{side:4}² {batch:5} {batch / theirs:14.1f} {batch / ours:12.1f} {theirs / ours:7.2f}", flush=True)


def _by_the_book(side: int, device: str, view, settings) -> float:
    """Seconds a step."""
    generator, networks = textbook.pig(side)
    trainer = textbook.Trainer(networks["guider"].to(device), generator.schedule.alphas_cumprod, settings.learning_rate)
    order = np.random.default_rng(1)
    for step in range(WARM + STEPS):
        if step == WARM:
            began = textbook.clock(device)
        pairs = view.pairs(order.integers(0, len(view), settings.batch))
        trainer.step(torch.from_numpy(2.0 * pairs.masks - 1).float(), torch.from_numpy(pairs.images))
    return (textbook.clock(device) - began) / STEPS


def _by_the_suite(side: int, device: str, view, settings) -> float:
    """Seconds a step, from the first window of losses that is told to the last."""
    from pigbench.training import Loop

    generator, networks = textbook.pig(side)
    told: list[tuple[int, float]] = []
    loop = Loop(
        settings,
        WARM + STEPS,
        (0, "benchmark"),
        ema=0.9999,
        device=device,
        precision="bfloat16" if device == "cuda" else "float32",
        compiled=True,
        progress=lambda step, steps, loss: told.append((step, textbook.clock(device))),
    )
    loop.fit(networks["guider"], lambda net, batch: generator.loss("guider", net, batch, {}), view)
    return (told[-1][1] - told[0][1]) / (told[-1][0] - told[0][0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sides", nargs="*", type=int)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=16)
    chosen = parser.parse_args()
    torch.set_num_threads(1 if chosen.device == "cpu" else torch.get_num_threads())
    print(f"{'side':>5} {'batch':>5} {'textbook img/s':>14} {'suite img/s':>12} {'ratio':>7}")
    for side in chosen.sides or ([32] if chosen.device == "cpu" else [64, 128, 256]):
        compare(side, chosen.device, chosen.batch)


if __name__ == "__main__":
    main()
