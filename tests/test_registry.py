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


def test_a_strangers_plugin_is_first_class_and_a_broken_one_is_listed_with_its_error(plugins: Path) -> None:
    found = registry.plugins("generators")
    assert found["noise"].origin == "stranger 1.0"
    assert found["noise"].error() == ""
    assert "no_such_module" in found["absent"].error()
    assert found["pig"].error() == ""


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(PigbenchError, match="unknown generator 'pgi': did you mean 'pig'"):
        registry.find("generators", "pgi")


def test_two_plugins_of_one_name_are_refused_and_both_named(plugins: Path) -> None:
    rival = plugins / "rival-2.0.dist-info"
    rival.mkdir()
    (rival / "METADATA").write_text("Metadata-Version: 2.1\nName: rival\nVersion: 2.0\n")
    (rival / "entry_points.txt").write_text("[pigbench.generators]\nnoise = rival:Noise\n")
    with pytest.raises(PigbenchError, match=r"stranger 1\.0.*rival 2\.0|rival 2\.0.*stranger 1\.0"):
        registry.plugins("generators")


def test_listing_and_loading_import_no_torch() -> None:
    code = (
        "import sys; from pigbench import registry\n"
        "for group in ('generators', 'segmenters'):\n"
        "    for plugin in registry.plugins(group).values(): registry.source_hash(plugin.load().__module__)\n"
        "heavy = {'torch', 'diffusers', 'albumentations', 'segmentation_models_pytorch'} & sys.modules.keys()\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_source_hash_follows_imports_inside_the_package_and_stops_at_its_border(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "mine"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "plugin.py").write_text("from mine import shared\nfrom .deep import thing\nimport json\n")
    (package / "shared.py").write_text("x = 1\n")
    (package / "deep.py").write_text("thing = 1\n")
    (package / "unrelated.py").write_text("y = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    def hashed() -> str:
        registry.source_hash.cache_clear()
        registry._text.cache_clear()
        return registry.source_hash("mine.plugin")

    first = hashed()
    (package / "unrelated.py").write_text("y = 2\n")
    assert hashed() == first
    (package / "shared.py").write_bytes(b"x = 1\r\n")  # line ends do not count
    assert hashed() == first
    (package / "deep.py").write_text("thing = 2\n")
    assert hashed() != first
