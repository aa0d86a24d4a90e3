"""Where workers come from: files that describe a queue, the script of a job, and jobs that run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from pigbench.api.places import chosen_place
from pigbench.cli.printing import print_job
from pigbench.engine.dask import job_replacement
from pigbench.engine.dask.clusters import JobQueue, Scheduler, read_queue
from pigbench.engine.dask.run import run_plan_on_dask, workers_of
from pigbench.errors import PigbenchError
from pigbench.store import Store

ROOT = Path(__file__).parents[3]

SLURM = """
[slurm]
queue = "gpu"
account = "lab"
cores = 2
memory = "32GB"
walltime = "12:00:00"
job_extra_directives = ["--gres=gpu:2"]
job_script_prologue = ["module load cuda"]
worker_extra_args = ["--resources", "GPU=1", "--lifetime", "11h"]
scheduler_options = { host = "127.0.0.1", dashboard_address = ":0" }

[workers]
jobs = 3
"""


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str) -> Path:
        file = tmp_path / "queue.toml"
        file.write_text(text)
        return file

    return write


def test_the_script_of_a_job(write) -> None:
    queue = read_queue(write(SLURM))
    assert (queue.queue, queue.workers, queue.at_most) == ("slurm", 6, 0)
    lines = queue.job_script().splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    for directive in ("-J pigbench", "-p gpu", "-A lab", "-n 1", "--cpus-per-task=2", "--mem=30G", "-t 12:00:00"):
        assert f"#SBATCH {directive}" in lines
    assert lines.index("#SBATCH --gres=gpu:2") < lines.index("module load cuda") < len(lines) - 1
    command = lines[-1]
    assert command.startswith(f"{sys.executable} -m distributed.cli.dask_worker tcp://127.0.0.1:")
    for option in ("--nthreads 1", "--nworkers 2", "--nanny", "--resources GPU=1", "--lifetime 11h"):
        assert f" {option}" in command


def test_a_dry_run_shows_the_script_where_there_is_one(write, capsys: pytest.CaptureFixture[str]) -> None:
    print_job(read_queue(write(SLURM)))
    shown = capsys.readouterr().out
    assert shown.startswith("\n3 jobs of slurm would be submitted, each with this script:\n\n#!/usr/bin/env bash\n")
    assert "distributed.cli.dask_worker" in shown
    print_job(Scheduler("tcp://host:1"))
    print_job(None)
    assert capsys.readouterr().out == ""


def test_the_documented_file_is_understood() -> None:
    file = ROOT / "docs" / "slurm.toml"
    if not file.exists():
        pytest.skip("the documents are not beside the tests")
    queue = read_queue(file)
    assert (queue.queue, queue.workers, queue.settings["job_name"]) == ("slurm", 8, "pigbench")


@pytest.mark.parametrize("queue", ["pbs", "lsf", "sge", "oar", "htcondor"])
def test_other_queues(write, queue: str) -> None:
    text = f'[{queue}]\ncores = 1\nmemory = "4GB"\n[workers]\nminimum = 1\nmaximum = 4\n'
    read = read_queue(write(text.replace("memory", 'disk = "1GB"\nmemory') if queue == "htcondor" else text))
    assert (read.fewest, read.most, read.workers, read.at_most) == (1, 4, 4, 4)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("[slurm]", "[slrum]"), "unknown table 'slrum': did you mean 'slurm'?"),
        (("[slurm]", "[slurm"), "queue.toml: "),
        (("[workers]", "[pbs]\ncores = 1\n[workers]"), "one table must name the queue"),
        (("queue =", "queues ="), "unknown key of [slurm] 'queues': did you mean 'queue'"),
        (("cores = 2", ""), "[slurm] needs cores"),
        (("cores = 2", "cores = 2\nprocesses = 1"), "a worker computes in one thread"),
        (("jobs = 3", "job = 3"), "unknown key of [workers] 'job': did you mean 'jobs'?"),
        (("jobs = 3", "jobs = 0"), "[workers] jobs = 0: a number of jobs, 1 or more"),
        (("jobs = 3", "maximum = 3"), "minimum = … and a larger maximum"),
        (("jobs = 3", "minimum = 3\nmaximum = 3"), "minimum = … and a larger maximum"),
        (("jobs = 3", "minimum = 1\nmaximum = 3"), "[workers] minimum and maximum need cores = 1 in [slurm]"),
        (("jobs = 3", ""), "[workers] needs jobs"),
    ],
)
def test_a_fault_in_a_file_is_named(write, change: tuple[str, str], said: str) -> None:
    file = write(SLURM.replace(*change))
    with pytest.raises(PigbenchError) as refused:
        read_queue(file)
    assert str(refused.value).startswith(str(file))
    assert said in str(refused.value)


def test_what_the_queues_class_refuses_is_said(write) -> None:
    with pytest.raises(PigbenchError, match=r"\[slurm\]: .*memory"):
        read_queue(write(SLURM.replace('memory = "32GB"', ""))).job_script()


SBATCH = """#!/bin/sh
if [ -e "$0.down" ]; then echo "$1" >> "$0.refused"; echo try again later >&2; exit 1; fi
cp "$1" "$0.job.$$"
setsid sh "$0.job.$$" > "$0.log.$$" 2>&1 < /dev/null &
echo "Submitted batch job $!"
"""

SCANCEL = """#!/bin/sh
kill -- "-$1"
"""


@pytest.fixture
def queue_here(write, start_cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A function that makes a queue with some [workers]; `sbatch` and `scancel` know this machine alone."""
    for name, script in {"sbatch": SBATCH, "scancel": SCANCEL}.items():
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    text = SLURM.replace('"--resources", "GPU=1"', f'"--preload", "{start_cluster().preload}"')
    text = text.replace("module load cuda", ":")

    def make(workers: str, cores: int = 1) -> JobQueue:
        queue = read_queue(write(text.replace("cores = 2", f"cores = {cores}").replace("jobs = 3", workers)))
        with pytest.raises(PigbenchError, match="there is no sbatch here"), queue.opened():
            pass
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        return queue

    return make


