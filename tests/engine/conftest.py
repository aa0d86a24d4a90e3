"""Real Dask schedulers and workers on loopback, and a stage that does what a test tells it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from pigbench.processes import SINGLE_THREAD
from pigbench.stages.node import Node, Purpose

PRELOAD = '''
"""Stage `told`, for workers: it follows its spec."""

import os, signal, sys, time, types
from pathlib import Path

from pydantic import ConfigDict

from pigbench.stages import base


class ToldSpec(base.Spec):
    model_config = ConfigDict(extra="allow")


class Told(base.Stage):
    name = "told"
    Spec = ToldSpec

    def run(self, job):
        follow(job, job.spec.model_dump())


def follow(job, spec):
    if "begun" in spec:
        with open(spec["begun"], "a") as file:
            file.write(f"{os.getpid()}\\n")
    if "raises_while" in spec and Path(spec["raises_while"]).exists():
        raise RuntimeError("as it was told")
    if spec.get("dies") == "always":
        die()
    if spec.get("dies") == "once":
        checkpoint = job.checkpoints / "checkpoint"
        if not checkpoint.exists():
            checkpoint.write_text(str(os.getpid()))
            die()
        job.write_json("resumed.json", [int(checkpoint.read_text()), os.getpid()])
    deadline = time.monotonic() + 60
    while "waits_for" in spec and not Path(spec["waits_for"]).exists() and time.monotonic() < deadline:
        job.progress(0.5, "waiting")
        time.sleep(0.02)
    job.write_json("inputs.json", sorted(job.inputs))


def die():
    time.sleep(0.2)  # the word that it has begun is on its way
    os.kill(os.getpid(), signal.SIGKILL)


told = types.ModuleType("pigbench.stages.told")
told.STAGE = Told()
sys.modules["pigbench.stages.told"] = told
'''


class Cluster:
    """A scheduler, and workers that know the stage `told`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.preload = directory / "told.py"
        self.preload.write_text(PRELOAD)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.environment = os.environ | SINGLE_THREAD
        self.scheduler = self.start_scheduler()

    def start_scheduler(self) -> subprocess.Popen[bytes]:
        host, _, port = self.address.removeprefix("tcp://").partition(":")
        return self._start("scheduler", "--host", host, "--port", port, "--no-show")

    def start_worker(self, *more: str, nanny: bool = False, **options: Any) -> subprocess.Popen[bytes]:
        """more: arguments of `dask worker`; options: of Popen. Does not wait."""
        known = ("--nthreads", "1", "--nanny" if nanny else "--no-nanny", "--preload", str(self.preload))
        local = self.directory / f"worker-{len(self.processes)}"
        return self._start("worker", self.address, *known, "--local-directory", str(local), *more, **options)

    def _start(self, what: str, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--no-dashboard", *arguments]
        options = {"env": self.environment, "cwd": self.directory} | options
        log = (self.directory / f"{what}-{len(self.processes)}.log").open("wb")
        process = subprocess.Popen(command, stdout=log, stderr=log, **options)
        self.processes.append(process)
        return process

    def wait_for_workers(self, number: int) -> dict[str, Any]:
        """What the scheduler knows of its workers, by address, once there are exactly so many."""
        from distributed import Client

        deadline = time.monotonic() + 60
        with Client(self.address, timeout=60, set_as_default=False) as client:
            while len(workers := client.scheduler_info(n_workers=-1)["workers"]) != number:
                assert time.monotonic() < deadline, f"{len(workers)} workers, not {number}"
                time.sleep(0.05)
            return dict(workers)

    def close(self) -> None:
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait(30)


@pytest.fixture
def start_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Cluster]]:
    """A function that starts a scheduler without workers."""
    started: list[Cluster] = []

    def start() -> Cluster:
        started.append(Cluster(tmp_path_factory.mktemp("cluster")))
        return started[-1]

    yield start
    for cluster in started:
        cluster.close()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler with two workers, for tests that leave them as they were."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    for _ in range(2):
        cluster.start_worker()
    cluster.wait_for_workers(2)
    yield cluster
    cluster.close()


@pytest.fixture
def told() -> Callable[..., Node]:
    """A function that makes a node of the stage `told`, from its key, its inputs, and what it is told."""
    exec(PRELOAD, {})  # a run schedules by what the stage says of itself

    def make(key: str, *inputs: Node, **spec: Any) -> Node:
        spec = {name: str(value) if isinstance(value, Path) else value for name, value in spec.items()}
        return Node("told", key, spec, {f"i{k}": other for k, other in enumerate(inputs)}, Purpose(key))

    return make


@pytest.fixture
def until() -> Callable[..., Any]:
    """A function that waits for a condition to give something, and gives that."""

    def wait(condition: Callable[[], Any], seconds: float = 60) -> Any:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := condition():
                return found
            time.sleep(0.02)
        raise AssertionError("it did not come about")

    return wait


def _load(file: Path) -> Any:
    spec = spec_from_file_location(f"shared_{file.parent.name}", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


_command_line = _load(Path(__file__).parents[1] / "cli" / "conftest.py")
server, make_home = _command_line.server, _command_line.make_home
waiting_run, undisturbed = _command_line.waiting_run, _command_line.undisturbed
"""The command line's homes, each with a small dataset, and the run that is done in many ways."""
