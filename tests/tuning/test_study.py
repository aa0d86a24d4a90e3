"""One study, one process or several: totals, pruning, failures, storages, and being cut off."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import permutations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pigbench.errors import PigbenchError
from pigbench.tuning import storage
from pigbench.tuning.findings import Findings, find_study, read_study
from pigbench.tuning.storage import studies_in
from pigbench.tuning.study import open_study, sampler, take_place, work
from pigbench.tuning.trial import TrialFailed, WorkerDied

Objective = Callable[[Any], float]


@contextlib.contextmanager
def opened(evaluation: Any, where: Path, url: str | None = None, seed: int = 0, **about: Any) -> Iterator[Any]:
    with studies_in(url, where) as studies:
        yield open_study(studies, "mine", evaluation(**about), seed, 16)


def tried(study: Any, objective: Objective, trials: int, seed: int = 0, timeout: float | None = None) -> Findings:
    work(study, objective, seed, trials, timeout)
    return read_study(study._storage, "mine")


def rate(trial: Any) -> float:
    return trial.suggest_float("learning_rate", 3e-4, 1e-2, log=True)


def test_trials_are_the_study_s_total_over_two_commands(evaluation: Any, tmp_path: Path) -> None:
    with opened(evaluation, tmp_path) as study:
        assert len(tried(study, rate, 3).trials) == 3
    with opened(evaluation, tmp_path) as study:
        assert len(tried(study, rate, 5).trials) == 5
        assert len(tried(study, rate, 4).trials) == 5
    assert (tmp_path / "studies.db").is_file()


def test_stopped_and_taken_up_again_it_tries_what_it_would_have_tried(evaluation: Any, tmp_path: Path) -> None:
    def interrupted(trial: Any) -> float:
        value = rate(trial)
        if trial.number == 11:
            raise KeyboardInterrupt
        return value

    with opened(evaluation, tmp_path / "..", f"journal:{tmp_path / 'whole'}") as study:
        whole = tried(study, rate, 14)
    with opened(evaluation, tmp_path, f"journal:{tmp_path / 'parts'}") as study:
        with pytest.raises(KeyboardInterrupt):
            tried(study, interrupted, 14)
        parts = tried(study, rate, 14)
    assert [trial.state for trial in parts.trials].count("cut off") == 1
    assert [trial.params for trial in parts.ended] == [trial.params for trial in whole.ended]
    assert len({str(trial.params) for trial in whole.ended}) == 14
    with opened(evaluation, tmp_path, f"journal:{tmp_path / 'other'}", seed=1) as study:
        assert tried(study, rate, 1, seed=1).trials[0].params != whole.trials[0].params


def test_a_bad_trial_is_pruned_and_has_its_place_in_the_count(evaluation: Any, tmp_path: Path) -> None:
    from optuna import TrialPruned

    def objective(trial: Any) -> float:
        rate(trial)
        value = 10.0 if trial.number == 6 else 1.0 + trial.number / 100
        for fold in range(3):
            trial.report(value, fold)
            if fold < 2 and trial.should_prune():
                raise TrialPruned
        return value

    with opened(evaluation, tmp_path) as study:
        found = tried(study, objective, 7)
    assert found.trials[6].state == "pruned"
    assert [trial.state for trial in found.trials[:5]] == ["complete"] * 5  # none before there are some to compare with
    assert found.tuned().trials == 7
    assert found.tuned().pruned >= 1
    assert found.tuned().value == 1.0


def test_a_failed_trial_keeps_its_reason_and_is_never_the_best(evaluation: Any, tmp_path: Path) -> None:
    def objective(trial: Any) -> float:
        rate(trial)
        if trial.number != 1:
            raise TrialFailed("the loss became nan")
        return 3.0

    with opened(evaluation, tmp_path) as study:
        found = tried(study, objective, 3)
    assert [trial.state for trial in found.trials] == ["failed", "complete", "failed"]
    assert found.trials[0].reason == "the loss became nan"
    assert (found.tuned().failed, found.tuned().value) == (2, 3.0)


def test_a_killed_worker_cuts_a_trial_off_and_its_place_is_tried_again(evaluation: Any, tmp_path: Path) -> None:
    def objective(trial: Any) -> float:
        rate(trial)
        if trial.number in (1, 2, 4, 5, 6):
            raise WorkerDied("its worker died (SIGKILL)")
        return 3.0

    with opened(evaluation, tmp_path) as study:
        found = tried(study, objective, 4)
    states = ["complete", "cut off", "cut off", "complete", "cut off", "cut off", "failed", "complete"]
    assert [trial.state for trial in found.trials] == states
    assert found.trials[1].params == found.trials[2].params == found.trials[3].params
    assert found.trials[6].reason == "its worker died (SIGKILL)"  # three times at the same place
    assert (found.tuned().trials, found.tuned().failed) == (4, 1)


def test_beside_another_process_a_place_is_tried_again_and_by_one_trial_alone(evaluation: Any, tmp_path: Path) -> None:
    """A worker of ours is killed while the other process tries the next place: twice, and a third time alone."""
    with opened(evaluation, tmp_path) as ours, opened(evaluation, tmp_path) as theirs:

        def objective(trial: Any) -> float:
            rate(trial)
            if trial.number in (0, 2):
                tried(theirs, rate, len(find_study(theirs._storage, "mine").ended) + 1)  # type: ignore[union-attr]
            raise WorkerDied("its worker died (SIGKILL)")

        found = tried(ours, objective, 3)
        trials = ours.get_trials()
    assert [trial.state for trial in found.trials] == ["cut off", "complete", "cut off", "complete", "failed"]
    assert [trial.user_attrs["place"] for trial in trials] == [0, 1, 0, 2, 0]
    drawn = [trial.params["learning_rate"] for trial in trials]
    assert drawn[0] == drawn[2] == drawn[4]
    assert len(set(drawn)) == 3
    assert found.trials[4].reason == "its worker died (SIGKILL)"  # three times at the same place


def test_a_place_is_held_by_what_runs_or_has_ended(evaluation: Any, tmp_path: Path) -> None:
    from optuna.trial import TrialState, create_trial

    known: list[tuple[TrialState, dict[str, Any]]] = [
        (TrialState.COMPLETE, {}),  # of an older study, which does not say its place, as the next two
        (TrialState.FAIL, {}),
        (TrialState.PRUNED, {}),
        (TrialState.FAIL, {"place": 2, "reason": "the loss became nan"}),
        (TrialState.FAIL, {"place": 3}),
        (TrialState.RUNNING, {"place": 4}),
    ]
    with opened(evaluation, tmp_path, f"journal:{tmp_path / 'log'}") as study:
        for state, attributes in known:
            value = 1.0 if state == TrialState.COMPLETE else None
            study.add_trial(create_trial(state=state, value=value, user_attrs=attributes))
        assert [take_place(study, study.ask()) for _ in range(2)] == [3, 5]


@pytest.mark.parametrize("order", sorted(set(permutations([0, 0, 1, 1, 2, 2]))))
def test_trials_that_begin_at_once_take_different_places(order: tuple[int, ...]) -> None:
    """Each looks for a place and then writes it down, in whatever order, one after the other or across."""
    trials = [
        SimpleNamespace(number=number, user_attrs={}, state=SimpleNamespace(name="RUNNING")) for number in (0, 1, 2)
    ]
    found: dict[int, int] = {}
    for number in order:
        if number not in found:
            seen = [deepcopy(trial) for trial in trials]
            study = SimpleNamespace(get_trials=lambda deepcopy, seen=seen: seen)
            looking = SimpleNamespace(number=number, set_user_attr=lambda name, value: None)
            found[number] = take_place(study, looking)  # type: ignore[arg-type]
        else:
            trials[number].user_attrs["place"] = found[number]
    assert sorted(found.values()) == [0, 1, 2]


def test_an_error_of_ours_is_not_a_trial_s_failure(evaluation: Any, tmp_path: Path) -> None:
    def full(trial: Any) -> float:
        raise PigbenchError("no space left on the disk")

    with opened(evaluation, tmp_path) as study:
        with pytest.raises(PigbenchError, match="no space left"):
            tried(study, full, 3)
        assert read_study(study._storage, "mine").ended == []


def test_no_trial_begins_after_the_timeout(evaluation: Any, tmp_path: Path) -> None:
    with opened(evaluation, tmp_path) as study:
        assert tried(study, rate, 3, timeout=0).trials == ()


def test_the_most_is_best_for_a_segmenter(evaluation: Any, tmp_path: Path) -> None:
    with opened(evaluation, tmp_path, name="unet", segmenter=True) as study:
        found = tried(study, lambda trial: rate(trial) and float(trial.number), 3)
    assert found.tuned().value == 2.0
    assert found.objective.name == "Dice, %"


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"training.images": 128}, "protocol.preset.training.images is 64 there, 128 here"),
        ({"own": {"channels": [16, 16]}}, "signature is ddpm@"),
        ({"name": "pig"}, "plugin is ddpm there, pig here"),
        ({"seed": 3}, "seed is 0 there, 3 here"),
        ({"name": "unet", "segmenter": True}, "group is generators there, segmenters here"),
    ],
)
def test_a_study_of_something_else_is_refused_with_what_differs(
    evaluation: Any, tmp_path: Path, other: dict[str, Any], said: str
) -> None:
    with opened(evaluation, tmp_path) as study:
        tried(study, rate, 1)
    with opened(evaluation, tmp_path):
        pass
    made_otherwise = pytest.raises(PigbenchError, match="'mine' was made otherwise: .*--study")
    with made_otherwise as refused, opened(evaluation, tmp_path, **other):
        pass
    assert said in str(refused.value)


WORKER = """
import sys, time
from pathlib import Path
from pigbench.planning.configured import choose_generator
from pigbench.planning.plan import Request
from pigbench.protocol import Protocol, load_preset
from pigbench.store import Store
from pigbench.tuning.storage import studies_in
from pigbench.tuning.study import open_study, work
from pigbench.tuning.trial import Evaluation, on_tuning_patients

