"""Stage `sample`: one chunk of samples of a generator trained on one fold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pigbench import registry
from pigbench.contracts import Generator, Pairs, SampleRequest, TrainView, to_stored
from pigbench.ordering import Epochs
from pigbench.randomness import torch_generator
from pigbench.stages.job import Job, StageFailed
from pigbench.stages.train import load_networks


def run(job: Job) -> None:
    """Writes images.npy (n, 1, R, R) uint16, masks.npy (n, 1, R, R) uint8 if there are masks, and chunk.json."""
    first, size, batch = job.spec["chunk"] * job.spec["size"], job.spec["size"], job.spec["batch"]
    draw, view = sampler(job)
    parts = []
    for start in range(first, first + size, batch):
        parts.append(draw(range(start, start + batch)))
        job.progress((start - first + batch) / size, f"{min(start - first + batch, size)}/{size}")
    _write(job, parts, view.seal)


def sampler(job: Job, on_step: Callable[..., None] | None = None) -> tuple[Callable[[range], Pairs], TrainView]:
    """A function from sample indices to samples of the job's generator, and the view it was trained on.

    on_step: told of every denoising step, for the trace figure.
    """
    import torch

    spec, device = job.spec, job.device
    plugin = registry.find("generators", spec["plugin"]).load()
    generator = plugin(plugin.Config(**spec["settings"]), spec["resolution"])
    view = job.train_view()
    trained = load_networks(job, device)

    def draw(indices: range) -> Pairs:
        request = make_request(generator, view, indices, spec, device, on_step)
        with torch.inference_mode(), job.autocast():
            pairs = generator.sample(trained, request)
        check(pairs, spec["plugin"], generator, len(indices))
        return pairs

    return draw, view


def make_request(
    generator: Generator,
    view: TrainView,
    indices: range,
    spec: dict[str, Any],
    device: str,
    on_step: Callable[..., None] | None = None,
) -> SampleRequest:
    """The request for the samples of those indices. Each sample's randomness is its own, whatever its batch mates."""
    import torch

    path = (spec["seed"], "sample", spec["fold"])
    masks = None
    if generator.kind == "images-for-masks":
        order = Epochs(len(view), 1, (*path, "masks"))
        masks = np.concatenate([view.masks[order(index)] for index in indices])
    return SampleRequest(
        count=len(indices),
        resolution=spec["resolution"],
        device=torch.device(device),
        streams=[torch_generator(*path, index) for index in indices],
        masks=masks,
        view=view,
        on_step=on_step,
    )


def check(pairs: Pairs, name: str, generator: Generator, count: int) -> None:
    """Refuse at the border what breaks the contract, naming the plugin and the contract's sentence."""
    shape = (count, 1, generator.resolution, generator.resolution)
    images, masks = pairs.images, pairs.masks
    if images.shape != shape or images.dtype != np.float32:
        raise StageFailed(f"generator '{name}' returned images {images.shape} {images.dtype}: {shape} float32 is asked")
    if not np.isfinite(images).all():
        raise StageFailed(f"generator '{name}' returned NaN or infinite intensities")
    if np.abs(images).max() > 1:
        raise StageFailed(f"generator '{name}' returned intensities outside [-1, 1]: use Pairs.clipped")
    if generator.kind == "pairs" and masks is None:
        raise StageFailed(f"generator '{name}' returned no masks, though its kind is 'pairs'")
    if masks is not None and (masks.shape != shape or not np.isin(masks, (0, 1)).all()):
        raise StageFailed(f"generator '{name}' returned masks that are not {shape} with values 0 and 1")


def _write(job: Job, parts: list[Pairs], seal: str) -> None:
    size = job.spec["size"]
    np.save(job.directory / "images.npy", to_stored(np.concatenate([part.images for part in parts])[:size]))
    clipped = [part.clipped_fraction for part in parts]
    about = {"seal": seal, "clipped_fraction": sum(clipped) / len(clipped)}
    if parts[0].masks is not None:
        masks = np.concatenate([part.masks for part in parts if part.masks is not None])[:size]
        np.save(job.directory / "masks.npy", masks)
    job.write_json("chunk.json", about)
