"""The store: whole artifacts or none, verified when consumed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pigbench import store as store_module
from pigbench.errors import PigbenchError
from pigbench.store import MANIFEST, Damaged, Store


def publish(store: Store, key: str, content: str = "hello") -> Path:
    with store.building() as directory:
        (directory / "data.txt").write_text(content)
        return store.publish("sample", key, directory, {"spec": {}}).path


def test_an_artifact_is_there_once_published(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert not store.has("sample", "k")
    path = publish(store, "k")
    assert store.has("sample", "k")
    assert (store.open("sample", "k").path / "data.txt").read_text() == "hello"
    assert json.loads((path / MANIFEST).read_text())["files"].keys() == {"data.txt"}
    assert list((tmp_path / "building").iterdir()) == []


def test_who_publishes_second_throws_theirs_away(tmp_path: Path) -> None:
    store = Store(tmp_path)
    publish(store, "k", "first")
    path = publish(store, "k", "second")
    assert (path / "data.txt").read_text() == "first"


def test_a_stage_that_raises_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(OSError), store.building() as directory:
        (directory / "data.txt").write_text("half")
        raise OSError(28, "No space left on device")
    assert not list(tmp_path.rglob("data.txt"))


@pytest.mark.parametrize("damage", ["changed", "missing", "no manifest"])
def test_a_damaged_artifact_is_set_aside(tmp_path: Path, damage: str) -> None:
    store = Store(tmp_path)
    path = publish(store, "k")
    if damage == "changed":
        (path / "data.txt").write_text("hellO")
    elif damage == "missing":
        (path / "data.txt").unlink()
    else:
        (path / MANIFEST).write_text("{")
    assert [fault for _, fault in store.verify()] != [""]
    with pytest.raises(Damaged, match="computed again"):
        store.open("sample", "k")
    assert not store.has("sample", "k")
    assert len(store.rubbish()) == 1


def test_a_manifest_is_read_alone_or_its_artifact_set_aside(tmp_path: Path) -> None:
    store = Store(tmp_path)
    path = publish(store, "k")
    (path / "data.txt").write_text("hellO")  # not looked at
    assert store.manifest("sample", "k")["key"] == "k"
    (path / MANIFEST).write_text("{")
    with pytest.raises(Damaged, match="computed again"):
        store.manifest("sample", "k")
    assert not store.has("sample", "k")


def test_a_large_file_is_hashed_again_only_when_it_was_touched_or_on_request(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("pigbench.store.LARGE", 4)
    hashed: list[str] = []
    real = store_module._hash
    monkeypatch.setattr("pigbench.store._hash", lambda file: hashed.append(file.name) or real(file))
    store = Store(tmp_path)
    data = publish(store, "k") / "data.txt"
    hashed.clear()
    store.open("sample", "k")
    assert hashed == []
    os.utime(data)
    store.open("sample", "k")
    assert hashed == ["data.txt"]
    rotten = publish(store, "rotten") / "data.txt"
    written = rotten.stat()
    rotten.write_text("hellO")
    os.utime(rotten, ns=(written.st_atime_ns, written.st_mtime_ns))
    assert {entry.key: bool(fault) for entry, fault in store.verify()} == {"k": False, "rotten": True}
    rotten.write_text("hellO")
    with pytest.raises(Damaged):
        store.open("sample", "rotten")


def test_checkpoints_go_when_the_artifact_is_there(tmp_path: Path) -> None:
    store = Store(tmp_path)
    (store.partial("k") / "checkpoint.pt").write_text("…")
    publish(store, "k")
    assert not (tmp_path / "partial" / "k").exists()


def test_leftovers_of_dead_processes_are_rubbish_and_of_living_ones_are_not(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.building() as mine:
        dead = mine.with_name(mine.name.replace(str(os.getpid()), "999999999", 1))
        elsewhere = mine.with_name("999999999-0therhost-x")
        long_ago = mine.with_name("999999999-0therhost-y")
        for path in (dead, elsewhere, long_ago):
            path.mkdir()
        os.utime(long_ago, (0, 0))
        assert {path.name for path in store.rubbish()} == {dead.name, long_ago.name}


def test_an_unwritable_store_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PigbenchError, match="cannot be written.*--store"):
        Store(tmp_path / "file")
