"""Algorithms 1 and 2 of PIG as a careful reader writes them down, and what the benchmarks of speed share.

float32; every step's results moved to the host and kept, the whole trajectory; losses read at every step; the moving
average parameter by parameter. Networks, schedule and noise are those of the suite.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

from pigbench.contracts import Task
from pigbench.planning.configured import choose_generator
from pigbench.protocol import Preset, load_preset

PRESET_OF = {32: "quick", 64: "small", 128: "medium", 256: "medium"}


def preset(side: int) -> Preset:
    """The preset nearest to a resolution."""
    return load_preset(PRESET_OF[side])


def pig(side: int) -> tuple[Any, dict[str, torch.nn.Module]]:
    """The generator at a resolution, with the settings of the preset nearest to it, and its untrained networks."""
    choice = choose_generator("pig", preset(side).diffusion, {})
    generator = choice.plugin(choice.config, Task(side))
    torch.manual_seed(0)
    return generator, {name: generator.build(name) for name in ("guider", "conditional")}


def sample_pairs(
    guider: torch.nn.Module,
    conditional: torch.nn.Module,
    alphas: torch.Tensor,
    x: torch.Tensor,
    y: torch.Tensor,
    steps: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Algorithm 2 with DDIM's deterministic step; x, y: noise (N, 1, H, W). The last x̂0 and ŷ0, on the host."""
    total = len(alphas)
    trajectory = []
    with torch.no_grad():
        for t in reversed(range(0, total, total // steps)):
            now = alphas[t]
            before = alphas[t - total // steps] if t >= total // steps else torch.tensor(1.0)
            times = torch.full((len(x),), t, device=x.device)
            noise_x = guider(torch.cat([x, y], 1), times)
            clean_x = (x - (1 - now).sqrt() * noise_x) / now.sqrt()
            noise_y = conditional(torch.cat([y, clean_x], 1), times)
            clean_y = (y - (1 - now).sqrt() * noise_y) / now.sqrt()
            x = before.sqrt() * clean_x + (1 - before).sqrt() * noise_x
            y = before.sqrt() * clean_y + (1 - before).sqrt() * noise_y
            trajectory.append([part.cpu().clone() for part in (x, y, clean_x, clean_y)])
    return trajectory[-1][2], trajectory[-1][3]


class Trainer:
    """Algorithm 1 for the guider: Adam, clipping, a moving average, the loss read at every step."""

    def __init__(self, network: torch.nn.Module, alphas: torch.Tensor, learning_rate: float) -> None:
        self.network = network.train()
        self.alphas = alphas
        self.optimiser = torch.optim.Adam(network.parameters(), lr=learning_rate)
        self.average = [parameter.detach().clone() for parameter in network.parameters()]
        self.losses: list[float] = []

    def step(self, x_0, y_0, noise_x, noise_y, t) -> None:
        """Masks and images, their noise: (N, 1, H, W), in [-1, 1] before it; timesteps (N,); all on the host."""
        device = next(self.network.parameters()).device
        x_0, y_0, noise_x, noise_y, t = (part.to(device) for part in (x_0, y_0, noise_x, noise_y, t))
        alpha = self.alphas.to(device)[t].view(-1, 1, 1, 1)
        x_t = alpha.sqrt() * x_0 + (1 - alpha).sqrt() * noise_x
        y_t = alpha.sqrt() * y_0 + (1 - alpha).sqrt() * noise_y
        loss = (self.network(torch.cat([x_t, y_t], 1), t) - noise_x).square().mean()
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        done = len(self.losses)
        decay = min(0.9999, (1 + done) / (10 + done)) if done else 0.0
        with torch.no_grad():
            for average, parameter in zip(self.average, self.network.parameters(), strict=True):
                average.mul_(decay).add_(parameter, alpha=1 - decay)
        self.losses.append(loss.item())


def seconds(work: Callable[[], object], device: str, repeats: int = 3) -> float:
    """The best time of `work`, after one run that does not count."""
    best = float("inf")
    for attempt in range(repeats + 1):
        began = clock(device)
        work()
        if attempt:
            best = min(best, clock(device) - began)
    return best


def clock(device: str) -> float:
    """Seconds: on a CPU those that this process got, as one thread's neighbours are not its fault."""
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()
