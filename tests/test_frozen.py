"""The hashes of `demo`, `quick`, `overnight`: what comes later adds options and rows beside their numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from pigbench.api.request import Options, set_up

PROTOCOLS = {"demo": "fb42a6cf6c8be2fe", "quick": "5aa91f53d5db2dc1", "overnight": "f894ba5c9d2d1aab"}
SIGNATURES = {
    "controlnet": "91a49273",
    "copy-paste": "758bf83b",
    "ddim": "9512a5cc",
    "ddpm": "6c2d9f9b",
    "identity": "b68c6e59",
    "joint": "a914483b",
    "ldm": "3583287c",
    "pig": "922790b3",
    "segguided": "dcc020ae",
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
