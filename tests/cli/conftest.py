"""A small imported dataset and one finished run on it, shared by the command line's tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pigbench.results import Record, read_record


@dataclass(frozen=True)
class Home:
    """A directory with a store, a dataset `tiny` (24 cases of 8 patients, 16 × 16) and a stranger's plugins."""

    path: Path
    environment: dict[str, str]

    def __call__(self, *arguments: object, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """The command line in a process of its own."""
        return self.start(*arguments, wait=timeout)  # type: ignore[return-value]

    def start(
        self, *arguments: object, wait: float | None = None, **more: Any
    ) -> subprocess.Popen[str] | subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from pigbench.cli import main; main()", *map(str, arguments)]
        options = {"cwd": self.path, "env": self.environment, "text": True, **more}
        if wait is None:
            return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        return subprocess.run(command, capture_output=True, timeout=wait, **options)

    @property
    def records(self) -> list[Path]:
        return sorted((self.path / "runs" / "records").glob("*.json"))


def write_pngs(directory: Path, patients: int = 8, views: int = 3) -> None:
    """`p3_1.png` is patient 3's second case: noise with a bright square, which is the mask."""
    from PIL import Image

    random = np.random.default_rng(0)
    for name in ("images", "masks"):
        (directory / name).mkdir(parents=True)
    for patient in range(patients):
        for view in range(views):
            image = random.integers(0, 60, (16, 16), dtype=np.uint8)
            mask = np.zeros_like(image)
            top, left = random.integers(2, 9, 2)
            mask[top : top + 5, left : left + 5] = 255
            image[mask > 0] += 150
            Image.fromarray(image).save(directory / "images" / f"p{patient}_{view}.png")
            Image.fromarray(mask).save(directory / "masks" / f"p{patient}_{view}.png")


@pytest.fixture(scope="session")
def make_home(tmp_path_factory: pytest.TempPathFactory, install_stranger: Callable[[Path], Path]) -> Callable[[], Home]:
    """A function that makes a fresh home."""

    def make() -> Home:
        path = tmp_path_factory.mktemp("home")
        site = install_stranger(path / "site")
        search = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(search),
            "HALF_BROKEN_MARKER": str(path / "marker"),
            "COLUMNS": "120",
        }
        home = Home(path, environment)
        write_pngs(path / "pngs")
        done = home(
            *("data", "import", "folder", "--images", "pngs/images", "--masks", "pngs/masks"),
            *("--name", "tiny", "--patient-regex", r"(p\d+)_"),
        )
        assert done.returncode == 0, done.stderr
        return home

    return make


SMOKE = ("--preset", "smoke", "--dataset", "tiny", "--set", "segmentation.steps=4")


@pytest.fixture(scope="session")
def long_run() -> tuple[str, ...]:
    """A run that takes some seconds, for what is done to it on the way: whoever computes it, its record is one."""
    small = ("--set", "training.images=640", "--set", "sampling.chunk=128", "--set", "segmentation.steps=4")
    return ("run", "--generator", "pig", "--preset", "smoke", "--dataset", "tiny", *small)


@pytest.fixture(scope="session")
def undisturbed(make_home: Callable[[], Home], long_run: tuple[str, ...]) -> Record:
    """The record of `long_run` by one worker that was left alone."""
    home = make_home()
    done = home(*long_run, "--workers", 1)
    assert done.returncode == 0, done.stderr
    return read_record(home.records[0])


@pytest.fixture(scope="session")
def finished(make_home: Callable[[], Home]) -> Home:
    """A home where PIG, DDPM and DDIM have run, by two workers."""
    home = make_home()
    done = home("run", "--generator", "pig", "--generator", "ddpm", "--generator", "ddim", *SMOKE, "--workers", 2)
    assert done.returncode == 0, done.stderr
    return home
