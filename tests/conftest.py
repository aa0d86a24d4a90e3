"""Fixtures that several rooms' tests share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from importlib.util import module_from_spec, spec_from_file_location
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
settings.register_profile("patient", deadline=None)  # other tests share the cores
settings.load_profile("patient")

STARTING = {"server", "make_home", "home", "start_cluster", "pair", "queue_here"}
"""Fixtures that start processes, or give tests what does: whoever uses one of them, directly or not, is marked."""

_running: list[pytest.Item] = []


@pytest.hookimpl(tryfirst=True)  # before `-m` selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark `process` by fixture; other tests that start one carry the mark themselves."""
    for item in items:
        if STARTING.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("process")


def pytest_configure(config: pytest.Config) -> None:
    """From now on a test without the mark fails when it starts a Python process, so that the mark stays true.

    Programs that libraries call by themselves, such as `fc-list`, do not count.
    """
    patched = pytest.MonkeyPatch()
    patched.setattr(subprocess.Popen, "__init__", _guarded(subprocess.Popen.__init__))
    patched.setattr(BaseProcess, "start", _guarded(BaseProcess.start))
    config.add_cleanup(patched.undo)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Remember whose test it is, its fixtures' setup and teardown included."""
    _running.append(item)
    try:
        return (yield)
    finally:
        _running.pop()


def _guarded(start: Callable[..., None]) -> Callable[..., None]:
    @wraps(start)
    def guarded(process: Any, *args: Any, **options: Any) -> None:
        command = args[0] if args else options.get("args", ())
        python = isinstance(process, BaseProcess) or (isinstance(command, list | str) and sys.executable in command)
        if python and _running and not _running[-1].get_closest_marker("process"):
            pytest.fail("this test starts a process: mark it @pytest.mark.process, so that `make check` leaves it out")
        start(process, *args, **options)

    return guarded


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


class Waiting(Noise):
    """Learns a shade of grey. Told by `WAIT_AT`, it waits in its training or between two batches of samples, until
    there is a file `go` in `WAIT_IN`; meanwhile it touches a file of its process's own there."""

    components = (Component("shade"),)
    batches = 0

    def build(self, component):
        import torch

        return torch.nn.Conv2d(1, 1, 3, padding=1)

    def loss(self, component, network, batch, trained):
        if batch.step == 12:
            self.wait("training")
        return (network(batch.noise()) - batch.images).square().mean()

    def sample(self, trained, request):
        Waiting.batches += 1
        if Waiting.batches == 2:
            self.wait("sampling")
        noise = request.noise()
        return Pairs.clipped(trained["shade"](noise), noise > 1)

    def wait(self, where):
        import os, pathlib, time

        while os.environ.get("WAIT_AT") == where and not pathlib.Path(os.environ["WAIT_IN"], "go").exists():
            pathlib.Path(os.environ["WAIT_IN"], f"waiting-{os.getpid()}").touch()
            time.sleep(0.05)


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
waiting = stranger:Waiting
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
def factory() -> Any:
    """The module `record_factory`: synthetic records, and others made of them."""
    spec = spec_from_file_location("record_factory", Path(__file__).parent / "reporting" / "record_factory.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def make_record(factory: Any) -> Any:
    """`record_factory.make_record`: synthetic records, every number drawn from a seed."""
    return factory.make_record