preset = load_preset("smoke")
protocol = Protocol(preset=preset, dataset="phantom", dataset_identity="d" * 16, folds=3)
request = Request(protocol, (choose_generator("ddpm", preset.diffusion, {}),), (8,), (), (0,))
evaluation = Evaluation(on_tuning_patients(request, 0.2), Store(Path("store")), 1, 60.0)

def objective(trial):
    time.sleep(0.1)
    return trial.suggest_float("learning_rate", 3e-4, 1e-2, log=True)

with studies_in(sys.argv[1], Path()) as studies:
    work(open_study(studies, "mine", evaluation, 0, 16), objective, 0, 12, None)
"""


@pytest.mark.process
@pytest.mark.parametrize("url", ["sqlite:///both.db", "journal:both.log"])
def test_two_processes_share_a_study(tmp_path: Path, url: str) -> None:
    command = [sys.executable, "-c", WORKER, url]
    both = [subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        _, said = process.communicate(timeout=100)
        assert process.returncode == 0, said
    with contextlib.chdir(tmp_path), studies_in(url, tmp_path) as studies:
        found = read_study(studies, "mine")
        trials = studies.get_all_trials(studies.get_study_id_from_name("mine"))
    assert len({trial.user_attrs["place"] for trial in trials}) == len(found.ended)
    assert len(found.ended) in (12, 13)  # each ends what it has begun
    assert len({str(trial.params) for trial in found.ended}) == len(found.ended)  # and none draws what the other drew


@pytest.mark.process
def test_a_locked_file_is_named_with_the_way_out(evaluation: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(storage, "PATIENCE_S", 0.2)
    said = rf"the studies in {tmp_path}/studies.db have been locked .*--storage journal:PATH"
    with opened(evaluation, tmp_path) as study:
        tried(study, rate, 1)
        holder = _lock(tmp_path / "studies.db")
        with pytest.raises(PigbenchError, match=said), opened(evaluation, tmp_path):
            pass
        holder.communicate("done", timeout=30)
    with opened(evaluation, tmp_path) as study:
        holder = _lock(tmp_path / "studies.db")  # while at work
        with pytest.raises(PigbenchError, match=said), studies_in(None, tmp_path):
            tried(study, rate, 2)
        holder.communicate("done", timeout=30)
        assert len(tried(study, rate, 2).ended) == 2


def _lock(file: Path) -> subprocess.Popen[str]:
    """Another process that holds the file's lock until it is told something."""
    hold = f"import sqlite3; c = sqlite3.connect({str(file)!r}); c.execute('BEGIN EXCLUSIVE')"
    hold += "; print('held', flush=True); input()"
    holder = subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_storages_that_cannot_be_used_are_named(evaluation: Any, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("no journal\n")
    (tmp_path / "notes.db").write_text("no database" * 99)
    for url, said in [
        (f"journal:{tmp_path / 'notes'}", "notes is not a journal of studies"),
        (f"sqlite:///{tmp_path / 'notes.db'}", r"notes\.db cannot be used: file is not a database"),
        ("studies.db", "--storage studies.db: give sqlite:///FILE, journal:FILE"),
        ("oraculum://me:secret@host/x", r"oraculum://me:\*\*\*@host/x cannot be used"),
    ]:
        with pytest.raises(PigbenchError, match=said), opened(evaluation, tmp_path, url):
            pass
    with (
        pytest.raises(PigbenchError, match="no studies in .*nowhere.db"),
        studies_in(f"sqlite:///{tmp_path / 'nowhere.db'}", tmp_path, existing=True),
    ):
        pass
    assert not (tmp_path / "nowhere.db").exists()


def test_unknown_and_foreign_studies_are_named(evaluation: Any, tmp_path: Path) -> None:
    import optuna

    with opened(evaluation, tmp_path):
        pass
    with studies_in(None, tmp_path) as studies:
        assert find_study(studies, "absent") is None
        with pytest.raises(PigbenchError, match="unknown study 'mime': did you mean 'mine'"):
            read_study(studies, "mime")
        optuna.create_study(storage=studies, study_name="foreign")
        with pytest.raises(PigbenchError, match="'foreign' is not a study of `pigbench tune`"):
            read_study(studies, "foreign")
        with pytest.raises(
            PigbenchError, match="study 'mine' has no complete trial yet: .*`pigbench tune generator ddpm`"
        ):
            read_study(studies, "mine").tuned()


@pytest.mark.filterwarnings("ignore:Heartbeat of storage")  # asked for by hand, in the place of a process that dies
def test_a_trial_of_a_dead_process_counts_for_nothing(evaluation: Any, tmp_path: Path) -> None:
    """Its process is not heard of for longer than the grace; what it tried is tried again."""
    with opened(evaluation, tmp_path) as study:
        tried(study, rate, 2)
        study.sampler = sampler(0, 2)
        orphan = study.ask()
        drawn = rate(orphan)
        study._storage.record_heartbeat(orphan._trial_id)
    with contextlib.closing(sqlite3.connect(tmp_path / "studies.db")) as file:
        file.execute("UPDATE trial_heartbeats SET heartbeat = datetime(heartbeat, '-1 day')")
        file.commit()
    with opened(evaluation, tmp_path) as study:
        found = tried(study, rate, 4)
    assert [trial.state for trial in found.trials] == ["complete", "complete", "cut off", "complete", "complete"]
    assert found.trials[3].params == {"learning_rate": drawn}


def test_a_trial_that_another_process_took_for_dead_is_let_go(evaluation: Any, tmp_path: Path) -> None:
    from optuna.trial import TrialState

    with opened(evaluation, tmp_path) as study:

        def suspended(trial: Any) -> float:
            if trial.number == 1:
                study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
            trial.report(1.0, 0)
            return 1.0

        found = tried(study, suspended, 3)
    assert [trial.state for trial in found.trials] == ["complete", "cut off", "complete", "complete"]
