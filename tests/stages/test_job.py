"""What a killed stage had made is not made again, and what was cut short is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pigbench.stages.job import Job


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job({}, {}, "d", tmp_path, tmp_path / "out", tmp_path / "partial" / "key", 60.0, lambda done, text: None)


class Maker:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> dict[str, np.ndarray]:
        self.calls += 1
        return {"images": np.arange(6, dtype=np.float32), "share": np.array(0.25)}


def test_a_part_is_made_once(job: Job) -> None:
    make = Maker()
    first, again = job.kept("from-0", make), job.kept("from-0", make)
    assert make.calls == 1
    assert first.keys() == again.keys()
    assert all(np.array_equal(first[name], again[name]) and first[name].dtype == again[name].dtype for name in first)
    job.kept("from-64", make)
    assert make.calls == 2


@pytest.mark.parametrize("left", [0, 1, 40, -1])
def test_a_part_that_was_cut_short_is_made_again(job: Job, left: int) -> None:
    make = Maker()
    job.kept("from-0", make)
    file = job.checkpoints / "from-0.npz"
    file.write_bytes(file.read_bytes()[:left])
    assert np.array_equal(job.kept("from-0", make)["images"], np.arange(6))
    assert make.calls == 2
    job.kept("from-0", make)
    assert make.calls == 2


def test_nothing_unfinished_is_left_when_making_fails(job: Job) -> None:
    def fail() -> dict[str, np.ndarray]:
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError):
        job.kept("from-0", fail)
    assert not job.checkpoints.exists()
