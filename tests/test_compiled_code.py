"""Compiled code in the store: found again by another process, whole or not at all, and only by who may trust it."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from threading import Thread

import pytest

from pigbench import compiled_code
from pigbench.compiled_code import Compilation, archives, kept_in, machine_key
from pigbench.store import Store

torch = pytest.importorskip("torch")

COMPILE = """
import sys, torch
from pigbench.compiled_code import kept_in
from pigbench.compiling import compile_for_training, compile_frozen
from pigbench.store import Store
from torch._dynamo.utils import counters
torch.set_num_threads(1)
torch.manual_seed(0)
network = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.SiLU())
rows = torch.randn(16, 4)
with kept_in(Store(sys.argv[1])):
    step = compile_for_training(network, "cpu")
    with step():
        network(rows).square().mean().backward()
    frozen = torch.nn.SiLU()
    compile_frozen(frozen, "cpu")
    with torch.inference_mode():
        made = frozen(rows)
gradients = [weights.grad.flatten() for weights in network.parameters()]
print(counters["inductor"]["fxgraph_cache_miss"], counters["inductor"]["fxgraph_cache_hit"])
print(torch.cat([*gradients, made.flatten()]).numpy().tobytes().hex())
"""


def compiled(store: Path) -> tuple[int, int, str]:
    """Graphs that a new process compiles and that it finds, and what they compute, bit by bit."""
    done = subprocess.run(
        [sys.executable, "-c", COMPILE, str(store)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )
    counts, computed = done.stdout.splitlines()
    missed, found = map(int, counts.split())
    return missed, found, computed


@pytest.mark.process
@pytest.mark.skipif(not shutil.which("g++"), reason="nothing to compile with")
def test_what_one_process_compiled_the_next_one_loads_with_the_same_results(tmp_path: Path) -> None:
    store = tmp_path / "runs"
    missed, found, cold = compiled(store)
    assert (missed, found) == (3, 0)
    kept = archives(store)
    assert len(kept) == 2
    assert compiled(store) == (0, 3, cold)
    assert archives(store) == kept, "who compiles nothing adds nothing"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This process's cache, an empty folder that torch does not get to see."""
    cache = tmp_path / "own"
    cache.mkdir()
    monkeypatch.setattr(compiled_code, "own_cache", lambda: cache)
    monkeypatch.setattr(compiled_code, "_shared", set())
    return cache


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


def compilation() -> Compilation:
    return Compilation(torch.nn.Linear(2, 2), "training", "cpu")


def put(store: Store, own: Path, name: str = "ab/kernel.so", content: str = "code") -> Path:
    """Have this process 'compile' something, and forget that it did."""
    with kept_in(store), compilation().first():
        (own / name).parent.mkdir(exist_ok=True)
        (own / name).write_text(content)
    shutil.rmtree(own / Path(name).parent)
    compiled_code._shared.clear()
    return archives(store.root)[0]


def fetched(store: Store, own: Path) -> set[str]:
    with kept_in(store), compilation().first():
        return {str(file.relative_to(own)) for file in own.rglob("*") if file.is_file()}


def test_the_first_use_fetches_and_nothing_is_published_twice(store: Store, own: Path) -> None:
    put(store, own)
    assert fetched(store, own) == {"ab/kernel.so"}
    assert len(archives(store.root)) == 1
    assert not list((store.root / "building").iterdir())


def test_what_fails_is_not_published(store: Store, own: Path) -> None:
    with pytest.raises(KeyboardInterrupt), kept_in(store), compilation().first():
        (own / "half.so").write_text("half")
        raise KeyboardInterrupt
    assert not archives(store.root)


@pytest.mark.process
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_who_is_killed_leaves_no_archive_and_keeps_nobody_waiting(store: Store, own: Path) -> None:
    child = os.fork()
    if not child:
        with kept_in(store), compilation().first():
            (own / "half.so").write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert not archives(store.root)
    (own / "half.so").unlink()  # a new process has a cache of its own
    put(store, own)
    assert fetched(store, own) == {"ab/kernel.so"}


def test_who_needs_what_another_compiles_waits_for_it(store: Store, own: Path) -> None:
    ended = []

    def second() -> None:
        with kept_in(store), compilation().first():
            ended.append(len(archives(store.root)))

    other = Thread(target=second)
    with kept_in(store), compilation().first():
        other.start()
        other.join(0.2)
        assert not ended
        (own / "kernel.so").write_text("code")
    other.join()
    assert ended == [1]


def test_who_publishes_second_throws_theirs_away(store: Store, own: Path) -> None:
    with kept_in(store), compilation().first():
        theirs = next((store.root / "compiled").iterdir())
        name = next(theirs.glob("*.lock")).stem
        (theirs / f"{name}-{'0' * 64}.zip").write_bytes(b"a rival's, on a file system without locks")
        (own / "kernel.so").write_text("code")
    assert len(archives(store.root)) == 1


def test_without_locks_it_is_compiled_all_the_same(store: Store, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments, **named):
        raise NotImplementedError("FileSystem does not appear to support flock")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    put(store, own)
    assert fetched(store, own) == {"ab/kernel.so"}


@pytest.mark.parametrize("fault", ["cut short", "changed", "writable by others", "somebody else's"])
def test_a_damaged_or_a_foreign_archive_is_not_used(
    store: Store, own: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    archive = put(store, own)
    if fault == "cut short":
        archive.write_bytes(archive.read_bytes()[:-1])
    if fault == "changed":
        with zipfile.ZipFile(archive, "a") as changed:
            changed.writestr("more.so", "other code")
    if fault == "writable by others":
        archive.chmod(0o666)
    if fault == "somebody else's":
        monkeypatch.setattr(os, "geteuid", lambda: -1)
    assert fetched(store, own) == set()


def test_an_archive_adds_nothing_outside_the_cache_and_changes_nothing_within(store: Store, own: Path) -> None:
    archive = put(store, own)
    crafted = archive.with_name("crafted")
    with zipfile.ZipFile(crafted, "w") as writing:
        writing.writestr("../outside.so", "code")
        writing.writestr("loaded.so", "other code")
    digest = hashlib.sha256(crafted.read_bytes()).hexdigest()
    crafted.rename(archive.with_name(f"{archive.stem.partition('-')[0]}-{digest}.zip"))
    archive.unlink()
    (own / "loaded.so").write_text("code that runs")
    fetched(store, own)
    assert not (own.parent / "outside.so").exists()
    assert (own / "loaded.so").read_text() == "code that runs"


@pytest.mark.parametrize("other", ["processor", "torch", "instructions"])
def test_another_processor_or_version_has_another_folder(monkeypatch: pytest.MonkeyPatch, other: str) -> None:
    here = machine_key.__wrapped__("cpu")
    if other == "processor":
        monkeypatch.setattr(compiled_code, "processor_features", lambda: "flags: avx512f")
    if other == "torch":
        monkeypatch.setattr(torch, "__version__", "99.0")
    if other == "instructions":
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    assert machine_key.__wrapped__("cpu") != here


def test_networks_of_one_structure_share_whatever_their_weights(store: Store) -> None:
    def names(make) -> str:
        return compiled_code._name(make(), "training")

    assert names(lambda: torch.nn.Linear(2, 2)) == names(lambda: torch.nn.Linear(2, 2))
    assert names(lambda: torch.nn.Linear(2, 2)) != names(lambda: torch.nn.Linear(2, 3))
    assert names(torch.nn.ReLU) != names(torch.nn.SiLU)
