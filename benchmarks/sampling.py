"""Sampling PIG: the suite against a textbook's Algorithm 2, on the same networks and noise, in one process.

`python benchmarks/sampling.py [--device cuda] [SIDE]…` prints ratios of speed, what part of the device's measured
limits the suite reaches, and what limits it. The suite samples as a run with `numerics.compile`; compiling is not
counted. `--steps` takes fewer steps than the preset: all cost the same.
"""

from __future__ import annotations

import argparse

import textbook
import torch
from limits import HEADING, Busy, Device, line, measure


def compare(side: int, device: str, count: int, steps: int | None, limits: Device) -> None:
    from generators.pig import sample_pairs
    from pigbench.compiling import compile_frozen
    from pigbench.training import laid_out

    generator, networks = textbook.pig(side)
    plain = {name: network.to(device).eval().requires_grad_(False) for name, network in networks.items()}
    _, again = textbook.pig(side)
    quick = {name: laid_out(network, device).eval().requires_grad_(False) for name, network in again.items()}
    for network in quick.values():
        compile_frozen(network, device)
    schedule, steps = generator.schedule, steps or generator.config.steps
    stream = torch.Generator().manual_seed(1)
    x, y = (torch.randn((count, 1, side, side), generator=stream).to(device) for _ in range(2))
    alphas = schedule.alphas_cumprod

    def by_the_book() -> tuple[torch.Tensor, torch.Tensor]:
        return textbook.sample_pairs(plain["guider"], plain["conditional"], alphas, x, y, steps)

    def by_the_suite(networks: dict[str, torch.nn.Module] = quick) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            masks, images = sample_pairs(networks["guider"], networks["conditional"], schedule, x, y, steps=steps)
        return masks.cpu(), images.cpu()

    ours, theirs = textbook.seconds(by_the_suite, device, 2), textbook.seconds(by_the_book, device, 2)
    busy = Busy(device)
    busy.begin()
    by_the_suite()
    busy.end()
    reached = line(limits, lambda: by_the_suite(plain), ours, busy)
    apart = max(((a - b.float()).norm() / a.norm()).item() for a, b in zip(by_the_book(), by_the_suite(), strict=True))
    compared = f"{side:4}² {count:5} {theirs:10.2f} {ours:10.2f} {theirs / ours:7.2f} {apart:10.1e}"
    print(f"{compared} {reached}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sides", nargs="*", type=int)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--count", type=int, help="by default a batch of the preset nearest to the side")
    parser.add_argument("--steps", type=int)
    chosen = parser.parse_args()
    torch.set_num_threads(1 if chosen.device == "cpu" else torch.get_num_threads())
    limits = measure(chosen.device)
    print(limits)
    print(f"{'side':>5} {'n':>5} {'textbook s':>10} {'suite s':>10} {'ratio':>7} {'apart':>10} {HEADING}")
    for side in chosen.sides or ([32] if chosen.device == "cpu" else [64, 128, 256]):
        compare(side, chosen.device, chosen.count or textbook.preset(side).sampling.batch, chosen.steps, limits)


if __name__ == "__main__":
    main()
