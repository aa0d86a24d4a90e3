"""What a worker does beside the stage: reads its task, tells of progress, notices that the run has ended."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from pigbench.engine.dask import remote
from pigbench.engine.dask.remote import PROBE, Abandoned, pack, unpack
from pigbench.engine.dask.resources import Needs
from pigbench.engine.work import Task
from pigbench.errors import PigbenchError
from pigbench.processes import may_start_processes
from pigbench.stages.node import Node, Purpose
from pigbench.store import Store


def test_a_task_travels_as_text() -> None:
    first = Node("train", "first", {"rate": 0.1 + 0.2, "names": ["ä", None], "deep": {"on": True}}, {}, Purpose("a"))
    node = Node("sample", "second", first.spec, {"trained:x": first}, Purpose("b", fold=1))
    task = Task.of(node, "phantom", Path("store"), 2.5)
    packed = pack(task)
    assert isinstance(json.loads(packed), dict)
    assert unpack(packed) == task


class Told:
    """A worker that keeps what is told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []

    def log_event(self, topic: str, message: Any) -> None:
        self.events.append((topic, message))


def test_progress_is_told_now_and_then_and_a_run_that_has_ended_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(remote.time, "monotonic", lambda: now[0])
    (tmp_path / PROBE).touch()
    worker = Told()
    progress = remote._teller(worker, "topic", "key", tmp_path)  # type: ignore[arg-type]
    for _ in range(25):  # ten a second
        progress(0.5, "half")
        now[0] += 0.1
    assert worker.events == 3 * [("topic", {"key": "key", "kind": "progress", "content": [0.5, "half"]})]
    (tmp_path / PROBE).unlink()
    now[0] += 1
    with pytest.raises(Abandoned):
        progress(0.6, "more")
    assert not issubclass(Abandoned, Exception)  # no stage catches it by accident


def test_inputs_that_the_file_server_shows_late_are_awaited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, told = Store(tmp_path), []
    made = Node("train", "made", {}, {}, Purpose("a"))
    task = Task.of(Node("sample", "next", {}, {"trained:x": made}, Purpose("b")), "phantom", store.root, 1.0)

    def progress(share: float, text: str) -> None:
        told.append(text)
        if len(told) == 3:
            with store.building() as directory:
                store.publish("train", "made", directory, {"spec": {}})

    remote.await_inputs(task, progress)
    assert told == ["waiting to see its inputs"] * 3
    remote.await_inputs(task, progress)
    assert len(told) == 3
    store.remove(store.entry("train", "made").path)
    monkeypatch.setattr(remote, "IN_SIGHT", 0.5)
    remote.await_inputs(task, progress)  # the stage itself says what is missing
    assert len(told) > 3


@pytest.mark.process
def test_a_daemonic_process_may_not_start_others() -> None:
    context = multiprocessing.get_context("fork")
    said = []
    for daemon in (True, False):
        ours, theirs = context.Pipe()
        process = context.Process(target=lambda: theirs.send(may_start_processes()), daemon=daemon)  # noqa: B023
        process.start()
        said.append(ours.poll(30) and ours.recv())
        process.join()
    assert said == [False, True]


def test_what_a_node_needs(tmp_path: Path) -> None:
    store = Store(tmp_path)
    on_gpu = Node("train", "one", {"fold": 0, "numerics": {"device": "cuda"}}, {})
    alike = Node("train", "two", {"fold": 1, "numerics": {"device": "cuda"}}, {})
    other = Node("split", "three", {"fold": 1}, {})
    with store.building() as directory:
        store.publish("train", "one", directory, {"spec": on_gpu.spec, "cost": {"peak_mib": 100.0}})

    def needs(*resources: dict[str, float]) -> list[dict[str, float]]:
        known = Needs(list(resources), "tcp://host:1", [alike, other], store)
        return [known.of(node) for node in (alike, other)]

    assert needs({"GPU": 1.0}, {}) == [{"GPU": 1.0}, {}]
    assert needs({"GPU": 1.0, "MEMORY": 2.0**30}) == [{"GPU": 1.0, "MEMORY": 1.2 * 100 * 2**20}, {}]
    assert needs({"GPU": 1.0, "MEMORY": 1000.0}, {"MEMORY": 500.0}) == [{"GPU": 1.0, "MEMORY": 1000.0}, {}]
    assert needs({"GPU": 1.0}, {"MEMORY": 1000.0}) == [{"GPU": 1.0}, {}]  # else it would wait for ever
    with pytest.raises(PigbenchError, match="--resources GPU=1"):
        needs({"MEMORY": 1000.0})
