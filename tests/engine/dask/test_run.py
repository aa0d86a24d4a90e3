"""`pigbench run` on a real cluster leaves the record that it leaves on one machine."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

from pigbench.processes import SINGLE_THREAD
from pigbench.results import read_record, same_numbers


def test_a_worker_is_killed_in_mid_training_and_the_record_is_the_local_one(
    start_cluster, make_home, long_run, undisturbed
) -> None:
    cluster, home = start_cluster(), make_home()
    environment = home.environment | SINGLE_THREAD
    workers = {name: cluster.start_worker("--name", name, env=environment) for name in ("one", "two")}
    address = {known["name"]: address for address, known in cluster.wait_for_workers(2).items()}

    process = home.start(*long_run, "--checkpoint-every", 0, "--scheduler", cluster.address)
    wait_for_checkpoint(home.path / "runs" / "partial", process)
    workers["one"].send_signal(signal.SIGKILL)  # both are training then, each a fold
    _, said = process.communicate(timeout=240)
    assert process.returncode == 0, said
    ended = re.findall(r"train pig\.guider, fold (\d): done in .* by (.*)", said)
    assert sorted(ended) == [("0", address["two"]), ("1", address["two"])]
    assert list((home.path / "runs" / "partial").iterdir()) == []

    assert same_numbers(read_record(home.records[0]), undisturbed) == []


def wait_for_checkpoint(directory: Path, process) -> Path:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        for found in directory.glob("*/checkpoint.pt"):
            return found
        time.sleep(0.02)
    raise AssertionError(f"no checkpoint: {process.stderr.read()}")
