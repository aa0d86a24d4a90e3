"""Fixtures that several rooms' tests share."""

from __future__ import annotations

import os
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")

NOISE = '''
from pigbench.contracts import Generator, Pairs


class Noise(Generator):
    """Noise, its bright pixels for masks."""

    kind = "pairs"

    def sample(self, trained, request):
        images = request.noise() / 3
        return Pairs.clipped(images, images > 0.3)

'''


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stranger's distribution beside ours: generators `noise`, and `absent`, which does not import."""
    site = tmp_path / "site"
    metadata = site / "stranger-1.0.dist-info"
    metadata.mkdir(parents=True)
    (site / "stranger.py").write_text(NOISE)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[pigbench.generators]\nnoise = stranger:Noise\nabsent = no_such_module:Nothing\n"
    )
    monkeypatch.syspath_prepend(str(site))
    path = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    monkeypatch.setenv("PYTHONPATH", path)
    return site


@pytest.fixture(scope="session")
def make_record() -> Any:
    """`record_factory.make_record`: synthetic records, every number drawn from a seed."""
    spec = spec_from_file_location("record_factory", Path(__file__).parent / "report" / "record_factory.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.make_record
