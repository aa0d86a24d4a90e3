"""A small imported dataset and one finished run on it, shared by the command line's tests."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pytest

from pigbench.results import Record, read_record

_spec = spec_from_file_location("forking", Path(__file__).parent / "forking.py")
assert _spec is not None
assert _spec.loader is not None
forking = sys.modules["forking"] = module_from_spec(_spec)
_spec.loader.exec_module(forking)


@dataclass(frozen=True)
class Home:
    """A directory with a store, a dataset `tiny` (24 cases of 8 patients, 16 × 16) and a stranger's plugins.

    at: where the stranger's `waiting` waits, in `training` or in `sampling`; nowhere by default.
    """

    path: Path
    environment: dict[str, str]
    server: forking.Server

    def __call__(self, *arguments: object, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """The command line in a process of its own."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout)
        return subprocess.CompletedProcess(list(arguments), process.returncode, out, err)  # type: ignore[arg-type]

    def start(self, *arguments: object, at: str = "") -> forking.Started:
        """The same, without waiting for it."""
        command = {
            "arguments": list(map(str, arguments)),
            "cwd": str(self.path),
            "env": self.environment | {"WAIT_AT": at},
        }
        return forking.Started(self.server.socket, command, Path(mkdtemp(prefix="said-", dir=self.path.parent)))

    def fresh(self, *arguments: object, at: str = "", **more: Any) -> subprocess.Popen[str]:
        """As `start`, in a fresh interpreter, whose workers are fresh ones too, as a user's are."""
        command = [sys.executable, "-c", "from pigbench.cli import main; main()", *map(str, arguments)]
        options = {"cwd": self.path, "env": self.environment | {"WAIT_AT": at}, "text": True, **more}
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def wait_for(self, pattern: str, process: forking.Started | subprocess.Popen[str], count: int = 1) -> Path:
        """The first of so many files, once they are there, while the process runs."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            if len(found := list(self.path.glob(pattern))) >= count:
                return found[0]
            time.sleep(0.02)
        raise AssertionError(f"no {pattern}: {process.communicate(timeout=60)}")

    def go_on(self) -> None:
        """What waits needs wait no longer."""
        (self.path / "go").touch()

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
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[forking.Server]:
    """What command lines are forked from, with the libraries imported once."""
    server = forking.Server(tmp_path_factory.mktemp("server"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def make_home(
    tmp_path_factory: pytest.TempPathFactory, install_stranger: Callable[[Path], Path], server: forking.Server
) -> Callable[[], Home]:
    """A function that makes a fresh home."""

    def make() -> Home:
        path = tmp_path_factory.mktemp("home")
        site = install_stranger(path / "site")
        search = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(search),
            "HALF_BROKEN_MARKER": str(path / "marker"),
            "WAIT_IN": str(path),
            "COLUMNS": "120",
        }
        home = Home(path, environment, server)
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
def waiting_run() -> tuple[str, ...]:
    """A run that waits where it is told to, for what is done to it on the way: its record is one and the same."""
    return ("run", "--generator", "waiting", *SMOKE)


@pytest.fixture(scope="session")
def undisturbed(make_home: Callable[[], Home], waiting_run: tuple[str, ...]) -> Record:
    """The record of `waiting_run` by one worker that was left alone."""
    home = make_home()
    done = home(*waiting_run, "--workers", 1)
    assert done.returncode == 0, done.stderr
    return read_record(home.records[0])


@pytest.fixture(scope="session")
def finished(make_home: Callable[[], Home]) -> Home:
    """A home where PIG, DDPM and DDIM have run, by two workers."""
    home = make_home()
    done = home("run", "--generator", "pig", "--generator", "ddpm", "--generator", "ddim", *SMOKE, "--workers", 2)
    assert done.returncode == 0, done.stderr
    return home
