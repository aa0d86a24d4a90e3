"""Stage `adopt`: the pairs that another tool made for one fold, as one chunk of samples."""

from __future__ import annotations

import numpy as np

from pigbench.contracts.arrays import channels_first, in_three_channels
from pigbench.randomness import numpy_generator
from pigbench.stages import base
from pigbench.stages.job import Job
from pigbench.stages.node import Node
from pigbench.stages.sample import Samples


class AdoptSpec(base.Spec):
    """content: the hash of the pairs. as_is, draws, seal: as their manifest says. channels, classes: how
    many the dataset has; grey images of a set in colour are grey in all three."""

    content: str
    as_is: bool
    draws: bool
    seal: str
    resolution: int
    channels: int = 1
    classes: int = 1


class Adopt(base.Stage):
    """All pairs of a fold. Their order is one of chance: by name, the first n could be those of one patient or kind."""

    name = "adopt"
    Spec = AdoptSpec
    Result = Samples
    seconds = 5.0

    def run(self, job: Job[AdoptSpec]) -> None:
        """Unless the pairs are taken as they are, prepare them as real cases are.

        What was clipped before they were written is not known.
        """
        from pigbench.data.external_pairs import read_registered
        from pigbench.data.prepare import prepare_case

        spec = job.spec
        images, masks = [], []
        for number, total, image, mask in read_registered(job.store, spec.content, spec.classes):
            if spec.channels == 3:
                image = in_three_channels(image)
            if spec.as_is:
                image = sixteen_bit(image)
            else:
                image, mask = prepare_case(image, mask, spec.resolution)
            images.append(channels_first(image))
            masks.append(mask[None])
            job.progress((number + 1) / total, f"{number + 1}/{total}")
        order = np.arange(len(images))
        if not spec.draws:
            order = numpy_generator(spec.content, "order").permutation(order)
        Samples.write(job, np.stack(images)[order], np.stack(masks)[order], spec.seal, clipped_fraction=None)

    def images(self, node: Node, size: base.Size) -> int | None:
        """As many as were handed in."""
        return node.purpose.count


def sixteen_bit(image: np.ndarray) -> np.ndarray:
    """uint8 or uint16 intensities as stored ones, 0..65535 for [-1, 1]."""
    return image.astype(np.uint16) * 257 if image.dtype == np.uint8 else image


STAGE = Adopt()
