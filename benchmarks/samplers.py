"""Samplers against the number of steps: DDIM, DPM-Solver++ and UniPC.

`python benchmarks/samplers.py` prints, at 8 to 256 steps,

1. how far samples are from the exact ones, the ODE's, where ε is known exactly: of a Gaussian mixture of 4×4 images;
2. the same of pairs, mask and image, sampled together by PIG's `sample_pairs`, and how many mask pixels flip.

`python benchmarks/samplers.py --trained STORE` adds KID of trained PIG networks, of whatever folds the store holds:
`pigbench run --generator pig --preset quick --store STORE` makes them.
"""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats

from generators.diffusion import SCHEDULE, DiffusionConfig, ScheduleConfig
from generators.pig import sample_pairs
from generators.samplers import NAMES, ddim_schedule, sample_images, scheduler_of

STEPS = (8, 16, 32, 64, 256)
SIDE = 4
EXTRACTOR = "efficientnet-lite0"
MOST_REAL = 2048
Field = Callable[[torch.Tensor, float], torch.Tensor]


class Mixture:
    """Pairs of a mask and an image (N, 1, 4, 4) from eight Gaussians, and ε given what is known of the pair.

    Centres of masks are of -1 and 1. Where masks alone or images alone are asked for, the other is unknown.
    """

    def __init__(self, alphas_cumprod: torch.Tensor) -> None:
        stream = torch.Generator().manual_seed(0)
        centres = torch.randn(8, 2, 1, SIDE, SIDE, generator=stream, dtype=torch.float64).clamp(-1, 1)
        self.masks, self.images = centres[:, 0].sign(), 0.9 * centres[:, 1]
        self.mask_variance = torch.full((8,), 0.3**2, dtype=torch.float64)
        self.image_variance = torch.linspace(0.1, 0.3, 8, dtype=torch.float64) ** 2
        self.alphas_cumprod = alphas_cumprod.double()

    def of_image(self, y: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        """ε of noised images y."""
        return self._noise(y, self.images, self.image_variance, self._at(times), self._evidence_of_image(y, times))

    def guider(self, channels: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        """ε of noised masks beside noised images."""
        x, y, alpha_bar = channels[:, :1], channels[:, 1:], self._at(times)
        evidence = _log_density(x, self.masks, self.mask_variance, alpha_bar) + self._evidence_of_image(y, times)
        return self._noise(x, self.masks, self.mask_variance, alpha_bar, evidence)

    def conditional(self, channels: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        """ε of noised images whose clean masks are known."""
        y, mask = channels[:, :1], channels[:, 1:]
        evidence = _log_density(mask, self.masks, self.mask_variance, 1.0) + self._evidence_of_image(y, times)
        return self._noise(y, self.images, self.image_variance, self._at(times), evidence)

    def _evidence_of_image(self, y: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        return _log_density(y, self.images, self.image_variance, self._at(times))

    def _at(self, times: torch.Tensor) -> float:
        """ᾱ at a step of the schedule, or, where `times` are no integers, at σ = `times`."""
        first = times[0]
        return float(1 / (1 + first**2) if first.is_floating_point() else self.alphas_cumprod[first])

    def _noise(
        self,
        noised: torch.Tensor,
        centres: torch.Tensor,
        variance: torch.Tensor,
        alpha_bar: float,
        evidence: torch.Tensor,
    ) -> torch.Tensor:
        """E[ε], the components weighing as the evidence (N, K) says."""
        away = noised[:, None] - math.sqrt(alpha_bar) * centres
        weights = evidence.softmax(1) / (alpha_bar * variance + 1 - alpha_bar)
        return math.sqrt(1 - alpha_bar) * (weights[..., None, None, None] * away).sum(1)


def _log_density(noised: torch.Tensor, centres: torch.Tensor, variance: torch.Tensor, alpha_bar: float) -> torch.Tensor:
    """(N, K), up to a constant."""
    spread = alpha_bar * variance + 1 - alpha_bar
    squares = (noised[:, None] - math.sqrt(alpha_bar) * centres).square().flatten(2).sum(-1)
    return -0.5 * squares / spread - 0.5 * SIDE**2 * spread.log()


def exact(slope: Field, start: torch.Tensor, sigma: float, steps: int = 1500) -> torch.Tensor:
    """The ODE's solution, by Runge and Kutta's fourth order in log σ from σ to 1e-3, then straight to 0.

    slope: of x/√ᾱ by log σ; start: where it begins, x_T/√ᾱ_T.
    """
    grid = np.linspace(math.log(sigma), math.log(1e-3), steps + 1).tolist()
    z = start
    for now, then in pairwise(grid):
        h = then - now
        first = slope(z, now)
        second = slope(z + h / 2 * first, now + h / 2)
        third = slope(z + h / 2 * second, now + h / 2)
        z = z + h / 6 * (first + 2 * second + 2 * third + slope(z + h * third, then))
    return z - slope(z, grid[-1])


def rms(error: torch.Tensor) -> torch.Tensor:
    """(N,): of every sample's pixels."""
    return error.square().flatten(1).mean(1).sqrt()


def analytic(count: int) -> None:
    """Print how far each sampler's images and pairs are from the exact ones."""
    schedule = ddim_schedule(DiffusionConfig())
    mixture = Mixture(schedule.alphas_cumprod)
    stream = torch.Generator().manual_seed(1)
    x, y = torch.randn(2, count, 1, SIDE, SIDE, generator=stream, dtype=torch.float64)
    last = float(schedule.alphas_cumprod[-1])
    sigma_T = math.sqrt((1 - last) / last)

    def slope(z: torch.Tensor, log_sigma: float) -> torch.Tensor:
        sigma = torch.full((len(z),), math.exp(log_sigma), dtype=torch.float64)
        return sigma[0] * mixture.of_image(z / (1 + sigma[0] ** 2).sqrt(), sigma)

    def slope_of_pairs(z: torch.Tensor, log_sigma: float) -> torch.Tensor:
        sigma = torch.full((len(z),), math.exp(log_sigma), dtype=torch.float64)
        noised = z / (1 + sigma[0] ** 2).sqrt()
        noise_x = mixture.guider(noised, sigma)
        clean = z[:, :1] - sigma[0] * noise_x
        noise_y = mixture.conditional(torch.cat([noised[:, 1:], clean], 1), sigma)
        return sigma[0] * torch.cat([noise_x, noise_y], 1)

    image = exact(slope, y / math.sqrt(last), sigma_T)
    pair = exact(slope_of_pairs, torch.cat([x, y], 1) / math.sqrt(last), sigma_T)
    rows: dict[str, list[list[str]]] = defaultdict(list)
    for sampler in NAMES:
        scheduler = scheduler_of(sampler, schedule)
        cells: dict[str, list[str]] = defaultdict(list)
        for steps in STEPS:
            off = rms(sample_images(mixture.of_image, scheduler, y, steps=steps) - image)
            masks, images = sample_pairs(mixture.guider, mixture.conditional, scheduler, x, y, steps=steps)
            flipped = ((masks > 0) != (pair[:, :1] > 0)).double().mean()
            errors = [1000 * rms(part).square().mean().sqrt() for part in (masks - pair[:, :1], images - pair[:, 1:])]
            cells["median error of an image × 1000"].append(f"{1000 * off.median():.2f}")
            cells["rms error of pairs × 1000: mask / image"].append(" / ".join(f"{error:.0f}" for error in errors))
            cells["mask pixels flipped, %"].append(f"{100 * flipped:.2f}")
        for title, line in cells.items():
            rows[title].append([NAMES[sampler], *line])
    for title, lines in rows.items():
        show(f"{title} ({count} samples)", ["steps", *map(str, STEPS)], lines)


class Trained:
    """The two networks of PIG that one training left in a store, and the real images' features it is judged by."""

    def __init__(self, store: Any, entry: Any, device: str) -> None:
        from pigbench.metrics.extractors import features
        from pigbench.stages.job import Job
        from pigbench.stages.train import TrainSpec, load_networks

        spec, inputs = TrainSpec(**entry.manifest["spec"]), entry.manifest["inputs"]
        stage_of = {"trained:guider": "train", "prepared": "prepare", "split": "split"}
        opened = {role: store.open(stage, inputs[role]) for role, stage in stage_of.items()} | {
            "trained:conditional": entry
        }
        nowhere = Path()
        job: Job[TrainSpec] = Job(spec, opened, "", store.root, nowhere, nowhere, math.inf, lambda share, text: None)
        self.fold, self.resolution, self.device = spec.fold, spec.resolution, device
        self.schedule = ddim_schedule(ScheduleConfig(**{name: spec.settings[name] for name in SCHEDULE}))
        self.networks = load_networks(job, device)
        dataset = opened["prepared"].manifest["spec"]["dataset"]
        self.real = features(_reference(store, job, dataset), EXTRACTOR, device)

    def kid(self, sampler: Any, steps: int, count: int, draw: int) -> float:
        """KID × 1000 of the images of `count` pairs, whose noise is the same for every sampler."""
        from pigbench.contracts import Pairs, Sets
        from pigbench.metrics.extractors import features
        from pigbench.metrics.kid import KID

        made = []
        stream = torch.Generator().manual_seed(1000 * self.fold + draw)
        for start in range(0, count, 64):
            size = (2, min(64, count - start), 1, self.resolution, self.resolution)
            x, y = torch.randn(size, generator=stream).to(self.device)
            guider, conditional = self.networks["guider"], self.networks["conditional"]
            _, images = sample_pairs(guider, conditional, scheduler_of(sampler, self.schedule), x, y, steps=steps)
            made.append(Pairs.clipped(images).images)
        found, none = features(np.concatenate(made), EXTRACTOR, self.device), self.real[:0]
        sets = Sets(found, self.real, none, none, none, m=min(count, len(self.real)), seed=0)
        return 1000 * KID().measure(sets, {})


def _reference(store: Any, job: Any, dataset: str) -> np.ndarray:
    """Images of the dataset's fresh patients, if a run has prepared some in this store, else the held-out ones."""
    from pigbench.contracts.pairs import to_unit_range
    from pigbench.stages.prepare import PreparedSet

    for entry in store.entries():
        if entry.stage != "prepare":
            continue
        spec = entry.manifest["spec"]
        if spec["dataset"] == dataset and spec.get("reference"):
            return to_unit_range(PreparedSet(entry.path).images[:MOST_REAL])
    held_out = job.prepared.view(job.held_out, "")
    return held_out.pairs(range(len(held_out))).images


def trained(root: str, steps: Sequence[int], count: int, draws: int, device: str) -> None:
    """Print KID of every fold's networks in the store, and its differences to DDIM's at the most steps."""
    from pigbench.store import Store

    store = Store(Path(root))
    folds = [
        Trained(store, entry, device)
        for entry in store.entries()
        if entry.stage == "train"
        and (entry.manifest["spec"]["plugin"], entry.manifest["spec"]["component"]) == ("pig", "conditional")
    ]
    if not folds:
        raise SystemExit(f"no trained PIG in {root}: pigbench run --generator pig --preset quick --store {root}")
    total = folds[0].schedule.config.num_train_timesteps
    steps = [number for number in steps if number <= total]

    def measured(sampler: Any, number: int) -> np.ndarray:
        return np.array([[fold.kid(sampler, number, count, draw) for draw in range(draws)] for fold in folds])

    *fewer, most = steps
    best = measured("ddim", most)
    print(f"\nDDIM at {most} steps: KID × 1000 {best.mean():.2f}", flush=True)
    lines = []
    for sampler in NAMES:
        found = [measured(sampler, number) for number in fewer]
        lines.append([NAMES[sampler], *(f"{kid.mean():.2f} ({interval(kid - best)})" for kid in found)])
    title = f"KID × 1000 of {len(folds)} trainings, {draws} draws of {count} each (difference to DDIM's at {most}"
    show(f"{title} steps [95 %])", ["steps", *map(str, fewer)], lines)


def interval(differences: np.ndarray) -> str:
    """The mean of (trainings, draws), and Student's interval over trainings, or over the draws of a single one."""
    units = differences.mean(1) if len(differences) > 1 else differences[0]
    mean = units.mean()
    if len(units) < 2 or not units.std():
        return f"{mean:+.2f}"
    half = stats.t.ppf(0.975, len(units) - 1) * units.std(ddof=1) / math.sqrt(len(units))
    return f"{mean:+.2f} [{mean - half:+.2f}, {mean + half:+.2f}]"


def show(title: str, heading: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Print a table."""
    table = [heading, *lines]
    widths = [max(len(row[column]) for row in table) for column in range(len(heading))]
    print(f"\n{title}")
    for row in table:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1024, help="samples, of a draw too")
    parser.add_argument("--trained", metavar="STORE")
    parser.add_argument("--steps", type=int, nargs="*", default=STEPS, help="of trained networks, the most last")
    parser.add_argument("--draws", type=int, default=3, help="of trained networks")
    parser.add_argument("--device", default="cpu", help="for trained networks")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    analytic(chosen.count)
    if chosen.trained:
        trained(chosen.trained, chosen.steps, chosen.count, chosen.draws, chosen.device)


if __name__ == "__main__":
    main()