def running(directory: Path) -> bool:
    """Whether a job of that directory's `sbatch` runs."""
    shown = subprocess.run(["ps", "axww", "-o", "command"], capture_output=True, text=True).stdout
    return f"{directory / 'sbatch.job.'}" in shown


def test_jobs_are_submitted_work_and_are_cancelled(queue_here, until, told, tmp_path: Path) -> None:
    said: list[str] = []
    with workers_of(queue_here("jobs = 1"), said.append) as workers:
        assert (workers.number, workers.at_most) == (1, 0)
        assert running(tmp_path)
        outcome = run_plan_on_dask([told("a"), told("b")], Store(tmp_path / "store"), "tiny", workers)
    assert (outcome.computed, outcome.failed) == (2, {})
    assert said == [f"waiting for the first worker of {workers.address}"]
    until(lambda: not running(tmp_path))


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch):
    """Jobs whose workers are gone are noticed within a second."""
    import dask
    import distributed  # noqa: F401 - its defaults must be there before one is changed

    monkeypatch.setattr(job_replacement, "LOOK", 0.2)
    monkeypatch.setattr(job_replacement, "GONE", 0.5)
    with dask.config.set({"distributed.deploy.lost-worker-timeout": "500ms"}):
        yield


def submitted(directory: Path) -> int:
    """How many jobs its `sbatch` took."""
    return len(list(directory.glob("sbatch.job.*")))


def end_job(client) -> None:
    """Kill the one job that runs, as SLURM does at the time limit."""
    time.sleep(1.0)  # until some looks have seen its workers
    (group,) = set(client.run(os.getpgid, 0).values())
    os.killpg(group, signal.SIGKILL)


def test_more_jobs_come_where_there_is_work_for_them_and_go(queue_here, until, soon, told, tmp_path: Path) -> None:
    from distributed import Client

    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    pair = told("a", begun=ours, waits_for=theirs), told("b", begun=theirs, waits_for=ours)  # two at once, or none
    with workers_of(queue_here("minimum = 1\nmaximum = 2"), lambda text: None) as workers:
        assert (workers.number, workers.at_most) == (1, 2)
        outcome = run_plan_on_dask(list(pair), Store(tmp_path / "store"), "tiny", workers)
        with Client(workers.address, set_as_default=False) as client:
            until(lambda: len(client.nthreads()) == 1)
        time.sleep(2.0)  # long enough for a job in the place of the other
        assert submitted(tmp_path) == 2
    assert (outcome.computed, outcome.failed) == (2, {})
    assert len(ours.read_text().split() + theirs.read_text().split()) == 2
    until(lambda: not running(tmp_path))


@pytest.mark.parametrize(("workers", "cores"), [("jobs = 1", 2), ("minimum = 1\nmaximum = 2", 1)])
def test_a_job_that_ended_is_replaced(queue_here, until, soon, tmp_path: Path, workers: str, cores: int) -> None:
    from distributed import Client

    with queue_here(workers, cores).opened() as address, Client(address, set_as_default=False) as client:
        until(lambda: len(client.nthreads()) == cores)
        before = client.nthreads().keys()
        end_job(client)
        until(lambda: len(client.nthreads().keys() - before) == cores)
        assert submitted(tmp_path) == 2
    until(lambda: not running(tmp_path))


