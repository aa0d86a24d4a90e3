"""The plugins that come with the suite keep the contract, each found by its entry point as a stranger's is."""

from __future__ import annotations

import pytest

from pigbench import registry
from pigbench.testing import check_generator, check_metric, check_segmenter


def ours(group: registry.Group) -> list[str]:
    """The built-in names; nothing is imported."""
    return [name for name, plugin in registry.plugins(group).items() if plugin.origin.startswith("pigbench ")]


@pytest.mark.process
@pytest.mark.parametrize("name", ours("generators"))
def test_a_generator_keeps_the_contract(name: str) -> None:
    check_generator(registry.find("generators", name).load())


@pytest.mark.process
@pytest.mark.parametrize("name", ours("segmenters"))
def test_a_segmenter_keeps_the_contract(name: str) -> None:
    check_segmenter(registry.find("segmenters", name).load())


@pytest.mark.process
@pytest.mark.parametrize("name", ours("metrics"))
def test_a_metric_keeps_the_contract(name: str) -> None:
    check_metric(registry.find("metrics", name).load())
