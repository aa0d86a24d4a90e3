"""The Dask engine on real workers: the same work, whatever dies."""

from __future__ import annotations

import gc
import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pigbench.engine.dask import connection, worker_checks, workers
from pigbench.engine.dask.clusters import Workers
from pigbench.engine.dask.run import run_plan_on_dask, store_id, workers_of
from pigbench.engine.driver import Event, Outcome
from pigbench.engine.leases import Leases
from pigbench.errors import PigbenchError
from pigbench.sources import source_hash
from pigbench.stages.node import Node, Purpose
from pigbench.store import Store

Told = Callable[..., Node]


def run(cluster: Any, store: Store, *targets: Node, number: int = 2, at_most: int = 0, heard: list | None = None):
    observe = (heard if heard is not None else []).append
    return run_plan_on_dask(list(targets), store, "tiny", Workers(cluster.address, number, at_most), observe)


def in_background(work: Callable[[], Outcome]) -> Callable[[], Outcome]:
    """Start a run; the function returned waits for its outcome, or raises what it raised."""
    came: list[Any] = []

    def outcome() -> None:
        try:
            came.append(work())
        except BaseException as error:
            came.append(error)

    thread = threading.Thread(target=outcome, daemon=True)
    thread.start()

    def wait() -> Outcome:
        thread.join(60)
        assert not thread.is_alive()
        if isinstance(came[0], BaseException):
            raise came[0]
        return came[0]

    return wait


def kinds(heard: list[Event], label: str) -> list[str]:
    return [event.kind for event in heard if event.label == label]


def test_every_node_once_and_inputs_first(pair, tmp_path: Path, told: Told) -> None:
    base = told("base", begun=tmp_path / "base")
    top = told("top", told("left", base), told("right", base))
    heard: list[Event] = []
    outcome = run(pair, store := Store(tmp_path / "store"), top, heard=heard)
    assert (outcome.computed, outcome.failed) == (4, {})
    assert json.loads((store.open("told", "top").path / "inputs.json").read_text()) == ["i0", "i1"]
    assert len((tmp_path / "base").read_text().split()) == 1
    assert kinds(heard, "told base") == ["started", "done"]
    assert heard[-1].done == heard[-1].total == 4
    assert {path.name for path in store.root.iterdir()} == {"artifacts", "building", "id", "leases", "partial"}
    assert not [*(store.root / "building").iterdir(), *(store.root / "leases").iterdir()]


def test_the_same_key_in_a_second_store_is_computed_there(pair, tmp_path: Path, told: Told) -> None:
    stores = [Store(tmp_path / name) for name in "ab"]
    assert [run(pair, store, told("key")).computed for store in stores] == [1, 1]
    assert all(store.has("told", "key") for store in stores)
    assert len({store_id(store) for store in stores}) == 2
    assert store_id(stores[0]) == store_id(stores[0])


def test_a_failure_stays_where_it_is_and_is_tried_again_by_the_next_run(pair, tmp_path: Path, told: Told) -> None:
    store, marker = Store(tmp_path / "store"), tmp_path / "marker"
    marker.touch()
    broken = told("broken", raises_while=marker)
    targets = told("after", broken), told("other")
    outcome = run(pair, store, *targets)
    assert outcome.computed == 1
    assert outcome.failed["broken"] == "RuntimeError: as it was told"
    assert outcome.failed["after"].startswith("told broken: ")
    assert "as it was told" in (store.partial("broken") / "error.txt").read_text()
    marker.unlink()
    again = run(pair, store, *targets)
    assert (again.computed, again.failed) == (2, {})


def test_progress_comes_from_the_workers(pair, tmp_path: Path, told: Told) -> None:
    heard: list[Event] = []
    go = tmp_path / "go"

    def observe(event: Event) -> None:
        heard.append(event)
        if event.kind == "progress":
            go.touch()

    node = told("slow", waits_for=go)
    run_plan_on_dask([node], Store(tmp_path / "store"), "tiny", Workers(pair.address, 2), observe)
    assert kinds(heard, "told slow") == ["started", "progress", "done"]
    started, progress, _ = heard
    assert started.text.startswith("tcp://")
    assert (progress.share, progress.text) == (0.5, "waiting")


