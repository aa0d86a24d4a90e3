"""Stage `sample`: one chunk of samples of a generator trained on one fold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Literal, NoReturn

import numpy as np

from pigbench import registry
from pigbench.contracts import Generator, Pairs, SampleRequest, TrainView, instance, rule, to_stored
from pigbench.ordering import Epochs
from pigbench.randomness import torch_generator
from pigbench.stages import base
from pigbench.stages.job import Job, StageFailed, read_json
from pigbench.stages.node import Node
from pigbench.stages.train import load_networks


class SampleSpec(base.PluginSpec, base.FoldSpec):
    """chunk: its number; it holds `size` samples, made in batches. masks: of the fold's cases, or of an input."""

    chunk: int
    size: int
    batch: int
    seed: int
    masks: Literal["real", "made"] | None = None


class Samples(base.Result):
    """A chunk of samples."""

    IMAGES, MASKS, FACTS = "images.npy", "masks.npy", "chunk.json"

    @classmethod
    def write(
        cls,
        job: Job[Any],
        images: np.ndarray,
        masks: np.ndarray | None,
        seal: str,
        clipped_fraction: float | None,
        **more: Any,
    ) -> None:
        """Write a chunk into the job's artifact: images (n, C, R, R) uint16, masks (n, 1, R, R) uint8 or none."""
        np.save(job.directory / cls.IMAGES, images)
        if masks is not None:
            np.save(job.directory / cls.MASKS, masks)
        job.write_json(cls.FACTS, {"seal": seal, "clipped_fraction": clipped_fraction, **more})

    @property
    def images(self) -> np.ndarray:
        """(n, C, R, R) uint16, memory-mapped."""
        return np.load(self.directory / self.IMAGES, mmap_mode="r")

    @property
    def masks(self) -> np.ndarray | None:
        """(n, 1, R, R) uint8; None where the generator makes none."""
        file = self.directory / self.MASKS
        return np.load(file) if file.is_file() else None

    @property
    def seal(self) -> str:
        """Of the patients that they were made from."""
        return self._facts["seal"]

    @property
    def clipped_fraction(self) -> float | None:
        """The share of pixels that came out beyond the range; None where nobody knows."""
        return self._facts["clipped_fraction"]

    @property
    def copies(self) -> bool:
        """Whether the masks are those of training cases, so that an empty one is no fault."""
        return bool(self._facts.get("copies"))

    @cached_property
    def _facts(self) -> dict[str, Any]:
        return read_json(self.directory / self.FACTS)


def load_images(chunks: Sequence[Samples], n: int) -> np.ndarray:
    """The first n images (n, C, R, R) uint16 of successive chunks."""
    return np.concatenate([chunk.images for chunk in chunks])[:n]


def load_masks(chunks: Sequence[Samples], n: int) -> np.ndarray | None:
    """The first n masks (n, 1, R, R) uint8 of successive chunks; None if they have none."""
    masks = [mask for chunk in chunks if (mask := chunk.masks) is not None]
    return np.concatenate(masks)[:n] if len(masks) == len(chunks) else None


class Sample(base.Stage):
    """A unit of work is a sample."""

    name = "sample"
    Spec = SampleSpec
    Result = Samples
    plugins = "generators"
    urgency = 4.0
    probed = True

    def run(self, job: Job[SampleSpec]) -> None:
        """Write a chunk, batch by batch; a batch is kept, so that a killed stage goes on where it was."""
        spec = job.spec
        first = spec.chunk * spec.size
        draw, view = sampler(job)
        parts = []
        for start in range(first, first + spec.size, spec.batch):
            parts.append(_kept(job, draw, range(start, start + spec.batch)))
            made = start - first + spec.batch
            job.progress(made / spec.size, f"{min(made, spec.size)}/{spec.size}")
        _write(job, parts, view.seal, registry.find("generators", spec.plugin).load().is_control)

    def units(self, node: Node, size: base.Size) -> float:
        """The samples."""
        return float(node.spec["size"])

    def units_of(self, spec: Any, result: Samples) -> float:
        """The samples."""
        return float(spec.size)

    def images(self, node: Node, size: base.Size) -> int | None:
        """The samples."""
        return node.spec["size"]

    def work(self, spec: Any, result: Samples) -> dict[str, int]:
        """The samples."""
        return {"images": spec.size}

    def costs_of(self, node: Node) -> str:
        """The generator's."""
        return f"sample {node.purpose.generator}"


def _kept(job: Job[SampleSpec], draw: Callable[[range], Pairs], indices: range) -> Pairs:
    """A batch of samples, drawn once even if the stage is killed after it."""

    def make() -> dict[str, np.ndarray]:
        pairs = draw(indices)
        masks = {} if pairs.masks is None else {"masks": pairs.masks}
        return {"images": pairs.images, "clipped_fraction": np.array(pairs.clipped_fraction)} | masks

    made = job.kept(f"from-{indices.start}", make)
    return Pairs(made["images"], made.get("masks"), float(made["clipped_fraction"]))