def test_where_jobs_end_soon_the_next_come_later_and_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_replacement, "time", SimpleNamespace(monotonic=lambda: 10_000.0))
    jobs = job_replacement.Renewal(cluster=None, fewest=1)

    def pause_after(seconds: float) -> float:
        jobs.began["job"], jobs.seen["job"] = 1_000.0, 1_000.0 + seconds  # and then it waited to be replaced
        jobs._take_time({"job"})
        return jobs.due - 10_000.0

    assert [pause_after(60) for _ in range(8)] == [30, 60, 120, 240, 480, 900, 900, 900]
    assert pause_after(job_replacement.SOON) == 0
    assert pause_after(60) == 30
    jobs._take_time({"never seen"})
    assert jobs.due == 10_000.0


def test_a_queue_that_takes_no_job_for_a_while_is_asked_again(queue_here, until, soon, tmp_path: Path) -> None:
    from distributed import Client

    down, refused = tmp_path / "sbatch.down", tmp_path / "sbatch.refused"
    with queue_here("jobs = 1").opened() as address, Client(address, set_as_default=False) as client:
        until(client.nthreads)
        with pytest.warns(UserWarning, match="no job could be submitted, trying on: .* try again later") as warned:
            down.touch()
            end_job(client)
            until(lambda: refused.exists() and len(refused.read_text().split()) > 1)
        down.unlink()
        until(client.nthreads)
    assert len([warning for warning in warned if "trying on" in str(warning.message)]) == 1
    assert submitted(tmp_path) == 2
    until(lambda: not running(tmp_path))


def test_a_job_in_the_queue_keeps_its_place(queue_here, until, soon, tmp_path: Path) -> None:
    queue = queue_here("jobs = 2", cores=2)
    (tmp_path / "sbatch").write_text('#!/bin/sh\ntouch "$0.job.$$"\necho "Submitted batch job $$"\n')
    (tmp_path / "scancel").write_text('#!/bin/sh\necho "$1" >> "$0.log"\n')
    with queue.opened():
        time.sleep(1.0)  # several looks
        assert submitted(tmp_path) == 2
    assert len((tmp_path / "scancel.log").read_text().split()) == 2


def test_a_queue_that_takes_no_job_is_said_at_once(write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sbatch").write_text("#!/bin/sh\necho no such partition >&2\nexit 1\n")
    (tmp_path / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    queue = read_queue(write(SLURM))
    with pytest.raises(PigbenchError, match="no job could be submitted to slurm: .* no such part"), queue.opened():
        pass


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("dusk", None, None), "unknown engine 'dusk': did you mean 'dask'?"),
        (("dask", None, None), "--engine dask needs --scheduler tcp://HOST:PORT or --cluster FILE"),
        (("local", "tcp://host:1", None), "are for --engine dask"),
        ((None, "tcp://host:1", Path("queue.toml")), "give one"),
        ((None, "tcp://host:1", None, 2), "--workers is for this machine"),
    ],
)
def test_options_that_do_not_fit(options: tuple, said: str) -> None:
    with pytest.raises(PigbenchError, match=said.replace("?", r"\?")):
        chosen_place(*options)


def test_options_that_fit(write) -> None:
    assert chosen_place(None, None, None) is None
    assert chosen_place("local", None, None, 2) is None
    assert chosen_place(None, "tcp://host:1", None) == chosen_place("dask", "tcp://host:1", None)
    assert chosen_place("dask", "tcp://host:1", None) == Scheduler("tcp://host:1")
    assert isinstance(chosen_place(None, None, write(SLURM)), JobQueue)


def test_without_dask_only_the_dask_engine_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(PigbenchError, match=r"needs distributed: pip install '.\[cluster\]'"):
        chosen_place("dask", "tcp://host:1", None)
    assert chosen_place("local", None, None) is None


@pytest.mark.process
def test_nothing_imports_dask_until_it_is_asked_for() -> None:
    names = ["cli.run", "cli.printing", "api.compute", "engine.local"]
    names += [f"engine.dask.{name}" for name in ("run", "clusters", "remote")]
    code = "".join(f"import pigbench.{name}; " for name in names)
    code += "import sys; assert not {'distributed', 'dask', 'dask_jobqueue', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
