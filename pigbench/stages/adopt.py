"""Stage `adopt`: the pairs that another tool made for one fold, as one chunk of samples."""

from __future__ import annotations

import numpy as np

from pigbench.randomness import numpy_generator
from pigbench.stages.job import Job


def run(job: Job) -> None:
    """Writes what `sample` writes, for all the pairs: images, masks and chunk.json.

    Their order is one of chance: by name, the first n could be those of one patient or kind.

    Unless they are taken as they are, they are prepared as real cases are. What was clipped before they were written is
    not known.
    """
    from pigbench.data.external_pairs import read_registered
    from pigbench.data.prepare import prepare_case

    images, masks = [], []
    for number, total, image, mask in read_registered(job.store, job.spec["content"]):
        if job.spec["as_is"]:
            image = sixteen_bit(image)
        else:
            image, mask = prepare_case(image, mask, job.spec["resolution"])
        images.append(image[None])
        masks.append(mask[None])
        job.progress((number + 1) / total, f"{number + 1}/{total}")
    order = np.arange(len(images))
    if not job.spec["draws"]:
        order = numpy_generator(job.spec["content"], "order").permutation(order)
    np.save(job.directory / "images.npy", np.stack(images)[order])
    np.save(job.directory / "masks.npy", np.stack(masks)[order])
    job.write_json("chunk.json", {"seal": job.spec["seal"], "clipped_fraction": None})


def sixteen_bit(image: np.ndarray) -> np.ndarray:
    """uint8 or uint16 intensities as stored ones, 0..65535 for [-1, 1]."""
    return image.astype(np.uint16) * 257 if image.dtype == np.uint8 else image
