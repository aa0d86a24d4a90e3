"""From `pigbench tune` to a record with tuned rows, as a user types it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pigbench.cli import main
from pigbench.results import Record

SMOKE = ("--preset", "smoke", "--dataset", "tiny", "--workers", "1", "--set", "segmentation.steps=4")
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(tiny: Path, in_process: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Call:
    """The command line in this process: its exit code, standard output (on one line) and standard error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["pigbench", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), " ".join(said.out.split()), said.err

    return call


def test_from_studies_to_a_record_that_names_them(call: Call, tiny: Path, sketch: str) -> None:
    from PIL import Image

    tuned: dict[str, str] = {}
    for kind, name, trials in (("segmenter", "unet", 1), ("generator", sketch, 1)):
        code, out, err = call("tune", kind, name, "--trials", trials, "--set-aside", 0.5, *SMOKE)
        assert code == 0, err
        use = f"Use it: pigbench run --{kind} {name} --tuned "
        tuned[name] = out.partition(use)[2]
        assert tuned[name].startswith(f"{name}-smoke-")

    code, out, _ = call("tune", "segmenter", "unet", "--trials", 1, "--set-aside", 0.5, *SMOKE)
    assert (code, "1 trial, 0 pruned, 0 failed" in out) == (0, True)
    code, _, err = call("tune", "segmenter", "unet", "--set-aside", 0.5, *SMOKE, "--seed", 1)
    assert (code, "seed is 0 there, 1 here" in err) == (2, True)

    code, out, err = call("tune", "show", tuned["unet"], "--plot", "study.png")
    assert code == 0, err
    for said in ("study unet-smoke-", "segmenter unet@", "6 tuning patients (50%, in no fold)", "Dice, %", "complete"):
        assert said in out
    assert Image.open("study.png").size[0] > 500
    assert "did you mean" in call("tune", "show", tuned["unet"][:-1])[2]
    assert "its directory does not exist" in call("tune", "show", tuned["unet"], "--plot", "nowhere/study.png")[2]

    code, _, err = call("run", "--generator", "pig", "--generator", sketch, "--tuned", *SMOKE)
    assert code == 2
    assert (
        "pig lacks 1 of 1. Run: pigbench tune generator pig --trials 1 --preset smoke --dataset tiny "
        "--set segmentation.steps=4"
    ) in err

    run = ("run", "--generator", sketch, "--tuned", tuned["unet"], "--tuned", *SMOKE)
    code, _, err = call(*run)
    assert code == 0, err
    _, out, _ = call("compare", tiny, "--notes")
    for said in (
        "unet(tuned): best of 1 trial on tuning patients (6 patients, in no fold), ",
        "sketch(tuned): best of 1 trial on tuning patients (6 patients, in no fold), ",
        "+sketch(tuned)_8",
        "2 folds without the 50% of the patients set aside for tuning",
        "|aside:0.5|",
    ):
        assert said in out, said
    _check_record(tiny)
    assert "Already computed" in call(*run)[2]


def _check_record(store: Path) -> None:
    (path,) = (store / "records").glob("*.json")
    record = json.loads(path.read_text())
    assert set(record["generators"]) == {"sketch(tuned)"}
    assert set(record["segmenters"]) == {"unet(tuned)"}
    assert record["protocol"]["set_aside"] == 0.5
    unet, sketch = record["tuning"]
    assert (unet["plugin"], unet["trials"], unet["patients"], unet["used_by"]) == ("unet", 1, 6, ["unet(tuned)"])
    assert (sketch["plugin"], sketch["trials"], sketch["used_by"]) == ("sketch", 1, ["sketch(tuned)"])
    assert sketch["wall_s"] > 0
    manifests = [json.loads(path.read_text()) for path in store.glob("artifacts/train/*/manifest.json")]
    rates = {manifest["spec"]["training"]["learning_rate"] for manifest in manifests}
    assert rates == {sketch["params"]["learning_rate"]}
    assert len(manifests) == 3 + 2  # of the inner folds, and of the run's
    assert len(set(Record.model_validate(record).cases.patient_id)) == 6  # the other six are nobody's test patients


def test_a_study_whose_trials_all_fail_exits_1(call: Call, sketch: str) -> None:
    fixed = ("--set", "sketch.width=7", "--set-aside", 0.5)
    code, out, err = call("tune", "generator", sketch, "--trials", 2, *fixed, *SMOKE)
    assert code == 1
    assert "trial 1 failed: train sketch(tuned,width=7).network, fold 0: 7 is not a width" in out
    assert "no trial of 'sketch-smoke-" in err


def test_ctrl_c_says_how_to_go_on(call: Call, sketch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pigbench.tuning.trial.run_plan", interrupted)
    code, _, err = call("tune", "generator", sketch, "--set-aside", 0.5, *SMOKE)
    assert (code, "Nothing is lost: run the same command again" in err) == (130, True)
