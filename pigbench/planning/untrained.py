"""The networks of a plan as their plugins build them, with no training behind them: what can be asked in advance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pigbench import registry
from pigbench.contracts import LESION, Batch, Task, instance
from pigbench.randomness import torch_generator
from pigbench.stages.node import Node
from pigbench.stages.train import OnlySettings

if TYPE_CHECKING:
    import torch


def build(node: Node) -> tuple[Any, torch.nn.Module]:
    """The plugin of a training as its stage makes it, and its untrained network. Raises what the plugin raises."""
    spec, task = node.spec, task_of(node)
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


def task_of(node: Node) -> Task:
    """What a node's plugin is built for."""
    spec = node.spec
    return Task(spec["resolution"], spec.get("channels", 1), tuple(spec.get("classes", LESION)))


def blank_batch(task: Task) -> Batch:
    """Two dark cases with a bright square, which is the mask."""
    import torch

    masks = torch.zeros(2, *task.mask_shape)
    masks[..., : task.resolution // 4, : task.resolution // 4] = 1
    images = (masks - 0.5).expand(2, *task.image_shape).contiguous()
    return Batch(images=images, masks=masks, step=0, generator=torch_generator("resolution"))
