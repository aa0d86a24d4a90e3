"""A small imported dataset and one finished run on it, all from Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

import pigbench


class Home(NamedTuple):
    """path: a directory with pngs/ and a store, runs/. options: of the run that left `record` there."""

    path: Path
    options: dict[str, Any]
    record: pigbench.Record


def write_pngs(directory: Path, patients: int = 8, seed: int = 0) -> None:
    """`p3_1.png` is patient 3's second case: noise with a bright square, which is the mask."""
    random = np.random.default_rng(seed)
    for name in ("images", "masks"):
        (directory / name).mkdir(parents=True)
    for name in (f"p{patient}_{view}.png" for patient in range(patients) for view in range(3)):
        image, mask = random.integers(0, 60, (16, 16), dtype=np.uint8), np.zeros((16, 16), np.uint8)
        top, left = random.integers(2, 9, 2)
        mask[top : top + 5, left : left + 5] = 255
        image[mask > 0] += 150
        Image.fromarray(image).save(directory / "images" / name)
        Image.fromarray(mask).save(directory / "masks" / name)


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """Pairs of nobody in the dataset, as another tool might make them."""
    write_pngs(tmp_path / "others", seed=1)
    return tmp_path / "others"


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Where `identity`, which trains nothing, has run."""
    path = tmp_path_factory.mktemp("home")
    write_pngs(path / "pngs")
    store = path / "runs"
    pigbench.import_dataset("folder", path / "pngs", "tiny", store=store, patient_regex=r"(p\d+)_", progress=False)
    options = {"dataset": "tiny", "preset": "smoke", "set": {"segmentation.steps": 4}, "workers": 1, "device": "cpu"}
    options |= {"generator": "identity", "store": store, "progress": False}
    return Home(path, options, pigbench.run(**options))
