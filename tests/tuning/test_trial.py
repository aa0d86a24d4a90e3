"""Trials that train: by ordinary stages on the tuning patients alone, with what they cost."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.trial import FixedTrial

from pigbench.api.request import Options, set_up
from pigbench.data.datasets import open_dataset
from pigbench.data.splits import make_folds, part
from pigbench.stages.measure import Measured
from pigbench.tuning.findings import Findings, read_study
from pigbench.tuning.storage import studies_in
from pigbench.tuning.study import open_study, work
from pigbench.tuning.trial import Evaluation, TrialFailed, WorkerDied, on_tuning_patients


def evaluation(store: Path, generators: list[str], segmenters: list[str], *changes: str) -> Evaluation:
    changes = ("segmentation.steps=2", *changes)
    common = {"dataset": "tiny", "preset": "smoke", "folds": 3, "workers": 1, "device": "cpu", "store": store}
    setup = set_up(Options(generator=generators, segmenter=segmenters, set=changes, **common))
    return Evaluation(on_tuning_patients(setup.request, 0.5), setup.store, 1, 60.0)


def study_of(of: Evaluation, trials: int) -> Findings:
    with studies_in(None, of.store.root) as studies:
        study = open_study(studies, "mine", of, 0, 6)
        work(study, of, 0, trials, None)
        return read_study(studies, "mine")


def artifacts(store: Path, stage: str, file: str) -> list[Any]:
    return [json.loads(path.read_text()) for path in sorted(store.glob(f"artifacts/{stage}/*/{file}"))]


def test_a_generator_is_judged_by_kid_on_tuning_patients_that_it_did_not_see(
    tiny: Path, sketch: str, in_process: list[str]
) -> None:
    """And what trials share is computed once, and counted once."""
    lines: list[str] = []
    of = replace(evaluation(tiny, [sketch], [], "sketch.width=4"), say=lines.append)
    found = study_of(of, 2)
    fidelities = artifacts(tiny, "fidelity", "fidelity.json")
    assert {fidelity["reference"] for fidelity in fidelities} == {"held-out"}
    kids = sorted(1000 * fidelity["values"]["kid"] for fidelity in fidelities)
    assert len(kids) == 6
    assert sum(trial.value or 0 for trial in found.trials) == pytest.approx(sum(kids) / 3)
    assert found.tuned().value == min(trial.value or 0 for trial in found.trials)
    assert lines[-1].startswith("trial 1, fold 2: KID ×1000")

    cases = open_dataset("tiny", tiny).cases()
    (inner,) = artifacts(tiny, "split", "folds.json")
    tuning = {patient for fold in inner for patient in fold}
    held_out = [patient for fold in make_folds(part(cases, 0.5, 0, tuning=False), 2, 0) for patient in fold]
    assert (len(tuning), len(held_out)) == (6, 6)
    assert tuning.isdisjoint(held_out)
    rates = [manifest["spec"]["training"]["learning_rate"] for manifest in artifacts(tiny, "train", "manifest.json")]
    assert set(rates) == {trial.params["learning_rate"] for trial in found.trials}

    assert len(in_process) == len(set(in_process)) + 12  # train, sample, embed, fidelity of three folds, once more
    costs = [manifest["cost"] for manifest in artifacts(tiny, "*", "manifest.json")]
    assert found.tuned().wall_s == pytest.approx(sum(cost["wall_s"] for cost in costs), abs=0.1)
    assert found.tuned().cpu_s == pytest.approx(sum(cost["cpu_s"] for cost in costs), abs=0.1)
    assert found.trials[1].wall_s < found.trials[0].wall_s
    before = len(in_process)
    assert of(FixedTrial(found.trials[0].params)) == found.trials[0].value
    assert len(in_process) == before  # equal configurations are one


def test_a_configuration_that_fails_says_why(tiny: Path, sketch: str, in_process: list[str]) -> None:
    of = evaluation(tiny, [sketch], [])
    with pytest.raises(TrialFailed, match=r"train sketch\(tuned\).network, fold 0: 7 is not a width"):
        of(FixedTrial({"width": 7, "learning_rate": 0.001}))


@pytest.mark.process
def test_a_killed_worker_says_nothing_of_the_configuration(
    tiny: Path, sketch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A training that kills its worker: by the local engine, with real processes."""
    plugin = tiny.parent / "site" / "sketch_plugin.py"
    kills = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    plugin.write_text(plugin.read_text().replace('raise RuntimeError("7 is not a width")', kills))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(plugin.parent), os.environ.get("PYTHONPATH", "")]))
    of = evaluation(tiny, [sketch], [])
    with pytest.raises(WorkerDied, match=r"its worker died \(SIGKILL\)"):
        of(FixedTrial({"width": 7, "learning_rate": 0.001}))


def test_a_segmenter_is_judged_by_the_dice_of_all_held_out_tuning_cases(tiny: Path, in_process: list[str]) -> None:
    found = study_of(evaluation(tiny, [], ["unet"]), 1)
    folds = [Measured(path).scored.statistics for path in tiny.glob("artifacts/measure/*")]
    tp, fp, fn = (np.concatenate([fold[f"overlap.{name}"] for fold in folds]) for name in ("tp", "fp", "fn"))
    dice = 2 * tp / (2 * tp + fp + fn)
    assert len(dice) == 12  # two of each of the six patients
    assert found.tuned().value == pytest.approx(100 * np.mean(dice))
    assert not list(tiny.glob("artifacts/sample/*"))
