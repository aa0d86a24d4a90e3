"""Budgets of arithmetic: the image-passes that give a generator the arithmetic of another's.

A component's arithmetic is what torch counts in the loss of two invented cases, forward and backward.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pigbench.contracts import Component, Generator, Task, instance
from pigbench.errors import PigbenchError
from pigbench.planning.configured import GeneratorChoice, choose_generator
from pigbench.planning.untrained import blank_batch

MEASURE = "pig"
"""The generator whose arithmetic everybody gets."""

_KNOWN: dict[tuple[str, Task], float] = {}
"""Multiply-adds of an image-pass by signature and task: a plan asks for each fold."""


def image_passes(generator: GeneratorChoice, images: int, shared: Mapping[str, Any], task: Task) -> int:
    """The image-passes in which a generator takes the arithmetic of `images` passes of `MEASURE`.

    shared: the preset's `[diffusion]` table. Raises PigbenchError where a generator's arithmetic cannot be counted.
    """
    measure = choose_generator(MEASURE, shared, {})
    least = max(1, len(generator.plugin.components))
    return max(least, round(images * _per_image(measure, task) / _per_image(generator, task)))


def _per_image(generator: GeneratorChoice, task: Task) -> float:
    """Multiply-adds of an image-pass, a mean over its own components as they share the passes."""
    key = generator.signature, task
    if key not in _KNOWN:
        own = [component for component in generator.plugin.components if component.owner is None]
        whole = sum(component.share for component in own)
        _KNOWN[key] = sum(part.share * _counted(generator, part, task) for part in own) / whole
    return _KNOWN[key]


def _counted(choice: GeneratorChoice, component: Component, task: Task) -> float:
    """Multiply-adds of one image in a training step of a component."""
    import torch

    from pigbench.arithmetic import Counter

    generator, batch = instance(choice.plugin, choice.config, task), blank_batch(task)
    if type(generator).loss is Generator.loss:
        raise PigbenchError(
            f"generator '{choice.name}' has a training of its own, whose arithmetic cannot be counted: take "
            "training.budget=images"
        )
    with torch.random.fork_rng(devices=[]):
        network = generator.build(component.name)
        needed = {name: _built(choice, name, task).eval().requires_grad_(False) for name in component.needs}
        with Counter() as counter:
            generator.loss(component.name, network, batch, needed)
    return counter.multiply_adds / len(batch.images)


def _built(choice: GeneratorChoice, name: str, task: Task) -> Any:
    """A component's untrained network, by whoever owns it."""
    owner = choice.component(name).owner
    whose = choice.lender(owner) if owner else choice
    return instance(whose.plugin, whose.config, task).build(name)
