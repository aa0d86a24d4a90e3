"""Budgets of arithmetic: the image-passes that give a generator the arithmetic of another's.

A component's arithmetic is what torch counts in the loss of two invented cases, forward and backward.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pigbench.contracts import Component, Generator, Task, instance
from pigbench.errors import PigbenchError
from pigbench.planning.configured import GeneratorChoice, choose_generator
from pigbench.planning.untrained import blank_batch

MEASURE = "pig"
"""The generator whose arithmetic everybody gets."""


def image_passes(generator: GeneratorChoice, images: int, shared: Mapping[str, Any], resolution: int) -> int:
    """The image-passes in which a generator takes the arithmetic of `images` passes of `MEASURE`.

    shared: the preset's `[diffusion]` table. Raises PigbenchError where a generator's arithmetic cannot be counted.
    """
    measure = choose_generator(MEASURE, shared, {})
    least = max(1, len(generator.plugin.components))
    return max(least, round(images * _per_image(measure, resolution) / _per_image(generator, resolution)))


def _per_image(generator: GeneratorChoice, resolution: int) -> float:
    """Multiply-adds of an image-pass, a mean over its own components as they share the passes."""
    own = [component for component in generator.plugin.components if component.owner is None]
    whole = sum(component.share for component in own)
    return sum(component.share * _counted(_Subject(generator, resolution), component.name) for component in own) / whole


class _Subject:
    """A generator at a resolution, told from others by its signature."""

    def __init__(self, generator: GeneratorChoice, resolution: int) -> None:
        self.choice, self.resolution = generator, resolution

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Subject) and self._name == other._name

    def __hash__(self) -> int:
        return hash(self._name)

    @property
    def _name(self) -> tuple[str, int]:
        return self.choice.signature, self.resolution

    @property
    def generator(self) -> Generator:
        return instance(self.choice.plugin, self.choice.config, Task(self.resolution))

    def component(self, name: str) -> Component:
        return next(component for component in self.choice.plugin.components if component.name == name)

    def built(self, name: str) -> Any:
        """A component's untrained network, by whoever owns it."""
        if owner := self.component(name).owner:
            lender = next(lender for lender in self.choice.lenders if lender.name == owner)
            return _Subject(lender, self.resolution).built(name)
        return self.generator.build(name)


@cache
def _counted(subject: _Subject, name: str) -> float:
    """Multiply-adds of one image in a training step of a component."""
    import torch

    from pigbench.arithmetic import Counter

    generator, batch = subject.generator, blank_batch(subject.resolution)
    if type(generator).loss is Generator.loss:
        raise PigbenchError(
            f"generator '{subject.choice.name}' has a training of its own: its arithmetic cannot be told"
        )
    with torch.random.fork_rng(devices=[]):
        network = subject.built(name)
        needed = {other: subject.built(other).eval().requires_grad_(False) for other in subject.component(name).needs}
        with Counter() as counter:
            generator.loss(name, network, batch, needed)
    return counter.multiply_adds / len(batch.images)
