"""Preparing by blocks: resumed after a kill, on several cores, always the same bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pigbench.data.phantom.dataset import Phantom
from pigbench.data.prepare import prepare
from pigbench.stages import prepare as stage
from pigbench.stages.job import Job

RESOLUTION = 16
FILES = ("images.npy", "masks.npy", "index.csv")


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (tmp_path / "out").mkdir()
    told: list[str] = []
    spec = stage.PrepareSpec(dataset="d", resolution=RESOLUTION, reference=80)
    made = Job(
        spec, {}, "phantom", tmp_path, tmp_path / "out", tmp_path / "kept", 60.0, lambda _, text: told.append(text)
    )
    made.told = told  # type: ignore[attr-defined]
    return made


@pytest.fixture(scope="session")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one pass over the cases writes, without blocks."""
    directory = tmp_path_factory.mktemp("prepared")
    source = Phantom().reference(80)
    assert source is not None
    prepare(source, RESOLUTION, directory)
    return {name: (directory / name).read_bytes() for name in FILES}


def written(job: Job) -> dict[str, bytes]:
    return {name: (job.directory / name).read_bytes() for name in FILES}


def test_blocks_make_the_same_artifact_and_progress_is_told(job: Job, expected: dict[str, bytes]) -> None:
    stage.STAGE.run(job)
    assert written(job) == expected
    assert job.told == ["32/80", "64/80", "80/80"]  # type: ignore[attr-defined]


def test_a_killed_stage_reads_only_what_it_had_not_kept(job: Job, expected, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = type(Phantom().reference(80))
    read, real = [], fresh.read

    def counting(self, index, resolution):
        if len(read) == 70:
            raise KeyboardInterrupt
        read.append(index)
        return real(self, index, resolution)

    monkeypatch.setattr(fresh, "read", counting)
    with pytest.raises(KeyboardInterrupt):
        stage.STAGE.run(job)
    monkeypatch.setattr(
        fresh, "read", lambda self, index, resolution: read.append(index) or real(self, index, resolution)
    )
    stage.STAGE.run(job)
    assert read[70:] == list(range(64, 80))
    assert written(job) == expected


@pytest.mark.process
def test_several_processes_make_the_same_artifact(job: Job, expected, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "WORTH_READERS", 0.0)
    monkeypatch.setattr(stage, "cores", lambda: 2)
    here, real = [], stage._block
    monkeypatch.setattr(stage, "_block", lambda job, source, start: here.append(start) or real(job, source, start))
    stage.STAGE.run(job)
    assert here == [0, 0, 32, 64]  # the first one read here, all of them written here
    assert written(job) == expected
    assert job.told == ["32/80", "64/80", "80/80"]  # type: ignore[attr-defined]


def test_where_no_process_may_be_started_one_reads_all(job: Job, expected, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "WORTH_READERS", 0.0)
    monkeypatch.setattr(stage, "cores", lambda: 2)
    monkeypatch.setattr(stage, "may_start_processes", lambda: False)
    monkeypatch.setattr(stage, "_read_side_by_side", None)
    stage.STAGE.run(job)
    assert written(job) == expected


PARENT = """
import multiprocessing, os, time
from concurrent.futures import ProcessPoolExecutor
from pigbench.processes import die_with_parent
if __name__ == "__main__":
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), die_with_parent) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        time.sleep(60)
"""


@pytest.mark.process
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_no_reader_outlives_a_killed_stage(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        reader = int(parent.stdout.readline())
        os.kill(parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while _runs(reader) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(reader)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process}/stat")
    return not (state.is_file() and state.read_text().rpartition(")")[2].split()[0] == "Z")
