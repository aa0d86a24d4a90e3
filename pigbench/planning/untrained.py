"""The networks of a plan as their plugins build them, with no training behind them: what can be asked in advance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pigbench import registry
from pigbench.contracts import Batch, Task, instance
from pigbench.randomness import torch_generator
from pigbench.stages.node import Node
from pigbench.stages.train import OnlySettings

if TYPE_CHECKING:
    import torch


def build(node: Node) -> tuple[Any, torch.nn.Module]:
    """The plugin of a training as its stage makes it, and its untrained network. Raises what the plugin raises."""
    spec, task = node.spec, Task(node.spec["resolution"])
    group: registry.Group = "segmenters" if node.purpose.segmenter else "generators"
    plugin = registry.find(group, spec["plugin"]).load()
    if node.purpose.segmenter:
        segmenter = instance(plugin, plugin.Config(**spec["settings"]), task)
        return segmenter, segmenter.build()
    component = next(component for component in plugin.components if component.name == spec["component"])
    generator = instance(plugin, OnlySettings(spec["settings"], plugin, component), task)
    return generator, generator.build(component.name)


def build_needed(node: Node) -> dict[str, torch.nn.Module]:
    """The components that a node's inputs would bring, by name, frozen, in evaluation mode."""
    return {
        role.removeprefix("trained:"): build(other)[1].eval().requires_grad_(False)
        for role, other in node.inputs.items()
        if role.startswith("trained:")
    }


def blank_batch(resolution: int) -> Batch:
    """Two dark cases with a bright square, which is the mask."""
    import torch

    masks = torch.zeros(2, 1, resolution, resolution)
    masks[..., : resolution // 4, : resolution // 4] = 1
    return Batch(images=masks - 0.5, masks=masks, step=0, generator=torch_generator("resolution"))
