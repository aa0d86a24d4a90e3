"""`pigbench run` on a real cluster leaves the record that it leaves on one machine."""

from __future__ import annotations

import re
import signal

from pigbench.processes import SINGLE_THREAD
from pigbench.results import read_record, same_numbers


def test_a_worker_is_killed_in_mid_training_and_the_record_is_the_local_one(
    start_cluster, make_home, waiting_run, undisturbed
) -> None:
    cluster, home = start_cluster(), make_home()
    environment = home.environment | SINGLE_THREAD | {"WAIT_AT": "training"}
    workers = {name: cluster.start_worker("--name", name, env=environment) for name in ("one", "two")}
    address = {known["name"]: address for address, known in cluster.wait_for_workers(2).items()}

    process = home.start(*waiting_run, "--checkpoint-every", 0, "--scheduler", cluster.address)
    home.wait_for("waiting-*", process, count=2)  # each trains a fold
    workers["one"].send_signal(signal.SIGKILL)
    home.go_on()
    _, said = process.communicate(timeout=240)
    assert process.returncode == 0, said
    ended = re.findall(r"train waiting\.shade, fold (\d): done in .* by (.*)", said)
    assert sorted(ended) == [("0", address["two"]), ("1", address["two"])]
    assert list((home.path / "runs" / "partial").iterdir()) == []

    assert same_numbers(read_record(home.records[0]), undisturbed) == []
