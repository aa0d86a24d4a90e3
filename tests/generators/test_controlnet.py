"""ControlNet: the base's own to the bit before training, and a base that training never changes."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from generators.control import Control, controlled
from generators.controlnet import ControlNet, ControlNetConfig
from generators.ddpm import DDPM, DDPMConfig
from pigbench.contracts import Task, TrainView, to_stored
from pigbench.protocol import Training
from pigbench.training import Loop

SIDE = 16


@pytest.fixture(params=["noise", "velocity"])
def settings(request, tiny) -> dict:
    return tiny | {"parametrisation": request.param, "layers": 2}


@pytest.fixture
def base(settings) -> torch.nn.Module:
    torch.manual_seed(1)
    return DDPM(DDPMConfig(**settings, ddpm_steps=16), Task(SIDE)).build("denoiser").eval().requires_grad_(False)


@pytest.fixture
def generator(settings) -> ControlNet:
    return ControlNet(ControlNetConfig(**settings, steps=8), Task(SIDE))


def inputs(count: int = 3) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(2)
    noised = torch.randn(count, 1, SIDE, SIDE)
    return noised, (torch.rand(noised.shape) > 0.5).float(), torch.tensor([0, 7, 15])[:count]


def test_it_is_the_base_to_the_bit_before_training(base, generator) -> None:
    noised, hint, t = inputs()
    control = generator.build("control")
    control.copy_from(base)
    assert torch.equal(controlled(base, control, noised, hint, t), base(noised, t))


def test_its_encoder_is_the_base_s(base, generator) -> None:
    control = generator.build("control")
    control.copy_from(base)
    for name in ("time_embedding", "conv_in", "down_blocks", "mid_block"):
        ours, theirs = (getattr(module, name).state_dict() for module in (control, base.unet))
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_every_skip_and_the_middle_can_steer(base, generator) -> None:
    noised, hint, t = inputs()
    control = Control(base)
    plain = base(noised, t)
    for zero in [*control.to_skips, control.to_middle]:
        steering = copy.deepcopy(control)
        same = dict(steering.named_modules())[next(n for n, m in control.named_modules() if m is zero)]
        torch.nn.init.ones_(same.bias)
        assert not torch.allclose(controlled(base, steering, noised, hint, t), plain)


def test_training_changes_the_control_and_never_the_base(base, generator) -> None:
    random = np.random.default_rng(0)
    images = random.uniform(-1, 1, (8, 1, SIDE, SIDE)).astype(np.float32)
    view = TrainView(to_stored(images), (images > 0.5).astype(np.uint8), [str(i) for i in range(8)], "d")
    before = copy.deepcopy(base.state_dict())
    loop = Loop(Training(images=48, batch=4, learning_rate=1e-2), 12, ("test",))
    control = generator.train("control", view, {"denoiser": base}, loop)
    assert all(torch.equal(value, before[name]) for name, value in base.state_dict().items())
    noised, hint, t = inputs()
    with torch.no_grad():
        with_hint, without = (controlled(base, control, noised, mask, t) for mask in (hint, torch.zeros_like(hint)))
    assert not torch.allclose(with_hint, base(noised, t), atol=1e-4)
    assert not torch.allclose(with_hint, without, atol=1e-5)  # the hint is heard, not only the copy


def test_it_borrows_ddpm_s_denoiser_and_trains_the_control_alone() -> None:
    owners = {component.name: component.owner for component in ControlNet.components}
    assert owners == {"denoiser": "ddpm", "control": None}
