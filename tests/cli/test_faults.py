"""Kill it, damage it, break it: nothing is lost, and what failed is shown as failed."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path

import pytest

from pigbench.results import read_record, same_numbers

SMOKE = ("--preset", "smoke", "--dataset", "tiny", "--workers", 1, "--set", "segmentation.steps=4")

STOPPED = "pigbench: stopped. Nothing is lost: run the same command again to go on."


@pytest.mark.parametrize(
    ("how", "at", "kept"),
    [
        (signal.SIGKILL, "training", "*/checkpoint.pt"),
        (signal.SIGINT, "training", "*/checkpoint.pt"),
        (signal.SIGKILL, "sampling", "*/from-*.npz"),
    ],
)
def test_killed_and_run_again_gives_the_undisturbed_record(
    make_home, waiting_run, undisturbed, how: signal.Signals, at: str, kept: str
) -> None:
    home = make_home()
    process = home.start(*waiting_run, "--workers", 1, "--checkpoint-every", 0, at=at)
    home.wait_for("waiting-*", process)
    checkpoint = one(home, kept)
    process.send_signal(how)
    _, said = process.communicate(timeout=60)
    if how is signal.SIGINT:
        assert process.returncode == 130
        assert said.splitlines()[-1] == STOPPED
    workers_end(home)
    assert checkpoint.is_file()

    again = home(*waiting_run, "--workers", 1)
    assert again.returncode == 0, again.stderr
    assert same_numbers(read_record(home.records[0]), undisturbed) == []
    assert not list((home.path / "runs" / "partial").glob(kept))


def test_sigterm_to_the_run_and_its_workers_stops_it_as_ctrl_c_does(make_home, waiting_run) -> None:
    """A job queue sends it to every process of the job, and kills what is left a little later."""
    home = make_home()
    process = home.fresh(*waiting_run, "--workers", 2, "--checkpoint-every", 0, at="training", start_new_session=True)
    home.wait_for("waiting-*", process, count=2)
    checkpoint = one(home, "*/checkpoint.pt")
    os.killpg(process.pid, signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 143
    assert said.splitlines()[-1] == STOPPED
    assert "died" not in said
    assert "Traceback" not in said
    workers_end(home)
    assert checkpoint.is_file()
    assert list((home.path / "runs" / "leases").iterdir()) == []


def test_two_workers_leave_the_record_of_one(make_home, waiting_run, undisturbed) -> None:
    home = make_home()
    done = home(*waiting_run, "--workers", 2)
    assert done.returncode == 0, done.stderr
    assert same_numbers(read_record(home.records[0]), undisturbed) == []


def test_two_runs_at_once_on_one_store_share_the_work(make_home, waiting_run, undisturbed) -> None:
    home = make_home()
    runs = [home.start(*waiting_run, "--workers", 1, at="training") for _ in range(2)]
    home.wait_for("waiting-*", runs[0], count=2)  # a fold each
    home.go_on()
    said = [run.communicate(timeout=240)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    done = [set(re.findall(r"\] (.*): done in ", text, flags=re.MULTILINE)) for text in said]
    assert done[0]
    assert done[1]
    assert not done[0] & done[1]
    assert len(done[0] | done[1]) == len(list((home.path / "runs" / "artifacts").glob("*/*")))
    assert same_numbers(read_record(home.records[0]), undisturbed) == []
    assert list((home.path / "runs" / "leases").iterdir()) == []


def test_a_run_goes_on_where_another_on_the_same_store_was_killed(make_home, waiting_run, undisturbed) -> None:
    home = make_home()
    first = home.start(*waiting_run, "--workers", 1, "--checkpoint-every", 0, at="training")
    home.wait_for("waiting-*", first)
    checkpoint = one(home, "*/checkpoint.pt")
    second = home.start(*waiting_run, "--workers", 1, "--checkpoint-every", 0)
    home.wait_for("runs/leases/.clock-*", second, count=2)  # both are at work
    first.kill()
    _, said = second.communicate(timeout=240)
    assert second.returncode == 0, said
    assert not checkpoint.exists()  # the second went on from it, and published
    assert same_numbers(read_record(home.records[0]), undisturbed) == []


def one(home, pattern: str) -> Path:
    return next((home.path / "runs" / "partial").glob(pattern))


def workers_end(home) -> None:
    """The workers notice that their parent is gone: none says any more that it waits."""
    before = None
    for _ in range(100):
        now = {path: path.stat().st_mtime_ns for path in home.path.glob("waiting-*")}
        if now == before:
            return
        before = now
        time.sleep(0.5)
    raise AssertionError("a worker still waits")


def test_a_generator_that_raises_in_one_fold_fails_its_arm_and_nothing_else(make_home) -> None:
    home = make_home()
    done = home("run", "--generator", "halfbroken", "--generator", "noise", *SMOKE)
    assert done.returncode == 1
    record = json.loads(home.records[0].read_text())
    status = {(fit["arm"], fit["fold"]): (fit["status"], fit.get("reason", "")) for fit in record["fits"]}
    assert {name for (name, _), (state, _) in status.items() if state == "failed"} == {"real+halfbroken_8"}
    assert sorted(state for (name, _), (state, _) in status.items() if "halfbroken" in name) == ["failed", "ok"]
    assert any("it forgot everything" in reason for _, reason in status.values())
    assert "tries" not in done.stderr
    assert done.stderr.splitlines()[-1].endswith("would fail the same way, so first change what the reason names")
    shown = home("compare")
    assert "FAILED" in shown.stdout
    assert "it forgot everything" in shown.stdout
    assert str(home.path) not in home.records[0].read_text()


def test_a_damaged_artifact_is_computed_again_and_said(make_home) -> None:
    home = make_home()
    assert home("run", "--generator", "noise", *SMOKE).returncode == 0
    before = read_record(home.records[0])
    chunk = sorted((home.path / "runs" / "artifacts" / "sample").glob("*"))[0]
    (chunk / "images.npy").write_bytes(b"something else")
    verified = home("store", "verify")
    assert verified.returncode == 1
    assert "images.npy does not match its hash" in verified.stdout

    again = home("run", "--generator", "noise", "--seeds", 1, *SMOKE, "--set", "segmentation.batch=3")
    assert again.returncode == 0, again.stderr
    assert "computed again" in again.stderr
    assert (chunk / "images.npy").stat().st_size > 100
    home("store", "gc", "--yes")
    assert home("store", "verify").returncode == 0
    assert same_numbers(before, read_record(next(r for r in home.records if before.key[:8] in r.name))) == []


def test_a_foreign_file_among_the_records_is_named_skipped_and_counted(make_home) -> None:
    home = make_home()
    assert home("run", "--generator", "noise", *SMOKE).returncode == 0
    records = home.path / "runs" / "records"
    (records / "notes.json").write_text('{"hello": 1}')
    (records / "half.json").write_text(home.records[0].read_text()[:500])
    shown = home("compare")
    assert shown.returncode == 0
    assert "skipped 2 files" in shown.stderr
    assert "notes.json" in shown.stderr
    assert "half.json" in shown.stderr
    assert "+noise_8" in shown.stdout


def test_an_arm_of_copies_is_no_different_from_real(make_home) -> None:
    """A/A: the interval of training on copies of one's own pairs covers 0."""
    home = make_home()
    more = ("--set", "segmentation.steps=60", "--preset", "smoke", "--workers", 1, "--dataset", "tiny", "--n", 16)
    assert home("run", "--generator", "copies", *more).returncode == 0
    rows = json.loads(home("compare", "--format", "json").stdout)
    row = next(row for row in rows if row["metric"] == "dice" and row["generator"] == "copies")
    assert row["ci_low"] <= 0 <= row["ci_high"]
    assert row["ci_low"] < row["ci_high"]  # the arms did differ, within their noise
    copied = next(row for row in rows if row["metric"] == "copies" and row["generator"] == "copies")
    assert copied["mean"] == 1
