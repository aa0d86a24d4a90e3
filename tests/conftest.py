"""Fixtures that several rooms' tests share."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
settings.register_profile("patient", deadline=None)  # other tests share the cores
settings.load_profile("patient")

STRANGER = '''
from pigbench.contracts import Component, Config, Generator, Pairs


class Noise(Generator):
    """Noise, its bright pixels for masks."""

    kind = "pairs"

    def sample(self, trained, request):
        images = request.noise() / 3
        return Pairs.clipped(images, images > 0.3)


class Copies(Generator):
    """Copies of training pairs: an A/A test."""

    kind = "pairs"

    def sample(self, trained, request):
        import torch

        chosen = [int(torch.randint(len(request.view), (), generator=stream)) for stream in request.streams]
        return request.view.pairs(chosen)


class HalfBroken(Noise):
    """Raises in one fold of two."""

    def sample(self, trained, request):
        import os, pathlib

        marker = pathlib.Path(os.environ["HALF_BROKEN_MARKER"])
        if not marker.exists() or marker.read_text() == request.view.seal:
            marker.write_text(request.view.seal)
            raise RuntimeError("it forgot everything")
        return super().sample(trained, request)
'''

ENTRY_POINTS = """
[pigbench.generators]
noise = stranger:Noise
copies = stranger:Copies
halfbroken = stranger:HalfBroken
absent = no_such_module:Nothing
"""


@pytest.fixture(scope="session")
def install_stranger() -> Callable[[Path], Path]:
    """A function that writes a stranger's distribution into a directory: `absent` does not import."""

    def install(site: Path) -> Path:
        metadata = site / "stranger-1.0.dist-info"
        metadata.mkdir(parents=True)
        (site / "stranger.py").write_text(STRANGER)
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
        return site

    return install


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, install_stranger: Callable[[Path], Path]) -> Path:
    """The stranger's distribution, installed beside ours for this test."""
    site = install_stranger(tmp_path / "site")
    monkeypatch.syspath_prepend(str(site))
    return site


@pytest.fixture(scope="session")
def make_record() -> Any:
    """`record_factory.make_record`: synthetic records, every number drawn from a seed."""
    spec = spec_from_file_location("record_factory", Path(__file__).parent / "reporting" / "record_factory.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.make_record
