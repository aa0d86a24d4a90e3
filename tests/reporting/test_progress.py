"""Progress: the time left, the lines of a log, and the live view."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from pigbench.engine.driver import NOBODY, Event
from pigbench.planning.configured import choose_generator, choose_segmenter
from pigbench.planning.estimate import Size
from pigbench.planning.plan import Plan, Request
from pigbench.planning.planner import make_plan
from pigbench.protocol import Protocol, load_preset
from pigbench.reporting import progress
from pigbench.reporting.progress import FAITH, _Clock, _Log, _View, observer
from pigbench.store import Store

SIZE = Size(every=500, training=400)
SPLIT, PREPARE, EMBED = "split phantom", "prepare phantom", "embed phantom"
FIRST, SECOND = "fit unet on real, fold 0", "fit unet on real, fold 1"


class Time(SimpleNamespace):
    """A clock that goes when it is told."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(progress, "time", time)
    return time


def asked_for(seconds: dict[str, float]) -> tuple[Plan, Request]:
    """Split 1 s, prepare 10 s, a segmenter in two folds, and the cases embedded."""
    preset = load_preset("smoke").model_copy(update={"seconds": seconds})
    request = Request(
        protocol=Protocol(preset=preset, dataset="phantom", dataset_identity="d", folds=2),
        generators=(choose_generator("pig", preset.diffusion, {}),),
        samples=(8,),
        segmenters=(choose_segmenter("unet", preset.segmentation.network, {}),),
        seeds=(0,),
    )
    whole = make_plan(request)
    embed = next(node for node in whole.nodes() if node.stage == "embed" and node.inputs["images"].stage == "prepare")
    real = [node.inputs["fit"] for node in whole.measurements if node.purpose.arm == "real"]
    return Plan(measurements=real, fidelities=[embed]), request


@pytest.fixture
def clock(time: Time, tmp_path: Path) -> _Clock:
    """Of one worker with 100 s to go."""
    return clock_of(tmp_path)


def clock_of(directory: Path, workers: int = 1, embed: float | None = 9.0) -> _Clock:
    known = {"fit": 40.0} | ({"embed": embed} if embed else {})
    return _Clock(*asked_for(known), Store(directory), workers, SIZE)


def test_the_time_left_falls_with_what_is_done_here_or_by_another_run(clock: _Clock, time: Time) -> None:
    assert set(clock.expected) == {SPLIT, PREPARE, FIRST, SECOND, EMBED}
    assert clock.left == 100
    clock.observe(Event("started", SPLIT))
    time.now += 1
    clock.observe(Event("done", SPLIT))
    assert clock.left == 99
    clock.observe(Event("found", PREPARE, worker=NOBODY))
    assert clock.left == 89
    assert clock.elapsed == 1


def test_the_time_left_is_corrected_by_how_wrong_the_estimates_were(clock: _Clock, time: Time) -> None:
    clock.observe(Event("started", FIRST))
    clock.observe(Event("progress", FIRST, 0.0))
    time.now += 40
    clock.observe(Event("progress", FIRST, 0.5))  # twice as slow as thought
    assert clock.left == pytest.approx((40 + FAITH) / (20 + FAITH) * (100 - 20))
    time.now += 40
    clock.observe(Event("done", FIRST))
    assert clock.left == pytest.approx((80 + FAITH) / (40 + FAITH) * (100 - 40))


def test_what_a_node_had_done_before_this_run_does_not_make_it_fast(clock: _Clock, time: Time) -> None:
    clock.observe(Event("started", FIRST))
    time.now += 5  # for its libraries
    clock.observe(Event("progress", FIRST, 0.75))
    assert clock.left == 100 - 30
    time.now += 10
    clock.observe(Event("progress", FIRST, 1.0))  # as fast as thought
    assert clock.left == 100 - 40
    clock.observe(Event("done", FIRST, 1.0))
    assert clock.left == 100 - 40


def test_nodes_of_no_time_do_not_tell_of_the_long_ones(clock: _Clock) -> None:
    for tiny in (SPLIT, EMBED):
        clock.observe(Event("started", tiny))
        clock.observe(Event("done", tiny))
    assert clock.left is not None
    assert 80 < clock.left < 90


def test_what_another_run_finished_first_is_no_longer_at_work(clock: _Clock, time: Time) -> None:
    clock.observe(Event("started", FIRST))
    clock.observe(Event("progress", FIRST, 0.25))
    clock.observe(Event("found", FIRST))
    assert clock.left == 60
    clock.observe(Event("started", SECOND))
    time.now += 10
    clock.observe(Event("failed", SECOND, text="it broke"))
    assert clock.left is not None
    assert clock.left < 60


def test_workers_share_what_is_left_and_what_is_unknown_is_not_guessed(time: Time, tmp_path: Path) -> None:
    assert clock_of(tmp_path, workers=4).left == 25
    unknown = clock_of(tmp_path, embed=None)
    assert unknown.left is None
    assert unknown.line(Event("started", EMBED, done=2, total=5)) == "2/5 stages, 0:00 elapsed"
    unknown.observe(Event("found", EMBED))
    assert unknown.left == 91