def test_a_stopped_run_ends_its_stages(pair, tmp_path: Path, told: Told) -> None:
    """A worker notices that the run is gone, although nothing can interrupt its thread."""
    store, begun = Store(tmp_path / "store"), tmp_path / "begun"

    def stop_at_once(event: Event) -> None:
        if event.kind == "progress":
            raise KeyboardInterrupt

    nodes = [told(f"{number}", begun=begun, waits_for=tmp_path / "never") for number in range(2)]
    with pytest.raises(KeyboardInterrupt):
        run_plan_on_dask(nodes, store, "tiny", Workers(pair.address, 2), stop_at_once)
    assert run(pair, store, told("next")).computed == 1  # both workers would wait for a minute
    assert not (store.root / "artifacts" / "told" / "0").exists()
    assert not list((store.root / "leases").iterdir())


def test_another_worker_goes_on_from_the_dead_ones_checkpoint(start_cluster, tmp_path: Path, told: Told) -> None:
    cluster = start_cluster()
    processes = [cluster.start_worker().pid for _ in range(2)]
    cluster.wait_for_workers(2)
    heard: list[Event] = []
    outcome = run(cluster, store := Store(tmp_path / "store"), told("long", dies="once"), told("other"), heard=heard)
    assert (outcome.computed, outcome.failed) == (2, {})
    first, second = json.loads((store.open("told", "long").path / "resumed.json").read_text())
    assert {first, second} == set(processes)
    assert kinds(heard, "told long") == ["started", "started", "done"]
    assert len({event.text for event in heard if event.kind == "started" and event.label == "told long"}) == 2


def test_a_killer_of_workers_fails_and_those_that_waited_with_it_do_not(
    start_cluster, tmp_path: Path, told: Told
) -> None:
    cluster = start_cluster()
    cluster.start_worker(nanny=True)  # which replaces the dead
    cluster.wait_for_workers(1)
    killer, begun = told("killer", dies="always", begun=tmp_path / "begun"), tmp_path / "begun"
    others = [told(f"other{number}") for number in range(2)]
    outcome = run(cluster, Store(tmp_path / "store"), killer, *others, number=1, at_most=3)
    assert outcome.failed == {"killer": f"its worker died {1 + workers.RETRIES} times"}
    assert outcome.computed == 2
    assert len(begun.read_text().split()) == 1 + workers.RETRIES


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_the_scheduler_is_restarted_in_the_middle(
    start_cluster, until, tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch, how: signal.Signals
) -> None:
    monkeypatch.setattr(workers, "LOOK", 0.2)
    monkeypatch.setattr(workers, "ANSWER", 1.0)
    cluster = start_cluster()
    cluster.start_worker()
    cluster.wait_for_workers(1)
    begun, go = tmp_path / "begun", tmp_path / "go"
    target = told("after", told("long", begun=begun, waits_for=go))
    heard: list[Event] = []
    outcome = in_background(lambda: run(cluster, Store(tmp_path / "store"), target, number=1, heard=heard))
    until(begun.exists)
    cluster.scheduler.send_signal(how)
    cluster.scheduler.wait(30)
    until(lambda: [event for event in heard if "is gone" in event.text])
    cluster.scheduler = cluster.start_scheduler()
    cluster.start_worker()  # they end with their scheduler
    until(lambda: len(begun.read_text().split()) == 2)
    go.touch()
    assert outcome() == Outcome(2, {})


def test_a_scheduler_that_stays_away_ends_the_run(
    start_cluster, until, tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "GONE", 0.5)
    monkeypatch.setattr(connection, "CONNECT", 0.5)
    cluster = start_cluster()
    cluster.start_worker()
    cluster.wait_for_workers(1)
    begun = tmp_path / "begun"
    target = told("long", begun=begun, waits_for=tmp_path / "never")
    outcome = in_background(lambda: run(cluster, Store(tmp_path / "store"), target, number=1))
    until(begun.exists)
    cluster.scheduler.send_signal(signal.SIGKILL)
    with pytest.raises(PigbenchError, match="has been gone for .* run the same command again"):
        outcome()
    assert not list((tmp_path / "store" / "leases").iterdir())


