"""Plugins: found without importing, first-class from anywhere, and no worse for one that is broken."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pigbench import registry
from pigbench.errors import PigbenchError


def test_the_built_in_ones_come_by_entry_point() -> None:
    assert {"pig", "ddpm", "ddim"} <= registry.plugins("generators").keys()
    assert "unet" in registry.plugins("segmenters")
    assert {"dice", "nsd", "kid"} <= registry.plugins("metrics").keys()


def test_a_strangers_plugin_is_first_class_and_a_broken_one_is_listed_with_its_error(plugins: Path) -> None:
    found = registry.plugins("generators")
    assert found["noise"].origin == "stranger 1.0"
    assert found["noise"].error() == ""
    assert "no_such_module" in found["absent"].error()
    assert found["pig"].error() == ""


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(PigbenchError, match="unknown generator 'pgi': did you mean 'pig'"):
        registry.find("generators", "pgi")
    with pytest.raises(PigbenchError, match="unknown metric 'hd59': did you mean 'hd95'"):
        registry.find("metrics", "hd59")


def test_a_metric_is_of_cases_or_of_sets() -> None:
    of_neither = registry.Plugin("overlap", "metrics", "pigbench.metrics.overlap:share", "stranger 1.0")
    wanted = "is not a pigbench.contracts.CaseMetric or pigbench.contracts.SetMetric"
    with pytest.raises(PigbenchError, match=wanted):
        of_neither.load()


def test_two_plugins_of_one_name_are_refused_and_both_named(plugins: Path) -> None:
    rival = plugins / "rival-2.0.dist-info"
    rival.mkdir()
    (rival / "METADATA").write_text("Metadata-Version: 2.1\nName: rival\nVersion: 2.0\n")
    (rival / "entry_points.txt").write_text("[pigbench.generators]\nnoise = rival:Noise\n")
    with pytest.raises(PigbenchError, match=r"stranger 1\.0.*rival 2\.0|rival 2\.0.*stranger 1\.0"):
        registry.plugins("generators")


@pytest.mark.process
def test_listing_and_loading_import_no_torch() -> None:
    code = (
        "import sys; from pigbench import registry, sources\n"
        "for group in ('generators', 'segmenters', 'metrics'):\n"
        "    for plugin in registry.plugins(group).values(): sources.source_hash(plugin.load().__module__)\n"
        "heavy = {'torch', 'scipy', 'sklearn', 'albumentations', 'segmentation_models_pytorch'} & sys.modules.keys()\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
