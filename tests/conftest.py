"""Fixtures that several rooms' tests share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")

NOISE = '''
from pigbench.contracts import Generator, Pairs


class Noise(Generator):
    """Noise with discs for masks: a plugin of 12 lines."""

    kind = "pairs"

    def sample(self, trained, request):
        images = request.noise() / 3
        return Pairs.clipped(images, images > 0.3)


class Broken(Noise):
    """Raises in one fold of two."""

    def sample(self, trained, request):
        if "broken" in request.view.patients or sum(map(ord, request.view.seal)) % 2 >= 0:
            raise RuntimeError("the network forgot everything")
'''


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stranger's distribution, installed beside ours for this test: generators `noise`, `broken`, `absent`."""
    site = tmp_path / "site"
    metadata = site / "stranger-1.0.dist-info"
    metadata.mkdir(parents=True)
    (site / "stranger.py").write_text(NOISE)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[pigbench.generators]\nnoise = stranger:Noise\nbroken = stranger:Broken\nabsent = no_such_module:Nothing\n"
    )
    monkeypatch.syspath_prepend(str(site))
    path = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    monkeypatch.setenv("PYTHONPATH", path)
    return site


@pytest.fixture
def pigbench(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command line in a process of its own, in an empty directory: `pigbench("run", "--preset", "smoke")`."""

    def call(*arguments: object, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "from pigbench.cli import main; main()", *map(str, arguments)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    return call


@pytest.fixture
def folder(tmp_path: Path) -> tuple[Path, Path]:
    """Images and masks of 12 cases of 6 patients, 24 × 24 pixels, as PNG: `p3_1.png` is patient 3's second case."""
    import numpy as np
    from PIL import Image

    images, masks = tmp_path / "pngs" / "images", tmp_path / "pngs" / "masks"
    images.mkdir(parents=True)
    masks.mkdir()
    random = np.random.default_rng(0)
    for patient in range(6):
        for view in range(2):
            image = random.integers(0, 60, (24, 24), dtype=np.uint8)
            mask = np.zeros_like(image)
            top, left = random.integers(4, 14, 2)
            mask[top : top + 6, left : left + 6] = 255
            image[mask > 0] += 150
            Image.fromarray(image).save(images / f"p{patient}_{view}.png")
            Image.fromarray(mask).save(masks / f"p{patient}_{view}.png")
    return images, masks


@pytest.fixture(scope="session")
def make_record() -> Callable[..., Any]:
    """`record_factory.make_record`: synthetic records, every number drawn from a seed."""
    spec = spec_from_file_location("record_factory", Path(__file__).parent / "report" / "record_factory.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.make_record
