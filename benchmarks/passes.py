"""KID against image-passes: how long `quick`'s generators take to train out.

On phantom patients of another seed, whom no table uses, each generator is trained with 12,000 to 192,000 image-passes,
every time anew, as the learning rate falls to 0 at the end. `python benchmarks/passes.py FILE` adds a line to FILE for
each training and goes on where it was stopped; `--generators pig joint` does a part of the work, and several processes
may share FILE. `--plot FIGURE.svg` draws what is there.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pigbench.contracts import Pairs, Sets, Task, instance
from pigbench.data.phantom.dataset import Phantom
from pigbench.data.prepare import Prepared, prepare
from pigbench.metrics.extractors import features
from pigbench.metrics.kid import KID
from pigbench.planning.configured import choose_generator
from pigbench.protocol import Preset, load_preset
from pigbench.stages.sample import make_request
from pigbench.stages.train import steps_of
from pigbench.training import Loop

GENERATORS = ("pig", "joint", "ddpm", "segguided")
PASSES = (12_000, 24_000, 48_000, 96_000, 192_000)
EXTRACTOR = "efficientnet-lite0"
SEED = 1
COUNT = 512
"""Generated and real images."""
KIDS = (5, 10, 20, 50, 100)
"""Marks of the figure's axis."""


@cache
def prepared(resolution: int) -> tuple[Prepared, np.ndarray]:
    """The patients of the other seed, and the features of fresh ones."""
    source = Phantom(seed=SEED)
    fresh = source.reference(COUNT)
    folder = Path(tempfile.mkdtemp())
    for name, of in (("own", source), ("fresh", fresh)):
        (folder / name).mkdir()
        prepare(of, resolution, folder / name)
    reference = Prepared(folder / "fresh")
    images = reference.view(sorted(set(reference.patients)), "").pairs(range(len(reference.case_ids))).images
    return Prepared(folder / "own"), features(images, EXTRACTOR, "cpu")


def measured(name: str, passes: int, preset: Preset) -> dict[str, Any]:
    """Train a generator of that name, sample, and compare."""
    own, reference = prepared(preset.resolution)
    view = own.view(sorted(set(own.patients)), "another phantom")
    choice = choose_generator(name, preset.diffusion, {})
    generator, trained = instance(choice.plugin, choice.config, Task(preset.resolution)), {}
    parts = choice.plugin.components
    settings = preset.training_for(name)
    if rate := getattr(choice.config, "learning_rate", None):
        settings = settings.model_copy(update={"learning_rate": rate})
    began = time.process_time()
    for part in parts:
        share = part.share / sum(other.share for other in parts)
        steps = steps_of(settings.model_copy(update={"images": passes}), share, len(view))
        loop = Loop(settings, steps, (SEED, "train", name, part.name, 0), ema=settings.ema)
        trained[part.name] = generator.train(part.name, view, trained, loop)
    seconds = time.process_time() - began
    pairs = sampled(generator, view, trained, preset)
    none = reference[:0]
    sets = Sets(features(pairs.images, EXTRACTOR, "cpu"), reference, none, none, none, m=COUNT, seed=0)
    empty = None if pairs.masks is None else float((~pairs.masks.any(axis=(1, 2, 3))).mean())
    return {"kid": 1000 * KID().measure(sets, {}), "empty": empty, "seconds": round(seconds)}


def sampled(generator: Any, view: Any, trained: Any, preset: Preset) -> Pairs:
    """Samples 0 to `COUNT`, made as a run makes them."""
    size, made = preset.sampling.batch, []
    with torch.inference_mode():
        for start in range(0, COUNT, size):
            made.append(generator.sample(trained, make_request(generator, view, range(start, start + size), SEED, 0)))
    masks = None if made[0].masks is None else np.concatenate([part.masks for part in made])
    return Pairs(np.concatenate([part.images for part in made]), masks)


def known(file: Path) -> list[dict[str, Any]]:
    """What is measured already."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """KID of each generator by passes, on logarithmic axes."""
    from matplotlib.figure import Figure

    lines = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["passes"]):
        lines[row["generator"]].append((row["passes"], row["kid"]))
    figure = Figure(figsize=(6, 4), layout="constrained")
    axis = figure.subplots()
    for name, points in lines.items():
        axis.loglog(*zip(*points, strict=True), marker="o", label=name)
    axis.minorticks_off()
    axis.set_xticks(PASSES, [f"{passes:,}" for passes in PASSES])
    axis.set_yticks(KIDS, map(str, KIDS))
    axis.set_xlabel("image-passes")
    axis.set_ylabel("KID × 1000")
    axis.legend()
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--generators", nargs="*", default=GENERATORS)
    parser.add_argument("--passes", type=int, nargs="*", default=PASSES)
    parser.add_argument("--plot", type=Path, metavar="FIGURE")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    preset = load_preset("quick")
    for passes in chosen.passes:
        for name in chosen.generators:
            if not any((row["generator"], row["passes"]) == (name, passes) for row in known(chosen.file)):
                row = {"generator": name, "passes": passes} | measured(name, passes, preset)
                with chosen.file.open("a") as file:
                    file.write(json.dumps(row) + "\n")
                print(row, flush=True)
    if chosen.plot:
        plot(known(chosen.file), chosen.plot)


if __name__ == "__main__":
    main()
