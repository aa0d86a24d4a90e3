"""What the generators' tests share: tiny settings, batches, requests, and a config that shows only some fields."""

from __future__ import annotations

import pytest
import torch

from pigbench.contracts import Batch, SampleRequest, Task
from pigbench.randomness import torch_generator

RESOLUTION = 16


@pytest.fixture
def tiny() -> dict:
    """A denoiser of a few thousand weights and a short schedule."""
    return {
        "timesteps": 16,
        "channels": (8, 16),
        "layers": 1,
        "attention": (False, True),
        "norm_groups": 4,
        "space_to_depth": 2,
    }


@pytest.fixture
def make_batch():
    def make(step: int = 0, count: int = 4) -> Batch:
        draw = torch_generator("test batch", step)
        images = torch.rand(count, 1, RESOLUTION, RESOLUTION, generator=draw) * 2 - 1
        masks = (torch.rand(images.shape, generator=draw) > 0.7).float()
        return Batch(images, masks, step, torch_generator("test noise", step))

    return make


@pytest.fixture
def make_request():
    def make(indices, seed: int = 0, **more) -> SampleRequest:
        streams = [torch_generator(seed, "test sample", index) for index in indices]
        return SampleRequest(len(streams), Task(RESOLUTION), torch.device("cpu"), streams, **more)

    return make


@pytest.fixture
def networks():
    """Every own component of a generator, built and frozen, as the suite hands them to `sample`."""

    def build(generator) -> dict[str, torch.nn.Module]:
        trained = {}
        for component in generator.components:
            torch.manual_seed(len(trained))
            trained[component.name] = generator.build(component.name).eval().requires_grad_(False)
        return trained

    return build


@pytest.fixture
def shown_only():
    """A config of which only `fields` can be read, as while a component trains."""

    class Shown:
        def __init__(self, config, fields) -> None:
            self._config, self._fields = config, fields

        def __getattr__(self, name):
            assert name in self._fields, f"training reads {name}, which its settings do not name"
            return getattr(self._config, name)

    return Shown


@pytest.fixture
def train_once(make_batch, shown_only):
    """The loss of every own component, each seeing only its settings; gradients flow back."""

    def train(plugin, config) -> dict[str, float]:
        trained, losses = {}, {}
        for component in plugin.components:
            generator = plugin(shown_only(config, component.settings), Task(RESOLUTION))
            network = generator.build(component.name)
            loss = generator.loss(component.name, network, make_batch(), trained)
            loss.backward()
            losses[component.name] = loss.item()
            trained[component.name] = network.eval().requires_grad_(False)
        return losses

    return train
