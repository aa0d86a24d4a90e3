"""Leases: one run a node, and no node lost with a dead run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pigbench.engine import leases
from pigbench.engine.leases import Leases


def test_one_run_has_a_node_until_it_lets_go(tmp_path: Path) -> None:
    with Leases(tmp_path) as ours, Leases(tmp_path) as theirs:
        assert ours.take("node")
        assert not theirs.take("node")
        assert theirs.take("other")
        theirs.release("node")  # it is not theirs
        assert not theirs.take("node")
        ours.release("node")
        assert theirs.take("node")


def test_leaving_lets_go_of_all(tmp_path: Path) -> None:
    with Leases(tmp_path) as ours:
        ours.take("one")
        ours.take("two")
    assert list((tmp_path / "leases").iterdir()) == []


DIE = """
import os, sys
from pathlib import Path
from pigbench.engine.leases import Leases
with Leases(Path(sys.argv[1])) as leases:
    leases.take("node")
    os._exit(9)
"""


@pytest.mark.process
def test_a_dead_process_of_this_machine_is_succeeded_at_once(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", DIE, str(tmp_path)])
    assert (tmp_path / "leases" / "node").is_file()
    with Leases(tmp_path) as ours:
        assert ours.take("node")


def test_another_machine_is_believed_until_it_has_been_silent_for_long(tmp_path: Path) -> None:
    with Leases(tmp_path) as ours:
        file = tmp_path / "leases" / "node"
        file.write_text(json.dumps({"machine": "elsewhere", "process": 1, "run": "theirs"}))
        assert not ours.take("node")
        old = time.time() - leases.EXPIRY - 5
        os.utime(file, (old, old))
        assert ours.take("node")
        assert json.loads(file.read_text())["run"] != "theirs"


def test_a_lease_being_written_is_respected(tmp_path: Path) -> None:
    with Leases(tmp_path) as ours:
        (tmp_path / "leases" / "node").touch()
        assert not ours.take("node")


def test_held_leases_are_kept_fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "BEAT", 0.02)
    with Leases(tmp_path) as ours:
        ours.take("node")
        file = tmp_path / "leases" / "node"
        os.utime(file, (0, 0))
        deadline = time.monotonic() + 10
        while file.stat().st_mtime == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert file.stat().st_mtime > 0


def test_of_two_that_find_a_lease_expired_the_second_gives_back_what_it_took(tmp_path: Path, monkeypatch) -> None:
    with Leases(tmp_path) as ours, Leases(tmp_path) as theirs:
        file = tmp_path / "leases" / "node"
        file.write_text(json.dumps({"machine": "gone", "process": 1, "run": "dead"}))
        os.utime(file, (0, 0))
        judge = ours._expired

        def slow(lease: Path, owner: dict) -> bool:
            expired = judge(lease, owner)
            assert theirs.take("node")  # between our judgement and our taking over
            return expired

        monkeypatch.setattr(ours, "_expired", slow)
        assert not ours.take("node")
        assert json.loads(file.read_text())["run"] == theirs._owner["run"]
