"""Drivers on one store: every node once, by whichever run comes to it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from pigbench.engine import driver
from pigbench.engine.driver import Crew, Event, Message, Outcome, drive
from pigbench.engine.leases import Leases
from pigbench.engine.schedule import Schedule
from pigbench.engine.work import Task
from pigbench.errors import PigbenchError
from pigbench.stages.node import Node, Purpose
from pigbench.store import Store


class Bench(Crew):
    """Computes in this thread; remembers what, and fails what it is told to."""

    def __init__(self, store: Store, room: int = 2, failing: tuple[str, ...] = (), seconds: float = 0.0) -> None:
        self.store, self.room, self.failing, self.seconds = store, room, failing, seconds
        self.given: list[Node] = []
        self.computed: list[str] = []

    def has_room(self) -> bool:
        return len(self.given) < self.room

    def give(self, node: Node, task: Task) -> int:
        self.given.append(node)
        return 0

    def messages(self, timeout: float | None) -> list[Message]:
        if not self.given:
            time.sleep(timeout or 0)
            return []
        node = self.given.pop(0)
        time.sleep(self.seconds)
        if node.key in self.failing:
            return [Message(node, 0, "failed", ("it broke", ""))]
        with self.store.building() as directory:
            self.store.publish(node.stage, node.key, directory, {})
        self.computed.append(node.key)
        return [Message(node, 0, "done", "")]

    def stop(self) -> None:
        pass


def chain(name: str, length: int) -> Node:
    node = Node("train", f"{name}0", {}, {}, Purpose(f"{name}0"))
    for number in range(1, length):
        node = Node("train", f"{name}{number}", {}, {"before": node}, Purpose(f"{name}{number}"))
    return node


def run(store: Store, targets: list[Node], crew: Crew, heard: list[Event] | None = None) -> Outcome:
    schedule = Schedule(targets, lambda node: store.has(node.stage, node.key))
    return drive(schedule, crew, store, "phantom", (heard if heard is not None else []).append)


def test_two_runs_at_once_share_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "PATIENCE", 0.02)
    store = Store(tmp_path)
    targets = [chain(name, 6) for name in "abcd"]
    crews = [Bench(store, room=1, seconds=0.01) for _ in range(2)]
    outcomes: list[Outcome] = []
    runs = [threading.Thread(target=lambda crew=crew: outcomes.append(run(store, targets, crew))) for crew in crews]
    for thread in runs:
        thread.start()
    for thread in runs:
        thread.join(30)
    computed = crews[0].computed + crews[1].computed
    assert len(computed) == len(set(computed)) == 24
    assert all(crew.computed for crew in crews)
    assert sorted(outcome.computed for outcome in outcomes) == sorted(len(crew.computed) for crew in crews)
    assert not [outcome.failed for outcome in outcomes if outcome.failed]


def test_what_another_run_holds_is_waited_for_and_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "PATIENCE", 0.01)
    store, target, heard = Store(tmp_path), chain("a", 2), []
    with Leases(tmp_path) as theirs:
        theirs.take("a0")
        crew = Bench(store)
        waiting = threading.Thread(target=run, args=(store, [target], crew, heard))
        waiting.start()
        time.sleep(0.1)
        assert crew.computed == []
        with store.building() as directory:
            store.publish("train", "a0", directory, {})
        theirs.release("a0")
        waiting.join(30)
    assert crew.computed == ["a1"]
    assert [event.text for event in heard if event.kind == "note"] == ["at work in another run on this store"]
    assert [event.label for event in heard if event.kind == "found"] == ["train a0"]
    assert heard[-1].done == heard[-1].total == 2


def test_a_dead_runs_node_is_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    (tmp_path / "leases").mkdir()
    (tmp_path / "leases" / "a0").write_text('{"machine": "gone", "process": 1, "run": "x"}')
    monkeypatch.setattr("pigbench.engine.leases.EXPIRY", -1.0)
    crew = Bench(store)
    run(store, [chain("a", 1)], crew)
    assert crew.computed == ["a0"]


def test_a_failure_stays_where_it_is(tmp_path: Path) -> None:
    store = Store(tmp_path)
    crew = Bench(store, failing=("a1",))
    outcome = run(store, [chain("a", 3), chain("b", 3)], crew)
    assert outcome.failed == {"a1": "it broke", "a2": "train a1: it broke"}
    assert sorted(crew.computed) == ["a0", "b0", "b1", "b2"]
    assert list((tmp_path / "leases").iterdir()) == []


def test_a_full_disk_ends_the_run_and_its_leases(tmp_path: Path) -> None:
    store = Store(tmp_path)

    class Full(Bench):
        def messages(self, timeout: float | None) -> list[Message]:
            return [Message(self.given.pop(0), 0, "full", str(tmp_path))]

    with pytest.raises(PigbenchError, match="no space left"):
        run(store, [chain("a", 2)], Full(store))
    assert list((tmp_path / "leases").iterdir()) == []


def test_a_crew_that_loses_its_last_worker_is_still_listened_to(tmp_path: Path) -> None:
    store = Store(tmp_path)

    class Deserted(Bench):
        """Has no room until it has been asked three times for news."""

        asked = 0

        def has_room(self) -> bool:
            return self.asked >= 3

        def messages(self, timeout: float | None) -> list[Message]:
            self.asked += 1
            return super().messages(0)

    crew = Deserted(store)
    run(store, [chain("a", 1)], crew)
    assert crew.computed == ["a0"]


def test_what_failed_here_but_was_published_elsewhere_has_not_failed(tmp_path: Path) -> None:
    store = Store(tmp_path)

    class Beaten(Bench):
        def messages(self, timeout: float | None) -> list[Message]:
            (published,) = super().messages(timeout)
            return [published._replace(kind="failed", content=("its checkpoint is gone", ""))]

    outcome = run(store, [chain("a", 2)], Beaten(store))
    assert outcome.failed == {}


class Distant(Bench):
    """Says done at once; its artifacts come later, but for those that it is told to fail."""

    def messages(self, timeout: float | None) -> list[Message]:
        if not self.given:
            time.sleep(0.02)
            return []
        node = self.given.pop(0)
        if node.key not in self.failing:
            threading.Timer(0.3, self.publish, [node]).start()
        return [Message(node, 0, "done", "")]

    def publish(self, node: Node) -> None:
        with self.store.building() as directory:
            self.store.publish(node.stage, node.key, directory, {})


def test_what_a_file_server_shows_late_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, heard = Store(tmp_path), []
    assert run(store, [chain("a", 2)], Distant(store), heard) == Outcome(2, {})
    assert [event.label for event in heard if event.kind == "started"] == ["train a0", "train a1"]
    monkeypatch.setattr(driver, "IN_SIGHT", 0.2)
    outcome = run(store, [chain("b", 2)], Distant(store, failing=("b0",)))
    assert "not seen here" in outcome.failed["b0"]
    assert outcome.failed["b1"].startswith("train b0: ")
    assert outcome.hindered == {"b0"}
    assert not list((tmp_path / "leases").iterdir())


def test_a_crew_without_workers_sees_that_others_have_done_it_all(tmp_path: Path) -> None:
    store, target = Store(tmp_path), chain("a", 3)

    class Empty(Bench):
        """Nobody; meanwhile another run does a node each time that it is asked for news."""

        def has_room(self) -> bool:
            return False

        def messages(self, timeout: float | None) -> list[Message]:
            number = len(self.computed)
            with self.store.building() as directory:
                self.store.publish("train", f"a{number}", directory, {})
            self.computed.append(f"a{number}")
            return []

    heard: list[Event] = []
    assert run(store, [target], Empty(store), heard) == Outcome(0, {})
    assert [event.kind for event in heard] == ["found"] * 3


def test_what_a_crew_gives_back_is_free_for_others_and_done_later(tmp_path: Path) -> None:
    store, heard = Store(tmp_path), []
    free: list[bool] = []

    class Reluctant(Bench):
        """Gives its first node back."""

        returned = False

        def has_room(self) -> bool:
            if self.returned and not free:
                with Leases(tmp_path) as others:
                    free.append(others.take("a0"))
            return super().has_room()

        def messages(self, timeout: float | None) -> list[Message]:
            if not self.returned:
                self.returned = True
                return [Message(self.given.pop(0), 0, "returned", "nobody is here")]
            return super().messages(timeout)

    crew = Reluctant(store)
    assert run(store, [chain("a", 1)], crew, heard) == Outcome(1, {})
    assert free == [True]
    assert [event.kind for event in heard] == ["started", "note", "started", "done"]


def test_deaths_are_counted(tmp_path: Path) -> None:
    class Deadly(Bench):
        def messages(self, timeout: float | None) -> list[Message]:
            return [Message(self.given.pop(0), 0, "died", ("its worker died (SIGKILL)", ""))]

    store = Store(tmp_path)
    outcome = run(store, [chain("a", 2)], Deadly(store))
    assert (outcome.deaths, outcome.failed["a0"]) == (1, "its worker died (SIGKILL)")
    assert outcome.hindered == {"a0"}


@pytest.mark.parametrize(("kind", "hindered"), [("failed", set()), ("hindered", {"a0"})])
def test_what_may_pass_is_kept_apart_from_what_would_fail_again(tmp_path: Path, kind: str, hindered: set[str]) -> None:
    class Failing(Bench):
        def messages(self, timeout: float | None) -> list[Message]:
            return [Message(self.given.pop(0), 0, kind, ("it broke", ""))]

    outcome = run(Store(tmp_path), [chain("a", 2)], Failing(Store(tmp_path)))
    assert outcome.failed == {"a0": "it broke", "a1": "train a0: it broke"}
    assert (outcome.hindered, outcome.deaths) == (hindered, 0)