def sampler(
    job: Job[SampleSpec], on_step: Callable[..., None] | None = None
) -> tuple[Callable[[range], Pairs], TrainView]:
    """A function from sample indices to samples of the job's generator, and the view it was trained on.

    on_step: told of every denoising step, for the trace figure.
    """
    import torch

    spec, device = job.spec, job.device
    plugin = registry.find("generators", spec.plugin).load()
    generator = instance(plugin, plugin.Config(**spec.settings), spec.task)
    view = job.train_view()
    trained = load_networks(job, device)
    others = _masks_of_another(job, view.seal)

    def draw(indices: range) -> Pairs:
        request = make_request(
            generator, view, indices, spec.seed, spec.fold, masks=spec.masks, device=device, on_step=on_step
        )
        if others is not None:
            request.masks = others[np.array(indices) % len(others)]  # the same chunk; beyond it is padding
        with torch.inference_mode(), job.autocast():
            pairs = generator.sample(trained, request)
        check(pairs, spec.plugin, generator, len(indices))
        return pairs

    return draw, view


def make_request(
    generator: Generator,
    view: TrainView,
    indices: range,
    seed: int,
    fold: int,
    *,
    masks: Literal["real", "made"] | None = None,
    device: str = "cpu",
    on_step: Callable[..., None] | None = None,
) -> SampleRequest:
    """The request for the samples of those indices. Each sample's randomness is its own, whatever its batch mates."""
    import torch

    path: tuple[Any, ...] = (seed, "sample", fold)
    if masks == "made":  # not from the noise that they were made of
        path += ("for made masks",)
    for_real_masks = generator.kind == "images-for-masks" or masks == "real"
    known = np.flatnonzero(view.masks.any(axis=(1, 2, 3))) if for_real_masks else np.arange(len(view))
    if not len(known):
        raise StageFailed("no case of the fold's training patients has a lesion: there is no mask to make an image for")
    order = Epochs(len(known), 1, (*path, "masks"))
    cases = known[np.concatenate([order(index) for index in indices])]
    return SampleRequest(
        count=len(indices),
        task=generator.task,
        device=torch.device(device),
        streams=[torch_generator(*path, index) for index in indices],
        masks=view.masks[cases] if for_real_masks else None,
        view=view,
        cases=cases,
        on_step=on_step,
    )


def _masks_of_another(job: Job[SampleSpec], seal: str) -> np.ndarray | None:
    """The masks (n, 1, H, W) of another generator's chunk, if images are to be made for those."""
    if "masks" not in job.inputs:
        return None
    chunk = job.result("masks")
    if chunk.seal != seal:
        raise StageFailed(f"masks sealed {chunk.seal} met a fold sealed {seal}: they are other patients'")
    return load_masks([chunk], job.spec.size)


def check(pairs: Pairs, name: str, generator: Generator, count: int) -> None:
    """Refuse at the border what breaks the contract, naming the plugin and the contract's sentence."""
    task = generator.task
    images, shape = pairs.images, (count, *task.image_shape)
    masks, mask_shape = pairs.masks, (count, *task.mask_shape)
    if images.shape != shape or images.dtype != np.float32:
        _refuse(name, f"images {images.shape} {images.dtype} where {shape} float32 was asked", "Images are")
    if not np.isfinite(images).all():
        _refuse(name, "NaN or infinite intensities", "Intensities are")
    if np.abs(images).max() > 1:
        _refuse(name, f"intensities up to {np.abs(images).max():.3g}", "Intensities are")
    if masks is None and generator.kind != "images":
        _refuse(name, "no masks", "A generator of pairs")
    if masks is not None and (masks.shape != mask_shape or masks.dtype != np.uint8):
        _refuse(name, f"masks {masks.shape} {masks.dtype} where {mask_shape} uint8 was asked", "Masks are")
    if masks is not None and masks.max() > len(task.classes):
        _refuse(name, f"masks with values up to {masks.max()}", "Masks are")


def _refuse(name: str, what: str, beginning: str) -> NoReturn:
    raise StageFailed(f"generator '{name}' returned {what}; the contract says: {rule(beginning)}")


def _write(job: Job[SampleSpec], parts: list[Pairs], seal: str, copies: bool) -> None:
    """copies: see `Samples.copies`."""
    size = job.spec.size
    images = to_stored(np.concatenate([part.images for part in parts])[:size])
    made = [part.masks for part in parts if part.masks is not None]
    clipped = sum(part.clipped_fraction for part in parts) / len(parts)
    Samples.write(job, images, np.concatenate(made)[:size] if made else None, seal, clipped, copies=copies)


STAGE = Sample()
