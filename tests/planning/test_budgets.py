"""Budgets of arithmetic: what trainings count is equal, whatever the generator."""

from __future__ import annotations

import numpy as np
import pytest

from pigbench.contracts import Task, TrainView, instance
from pigbench.errors import PigbenchError
from pigbench.planning.budgets import image_passes
from pigbench.planning.configured import choose_generator
from pigbench.planning.planner import make_plan
from pigbench.protocol import load_preset
from pigbench.training import Loop
from tests.planning.test_plan import request

IMAGES = 100_000
PRESET = load_preset("smoke")
SIDE = PRESET.resolution


def arithmetic(name: str, images: int) -> float:
    """Multiply-adds of so many image-passes, shared by the components, as their training loops count them."""
    choice = choose_generator(name, PRESET.diffusion, {})
    generator, trained, total = instance(choice.plugin, choice.config, Task(SIDE)), {}, 0.0
    masks = np.zeros((4, 1, SIDE, SIDE), np.uint8)
    masks[..., :4, :4] = 1
    view = TrainView(np.full(masks.shape, 9000, np.uint16), masks, list("abcd"), "d")
    shares = sum(component.share for component in choice.plugin.components if not component.owner)
    for component in choice.plugin.components:
        if component.owner:
            lender = next(lender for lender in choice.lenders if lender.name == component.owner)
            owner = instance(lender.plugin, lender.config, Task(SIDE))
            trained[component.name] = owner.build(component.name).eval().requires_grad_(False)
            continue
        loop = Loop(PRESET.training_for(name), 1, (0, name))
        trained[component.name] = generator.train(component.name, view, trained, loop)
        assert loop.arithmetic is not None
        total += images * component.share / shares * loop.arithmetic / PRESET.training.batch
    return total


@pytest.mark.parametrize("name", ["ddpm", "joint", "segguided", "controlnet", "ldm"])
def test_everybody_gets_the_arithmetic_of_pig(name):
    images = image_passes(choose_generator(name, PRESET.diffusion, {}), IMAGES, PRESET.diffusion, Task(SIDE))
    assert arithmetic(name, images) == pytest.approx(arithmetic("pig", IMAGES), rel=0.01)
    assert images != IMAGES


def test_pig_itself_keeps_its_image_passes():
    assert image_passes(choose_generator("pig", PRESET.diffusion, {}), IMAGES, PRESET.diffusion, Task(SIDE)) == IMAGES


def test_a_plan_trains_by_arithmetic_where_the_preset_says_so():
    usual = request("pig", "joint")
    preset = load_preset("smoke", {"training.budget": "flops"})
    protocol = usual.protocol.model_copy(update={"preset": preset})
    assert protocol.signature != usual.protocol.signature
    passes = [
        {
            node.spec["component"]: node.spec["training"]["images"]
            for node in make_plan(of).nodes()
            if node.stage == "train"
        }
        for of in (usual, request("pig", "joint", protocol=protocol))
    ]
    assert passes[0]["guider"] == passes[1]["guider"] and passes[0]["denoiser"] > passes[1]["denoiser"]


def test_epochs_are_no_arithmetic():
    with pytest.raises(PigbenchError, match="this preset counts epochs"):
        load_preset("smoke", {"training.budget": "flops", "training.epochs": 3})
    with pytest.raises(PigbenchError, match="this preset counts epochs"):
        load_preset("paper", {"training.budget": "flops", "training.images": 100})