def test_a_line_of_a_log(clock: _Clock, time: Time) -> None:
    time.now += 3725
    assert clock.line(Event("done", SPLIT, done=1, total=5)) == "1/5 stages, 1:02:05 elapsed, about 1:40 left"
    assert clock.line(None) == "1:02:05 elapsed, about 1:40 left"


def test_a_log_has_one_line_for_each_stage_that_has_ended(
    clock: _Clock, time: Time, capsys: pytest.CaptureFixture[str]
) -> None:
    log = _Log(clock)

    def lines(*events: Event) -> list[str]:
        for event in events:
            log.observe(event)
        return capsys.readouterr().err.splitlines()

    said = lines(Event("started", FIRST), Event("started", SECOND, worker=1))
    for second in range(180):
        said += lines(Event("progress", FIRST, second / 200, "step"), Event("progress", SECOND, second / 200, "step"))
        time.now += 1
    assert said == []
    (done,) = lines(Event("done", FIRST, 1.0, done=3, total=5))
    assert done.startswith("[3/5 stages, 3:00 elapsed, about ")
    assert done.endswith(f"] {FIRST}: done in 3:00")
    (failed,) = lines(Event("failed", SECOND, text="it broke\n\tin two lines"))
    assert failed.endswith(f"] {SECOND}: FAILED after 3:00: it broke in two lines")
    (found,) = lines(Event("found", EMBED, worker=NOBODY, done=4, total=5))
    assert found.startswith("[4/5 stages, ")
    assert found.endswith(f"] {EMBED}: done by another run")
    (note,) = lines(Event("note", SPLIT, text="its input is computed again", worker=NOBODY))
    assert note.endswith(f"] {SPLIT}: its input is computed again")


def test_a_log_names_the_worker_of_a_cluster_that_ended_a_stage(
    clock: _Clock, time: Time, capsys: pytest.CaptureFixture[str]
) -> None:
    log = _Log(clock)
    for worker in ("tcp://one", "tcp://two"):  # the first one died
        log.observe(Event("started", FIRST, text=worker))
        time.now += 5
    log.observe(Event("done", FIRST, 1.0, done=1, total=5))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(f"] {FIRST}: done in 0:05 by tcp://two")


class Screen:
    """A view, and what a terminal would show of it."""

    def __init__(self, clock: _Clock) -> None:
        self.view = _View(clock)
        self.console = Console(record=True, width=100, file=io.StringIO())

    def after(self, *events: Event) -> list[str]:
        """The lines that are at work after the events, without the last one, which is of the whole."""
        for event in events:
            self.view.observe(event, self.console)
        self.console.export_text()  # what stays on the screen is another test's
        self.console.print(self.view)
        *workers, whole = self.console.export_text().splitlines()
        assert "elapsed" in whole
        return [line.rstrip() for line in workers if line.strip()]


@pytest.mark.parametrize("end", ["done", "failed", "found"])
def test_a_view_has_a_line_for_every_worker_at_work(clock: _Clock, end: str) -> None:
    screen = Screen(clock)
    assert screen.after() == []
    both = screen.after(Event("started", SECOND, worker=1), Event("started", FIRST, worker=0))
    assert [line.split("  ")[0].split("━")[0].strip() for line in both] == [FIRST, SECOND]
    first, second = screen.after(Event("progress", FIRST, 0.5, "step 3 of 6", worker=0))
    assert first.startswith(FIRST)
    assert first.endswith("step 3 of 6")
    assert second.startswith(SECOND)
    (left,) = screen.after(Event(end, FIRST, worker=0))
    assert left.startswith(SECOND)
    (left,) = screen.after(Event("found", PREPARE, worker=NOBODY))  # of no worker here
    assert left.startswith(SECOND)


def test_failures_and_notes_stay_on_the_screen(clock: _Clock) -> None:
    screen = Screen(clock)
    screen.view.observe(Event("failed", FIRST, text="it broke"), screen.console)
    screen.view.observe(Event("note", SECOND, text="elsewhere", worker=NOBODY), screen.console)
    screen.view.observe(Event("done", EMBED), screen.console)
    assert screen.console.export_text().splitlines() == [f"{FIRST}: it broke", f"{SECOND}: elsewhere"]


def test_a_log_is_kept_where_there_is_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan, request = asked_for({})
    with observer(plan, request, Store(tmp_path), 1, SIZE) as tell:
        tell(Event("started", SPLIT, done=0, total=5))
        tell(Event("done", SPLIT, 1.0, done=1, total=5))
    said = capsys.readouterr().err
    assert "dataset phantom@d, 2 folds by patient" in said
    assert said.splitlines()[-1] == f"[1/5 stages, 0:00 elapsed] {SPLIT}: done in 0:00"
    assert said.count(SPLIT) == 1