OLD = "import pigbench; pigbench.__version__ = '0.0.1'"


def test_workers_that_cannot_serve_the_run_are_named_before_it_begins(
    start_cluster, tmp_path: Path, plugins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store lies below /proc/self/cwd: the same path to all, but another directory to who was started elsewhere."""
    from pigbench import __version__

    monkeypatch.setattr(worker_checks, "NAMED", 9)
    monkeypatch.chdir(tmp_path)
    here = Path("/proc/self/cwd")
    if not here.exists():
        pytest.skip("needs /proc")
    cluster = start_cluster()
    with_plugin = cluster.environment | {
        "PYTHONPATH": os.pathsep.join([str(plugins), os.environ.get("PYTHONPATH", "")])
    }
    (tmp_path / "old.py").write_text(OLD)
    options: dict[str, Any] = {"cwd": tmp_path, "env": with_plugin}
    cluster.start_worker("--name", "good", **options)
    cluster.start_worker("--name", "old", "--preload", str(tmp_path / "old.py"), **options)
    cluster.start_worker("--name", "broad", "--nthreads", "2", **options)
    cluster.start_worker("--name", "apart", **options | {"cwd": cluster.directory})
    cluster.start_worker("--name", "bare", **options | {"env": cluster.environment})
    threaded = {name: value for name, value in with_plugin.items() if name != "OPENBLAS_NUM_THREADS"}
    cluster.start_worker("--name", "threaded", **options | {"env": threaded})
    address = {worker["name"]: address for address, worker in cluster.wait_for_workers(6).items()}

    spec = {"plugin": "noise", "source": source_hash("stranger")}
    node = Node("sample", "key", spec, {}, Purpose("noise"))
    store = Store(here / "store")
    with pytest.raises(PigbenchError) as refused:
        run(cluster, store, node)
    faults = dict(fault.removeprefix("worker ").split(" ", 1) for fault in str(refused.value).split("; "))
    assert faults[address["old"]].startswith(f"has pigbench 0.0.1, this run is of {__version__}")
    assert "--nthreads 1" in faults[address["broad"]]
    assert faults[address["apart"]].startswith(f"does not see this run's store at {store.root}")
    assert faults[address["bare"]].startswith("has no generator 'noise'")
    assert "OPENBLAS_NUM_THREADS=1" in faults[address["threaded"]]
    assert len(faults) == 5


def test_a_worker_without_the_weights_of_the_extractor_is_named(
    start_cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = start_cluster()
    cluster.start_worker(env=cluster.environment | {"TORCH_HOME": str(tmp_path), "PIGBENCH_INCEPTION": "/nowhere"})
    (address,) = cluster.wait_for_workers(1)
    node = Node("embed", "key", {"extractor": "inception"}, {}, Purpose("real"))
    with pytest.raises(PigbenchError, match=f"worker {address} lacks .*PIGBENCH_INCEPTION names no file: /nowhere"):
        run(cluster, Store(tmp_path / "store"), node)


def test_a_worker_that_comes_later_and_cannot_serve_is_left_out(
    start_cluster, until, tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "LOOK", 0.1)
    cluster = start_cluster()
    cluster.start_worker()
    cluster.wait_for_workers(1)
    (tmp_path / "old.py").write_text(OLD)
    go, begun = tmp_path / "go", tmp_path / "begun"
    nodes = [told(f"{number}", waits_for=go, begun=begun) for number in range(2)]
    heard: list[Event] = []
    outcome = in_background(lambda: run(cluster, Store(tmp_path / "store"), *nodes, number=1, heard=heard))
    until(begun.exists)
    late = cluster.start_worker("--preload", str(tmp_path / "old.py"))
    said = until(lambda: [event.text for event in heard if "left out" in event.text])
    assert "has pigbench 0.0.1" in said[0]
    late.wait(30)  # it was closed
    go.touch()
    assert outcome() == Outcome(2, {})


def test_a_stopped_worker_does_not_stop_the_run_for_ever(
    start_cluster, tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_checks, "ANSWER", 0.5)
    cluster = start_cluster()
    worker = cluster.start_worker()
    (address,) = cluster.wait_for_workers(1)
    worker.send_signal(signal.SIGSTOP)
    with pytest.raises(PigbenchError, match=f"worker {address} does not answer in 0.5 s: end it"):
        run(cluster, Store(tmp_path / "store"), told("key"))


def test_where_no_worker_is_left_other_runs_may_have_the_nodes(
    start_cluster, until, tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "LOOK", 0.1)
    monkeypatch.setattr(workers, "DESERTED", 0.5)
    cluster, store = start_cluster(), Store(tmp_path / "store")
    worker = cluster.start_worker()
    cluster.wait_for_workers(1)
    begun, go = tmp_path / "begun", tmp_path / "go"
    heard: list[Event] = []
    node = told("long", begun=begun, waits_for=go)
    outcome = in_background(lambda: run(cluster, store, node, number=1, heard=heard))
    until(begun.exists)
    worker.kill()
    until(lambda: [event for event in heard if "other runs on this store may have it" in event.text])
    with Leases(store.root) as others:
        assert others.take("long")
    cluster.start_worker()
    until(lambda: len(begun.read_text().split()) == 2)
    go.touch()
    assert outcome() == Outcome(1, {})


def test_a_store_is_not_taken_for_another_at_the_same_path(pair, tmp_path: Path) -> None:
    with worker_checks.terms_of(Store(tmp_path / "store"), []) as terms:
        assert worker_checks._fault_of_copy(terms, "never-written").startswith("does not write into this run's store")
        (Path(terms.sign) / "copy").write_text("something else")
        assert worker_checks._fault_of_copy(terms, "copy")
        (Path(terms.sign) / "copy").write_text(terms.content)
        assert worker_checks._fault_of_copy(terms, "copy") == ""


def test_workers_need_the_plugins_of_metrics_too(tmp_path: Path) -> None:
    measured = Node("measure", "key", {"metrics": {"dice": "1a2b"}}, {}, Purpose("x"))
    with worker_checks.terms_of(Store(tmp_path), [measured]) as terms:
        assert terms.plugins == [("metrics", "dice", "1a2b")]


def test_a_run_for_a_gpu_wants_a_worker_that_has_one(pair, tmp_path: Path) -> None:
    node = Node("embed", "key", {"numerics": {"device": "cuda"}}, {}, Purpose("x"))
    with pytest.raises(PigbenchError, match=f"dask worker {pair.address} --nthreads 1 --resources GPU=1"):
        run(pair, Store(tmp_path), node)


def test_no_scheduler_and_no_worker_are_said(
    start_cluster, tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pigbench.engine.dask.clusters import Scheduler

    cluster, said = start_cluster(), []
    cluster.wait_for_workers(0)
    with (
        pytest.raises(PigbenchError, match=f"dask worker {cluster.address} --nthreads 1"),
        workers_of(Scheduler(cluster.address, patience=0.1), said.append),
    ):
        pass
    assert said == [f"waiting for the first worker of {cluster.address}"]
    cluster.start_worker()
    with workers_of(Scheduler(cluster.address), said.append) as found:
        assert found == Workers(cluster.address, 1)
    cluster.close()
    monkeypatch.setattr(connection, "CONNECT", 0.5)
    for address in (cluster.address, "gopher://host"):
        with pytest.raises(PigbenchError, match="no Dask scheduler answers at"):
            run(Workers(address, 1), Store(tmp_path), told("key"))


def test_what_is_left_of_a_failed_connection_is_collected_while_another_one_starts() -> None:
    from distributed.utils import LoopRunner

    with pytest.raises(ValueError):
        connection.connect("gopher://host")
    collecting = threading.Thread(target=gc.collect)
    with LoopRunner._lock:  # which a client holds while it starts
        collecting.start()
        collecting.join(10)
        assert not collecting.is_alive()
