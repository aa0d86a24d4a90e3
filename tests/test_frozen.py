"""The hashes of `demo`, `quick`, `overnight`: what comes later adds options and rows beside their numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from pigbench.api.request import Options, set_up

PROTOCOLS = {"demo": "99cbd138c4f87144", "quick": "70c6708a269b38b2", "overnight": "e3d275ea8e87a6cf"}
SIGNATURES = {
    "controlnet": "374e3691",
    "copy-paste": "758bf83b",
    "ddim": "887e8a15",
    "ddpm": "6b237b51",
    "identity": "b68c6e59",
    "joint": "78450cb8",
    "ldm": "7caf1ba6",
    "pig": "a8d7d035",
    "segguided": "26a416be",
    "shuffled": "f85a95d5",
    "unet": "1a39a818",
}


@pytest.mark.parametrize("preset", PROTOCOLS)
def test_a_preset_keeps_its_hash(preset: str, tmp_path: Path) -> None:
    assert set_up(Options(preset=preset, store=tmp_path)).request.protocol.signature == PROTOCOLS[preset]


def test_the_plugins_keep_their_signatures(tmp_path: Path) -> None:
    """Rows of published records merge with newer ones by these. A source that gives the same numbers as before may go
    by its earlier hash, see CONTRIBUTING.md."""
    request = set_up(Options(preset="quick", generator="all", controls=True, store=tmp_path)).request
    chosen = (*request.generators, *request.segmenters)
    assert dict(plugin.signature.split("@") for plugin in chosen) == SIGNATURES
