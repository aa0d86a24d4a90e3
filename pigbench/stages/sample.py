"""Stage `sample`: one chunk of samples of a generator trained on one fold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from pigbench import registry
from pigbench.contracts import Generator, Pairs, SampleRequest, TrainView, rule, to_stored
from pigbench.ordering import Epochs
from pigbench.randomness import torch_generator
from pigbench.stages.job import Job, StageFailed, load_masks
from pigbench.stages.train import load_networks


def run(job: Job) -> None:
    """Writes images.npy (n, 1, R, R) uint16, masks.npy (n, 1, R, R) uint8 if there are masks, and chunk.json."""
    first, size, batch = job.spec["chunk"] * job.spec["size"], job.spec["size"], job.spec["batch"]
    draw, view = sampler(job)
    parts = []
    for start in range(first, first + size, batch):
        parts.append(_kept(job, draw, range(start, start + batch)))
        job.progress((start - first + batch) / size, f"{min(start - first + batch, size)}/{size}")
    _write(job, parts, view.seal, registry.find("generators", job.spec["plugin"]).load().is_control)


def _kept(job: Job, draw: Callable[[range], Pairs], indices: range) -> Pairs:
    """A batch of samples, drawn once even if the stage is killed after it."""

    def make() -> dict[str, np.ndarray]:
        pairs = draw(indices)
        masks = {} if pairs.masks is None else {"masks": pairs.masks}
        return {"images": pairs.images, "clipped_fraction": np.array(pairs.clipped_fraction)} | masks

    made = job.kept(f"from-{indices.start}", make)
    return Pairs(made["images"], made.get("masks"), float(made["clipped_fraction"]))


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
    others = _masks_of_another(job, view.seal)

    def draw(indices: range) -> Pairs:
        request = make_request(generator, view, indices, spec, device, on_step)
        if others is not None:
            request.masks = others[np.array(indices) % len(others)]  # the same chunk; beyond it is padding
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

    path: tuple[Any, ...] = (spec["seed"], "sample", spec["fold"])
    if spec.get("masks") == "made":  # not from the noise that they were made of
        path += ("for made masks",)
    for_real_masks = generator.kind == "images-for-masks" or spec.get("masks") == "real"
    known = np.flatnonzero(view.masks.any(axis=(1, 2, 3))) if for_real_masks else np.arange(len(view))
    if not len(known):
        raise StageFailed("no case of the fold's training patients has a lesion: there is no mask to make an image for")
    order = Epochs(len(known), 1, (*path, "masks"))
    cases = known[np.concatenate([order(index) for index in indices])]
    return SampleRequest(
        count=len(indices),
        resolution=spec["resolution"],
        device=torch.device(device),
        streams=[torch_generator(*path, index) for index in indices],
        masks=view.masks[cases] if for_real_masks else None,
        view=view,
        cases=cases,
        on_step=on_step,
    )


def _masks_of_another(job: Job, seal: str) -> np.ndarray | None:
    """The masks (n, 1, H, W) of another generator's chunk, if images are to be made for those."""
    if "masks" not in job.inputs:
        return None
    masks, chunks = load_masks([job.input("masks")], job.spec["size"])
    if chunks[0]["seal"] != seal:
        raise StageFailed(f"masks sealed {chunks[0]['seal']} met a fold sealed {seal}: they are other patients'")
    return masks


def check(pairs: Pairs, name: str, generator: Generator, count: int) -> None:
    """Refuse at the border what breaks the contract, naming the plugin and the contract's sentence."""
    shape = (count, 1, generator.resolution, generator.resolution)
    images, masks = pairs.images, pairs.masks
    if images.shape != shape or images.dtype != np.float32:
        _refuse(name, f"images {images.shape} {images.dtype} where {shape} float32 was asked", "Images are")
    if not np.isfinite(images).all():
        _refuse(name, "NaN or infinite intensities", "Intensities are")
    if np.abs(images).max() > 1:
        _refuse(name, f"intensities up to {np.abs(images).max():.3g}", "Intensities are")
    if masks is None and generator.kind != "images":
        _refuse(name, "no masks", "A generator of pairs")
    if masks is not None and (masks.shape != shape or masks.dtype != np.uint8):
        _refuse(name, f"masks {masks.shape} {masks.dtype} where {shape} uint8 was asked", "Masks are")
    if masks is not None and masks.max() > 1:
        _refuse(name, f"masks with values up to {masks.max()}", "Masks are")


def _refuse(name: str, what: str, beginning: str) -> NoReturn:
    raise StageFailed(f"generator '{name}' returned {what}; the contract says: {rule(beginning)}")


def _write(job: Job, parts: list[Pairs], seal: str, copies: bool) -> None:
    """copies: whether the masks are those of training cases, so that an empty one is no fault."""
    size = job.spec["size"]
    np.save(job.directory / "images.npy", to_stored(np.concatenate([part.images for part in parts])[:size]))
    clipped = [part.clipped_fraction for part in parts]
    about = {"seal": seal, "clipped_fraction": sum(clipped) / len(clipped), "copies": copies}
    if parts[0].masks is not None:
        masks = np.concatenate([part.masks for part in parts if part.masks is not None])[:size]
        np.save(job.directory / "masks.npy", masks)
    job.write_json("chunk.json", about)
