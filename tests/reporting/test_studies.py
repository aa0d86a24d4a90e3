"""A study on the terminal and as a figure, and the notes of tuned rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pigbench.reporting.studies import draw_study, heading, print_study
from pigbench.reporting.tables import section
from pigbench.reporting.tuning import hours
from pigbench.results import merge, summarise
from pigbench.results.described import Tuning
from pigbench.tuning.findings import Findings, Tried

SPACE = {
    "learning_rate": {"low": 3e-4, "high": 1e-2, "log": True},
    "width": {"low": 4, "high": 64, "log": False},
    "loss_weight": ["none", "sigmoid"],
}


def trial(number: int, state: Any, value: float | None, **other: Any) -> Tried:
    params = {"learning_rate": 1e-3 * (1 + number), "width": 4 + number, "loss_weight": ["none", "sigmoid"][number % 2]}
    return Tried(number, state, value, params, 3600.0, 1800.0, **other)


@pytest.fixture
def found() -> Findings:
    about = {"group": "generators", "plugin": "pig", "signature": "pig@1a2b3c4d", "space": SPACE}
    about |= {"protocol": {"set_aside": 0.2, "folds": 3}}
    trials = (
        trial(0, "complete", 90.0),
        trial(1, "failed", None, reason="the loss became nan"),
        trial(2, "complete", 71.25),
        trial(3, "pruned", 120.0),
        trial(4, "complete", 75.5),
        trial(5, "running", None),
    )
    return Findings("pig-quick", about, {"dataset": "phantom", "preset": "quick", "patients": 16}, trials)


def test_the_best_stand_first_and_everything_is_there(
    found: Findings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    print_study(found)
    lines = capsys.readouterr().out.splitlines()
    rows = [line.split()[0] for line in lines if line.strip()[:1].isdigit()]
    assert rows == ["2", "4", "0", "1", "3", "5"]
    assert any(line.split()[:3] == ["2", "71.25", "complete"] for line in lines)
    assert "trial 1 failed: the loss became nan" in lines
    assert list(heading(found))[1] == (
        "KID ×1000 over 3 inner folds, lower is better; 5 trials, 1 pruned, 1 failed; 6.0 h, CPU 3.0 h"
    )


def test_the_figure_has_the_history_and_every_setting(found: Findings, tmp_path: Path) -> None:
    from PIL import Image

    draw_study(found, tmp_path / "study.png")
    assert Image.open(tmp_path / "study.png").size == (1920, 450)


@pytest.mark.parametrize(("seconds", "said"), [(40, "40 s"), (720, "12 min"), (4320, "1.2 h")])
def test_costs_in_words(seconds: float, said: str) -> None:
    assert hours(seconds) == said


def study(**changes: Any) -> Tuning:
    usual = {"study": "pig-quick", "plugin": "pig", "group": "generators", "set_aside": 0.2, "patients": 16}
    usual |= {"trials": 20, "objective": "KID ×1000", "value": 71.25, "wall_s": 4320.0, "cpu_s": 4000.0}
    return Tuning(**(usual | {"used_by": ["pig(tuned)"]} | changes))


def test_tuned_rows_say_where_their_settings_come_from(make_record: Any) -> None:
    told = make_record(("pig(tuned)", "ldm(masks=pig(tuned))"))
    unet = study(plugin="unet", group="segmenters", used_by=["unet"], trials=1)
    told.tuning = [study(used_by=["pig(tuned)", "ldm(masks=pig(tuned))"]), unet]
    told.protocol.set_aside = 0.2
    shown = section(summarise(merge([told])[0]))
    images, arms = shown.tables
    for table in (images, arms):
        assert "pig(tuned): best of 20 trials on tuning patients (16 patients, in no fold), 1.2 h" in table.notes
        assert any(note.startswith("ldm(masks=pig(tuned)): pig is the best of 20") for note in table.notes)
        assert "|folds:5|aside:0.2|" in table.signature
    assert any(note.startswith("unet: ") and "best of 1 trial on" in note for note in arms.notes)
    assert not any(note.startswith("unet: ") for note in images.notes)
    assert "5 folds without the 20% of the patients set aside for tuning" in shown.heading


def test_a_study_that_grew_counts_once_as_it_stood_last(make_record: Any) -> None:
    first, second = make_record(("pig(tuned)",)), make_record(("pig(tuned)",), key="c" * 16)
    first.tuning, second.tuning = [study()], [study(trials=40)]
    for records in ([first, second], [second, first]):
        (known,) = merge(records)[0].tuning["pig(tuned)"]
        assert known.trials == 40


def test_rows_without_tuning_say_nothing_of_it(make_record: Any) -> None:
    shown = section(summarise(merge([make_record()])[0]))
    assert "aside" not in shown.heading + "".join(table.signature for table in shown.tables)
    assert not any("tuning" in note for table in shown.tables for note in table.notes)
