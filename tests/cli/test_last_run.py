"""`sample` and `export` go on from the newest record, and train nothing unasked."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from pigbench.api import complete as module
from pigbench.api.complete import complete
from pigbench.api.last_run import go_on
from pigbench.api.request import Options, Setup, set_up
from pigbench.engine.driver import Outcome
from pigbench.planning.configured import with_values
from pigbench.planning.plan import Plan
from pigbench.planning.planner import sample_nodes
from pigbench.protocol import load_preset


@pytest.fixture
def leave_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A function that leaves the record of a run in which nothing was computed; newer than those before it."""
    clock = iter(range(1_000_000_000, 2_000_000_000, 10))

    def compute(setup: Setup, plan: Plan) -> Outcome:
        return Outcome(failed={node.key: "it was not tried" for node in plan.nodes()})

    def leave(setup: Setup) -> Setup:
        before = set((tmp_path / "records").glob("*"))
        with monkeypatch.context() as patched:
            patched.setattr(module, "compute", compute)
            complete(setup, "pigbench run")
        (new,) = set((tmp_path / "records").glob("*")) - before
        os.utime(new, ns=(0, next(clock) * 10**9))
        return setup

    return leave


def asked(store: Path, *changes: str, **more) -> Options:
    return Options(**({"generator": ["pig"], "preset": "smoke"} | more), set=changes, device="cpu", store=store)


def again(store: Path, **told) -> Setup:
    return set_up(go_on({"device": "cpu", "store": store} | told))


def keys(setup: Setup) -> set[str]:
    return {node.key for node in sample_nodes(setup.request)}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"folds": 3, "seed": 7, "n": [16]},
        {"set_aside": 0.25},
        {"set": ["training.images=32", "pig.guide=binary", "diffusion.steps=8"]},
        {"set": ["training.epochs=2", "segmentation.steps=7", "training.clip=false"]},
        {"preset": "demo", "generator": ["joint"]},
        {"preset": "demo", "generator": ["ldm"], "set": ["ldm.latent_channels=3", "ldm.perceptual_weight=0.5"]},
        {"generator": ["ddim", "ddpm"], "set": ["ddpm.learning_rate=0.01"]},
        {"segmenter": ["deeplabv3plus"], "set": ["segmentation.network.decoder_width=32"]},
        {"train_patients": [3]},
    ],
)
def test_what_is_left_open_is_as_it_was_in_the_newest_run(options, leave_record, tmp_path: Path) -> None:
    options = dict(options)
    leave_record(set_up(asked(tmp_path, preset="quick")))  # an older one
    run = leave_record(set_up(asked(tmp_path, *options.pop("set", ()), **options)))
    found = again(tmp_path)
    assert found.request.protocol.signature == run.request.protocol.signature
    assert found.request.generators[0].signature == run.request.generators[0].signature
    assert found.request.samples == run.request.samples
    assert keys(found) == {
        node.key
        for node in sample_nodes(run.request)
        if node.purpose.what == run.request.generators[0].label and node.purpose.seed == run.request.seeds[0]
    }


def test_of_several_subsets_it_is_the_largest_unless_another_is_given(leave_record, tmp_path: Path) -> None:
    leave_record(set_up(asked(tmp_path, train_patients=[3, 5])))
    assert again(tmp_path).request.train_patients == (5,)
    assert again(tmp_path, train_patients=3).request.train_patients == (3,)
    assert again(tmp_path, train_patients="all").request.train_patients == (None,)
    assert again(tmp_path, dataset="phantom-colour").request.train_patients == (None,)
    leave_record(set_up(asked(tmp_path, train_patients=[3, "all"])))
    assert again(tmp_path).request.train_patients == (None,)


def test_settings_that_a_study_chose_are_kept(leave_record, tmp_path: Path) -> None:
    setup = set_up(asked(tmp_path))
    tuned = with_values(setup.request.generators[0], {"pig": {"learning_rate": 0.005, "loss_weight": "sigmoid"}})
    run = leave_record(replace(setup, request=replace(setup.request, generators=(tuned,))))
    assert keys(again(tmp_path)) == keys(run)


def test_what_is_given_wins(leave_record, tmp_path: Path) -> None:
    run = leave_record(set_up(asked(tmp_path, "training.images=32", "pig.guide=binary", folds=3)))
    found = again(tmp_path, set=["pig.guide=raw"], seed=5, n=[24])
    assert found.request.seeds == (5,)
    assert found.request.samples == (24,)
    assert found.request.protocol == run.request.protocol
    assert found.request.generators[0].config.guide == "raw"
    other = again(tmp_path, folds=2).request.protocol
    assert (other.folds, other.preset) == (2, run.request.protocol.preset)
    assert again(tmp_path, preset="demo").request.protocol.preset == load_preset("demo")  # the changes were to smoke


def test_the_record_is_the_newest_of_those_that_fit_best(leave_record, tmp_path: Path) -> None:
    first = leave_record(set_up(asked(tmp_path, "training.images=32")))
    second = leave_record(set_up(asked(tmp_path, preset="demo", generator=["joint"])))
    assert again(tmp_path).request.protocol == second.request.protocol
    assert again(tmp_path, preset="smoke").request.protocol == first.request.protocol
    assert again(tmp_path, generator=["pig"]).request.protocol == first.request.protocol
    assert again(tmp_path, generator=["segguided"]).request.protocol == second.request.protocol


def test_nothing_is_taken_where_all_is_given_or_nothing_is_there(
    leave_record, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert again(tmp_path / "empty").request.protocol.preset.name == "quick"
    leave_record(set_up(asked(tmp_path, "training.images=32")))
    (tmp_path / "records" / "notes.json").write_text("{}")  # newer, and no record
    capsys.readouterr()
    whole = again(tmp_path, preset="smoke", dataset="phantom", folds=2)
    assert whole.request.protocol.preset.training.images == 64
    assert capsys.readouterr().err == ""
    again(tmp_path, preset="smoke")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"going on from {tmp_path}/records/phantom-smoke-")
    assert line.endswith(": --generator pig --n 8 --folds 2 --dataset phantom --seed 0 --set training.images=32")


def test_a_sheet_after_a_run_trains_and_samples_nothing(finished, tmp_path: Path) -> None:
    before = sorted((finished.path / "runs" / "artifacts").glob("*/*"))
    done = finished("sample", "--sheet", tmp_path / "sheet.png")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "sheet.png").is_file()
    assert "going on from runs/records/tiny-smoke-" in done.stderr.splitlines()[0]
    for out in (tmp_path / "pngs", tmp_path / "Dataset001_Tiny"):
        done = finished("export", out, *["--nnunet"] * (out.name != "pngs"))
        assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "pngs" / "pig").glob("fold-*/images/*.png"))) == 16
    assert sorted((finished.path / "runs" / "artifacts").glob("*/*")) == before


def test_missing_samples_are_made_and_missing_trainings_only_if_asked_for(finished, tmp_path: Path) -> None:
    trained = set((finished.path / "runs" / "artifacts" / "train").iterdir())
    more = finished("sample", "--generator", "ddpm", "--n", 16)
    assert more.returncode == 0, more.stderr
    refused = finished("export", tmp_path / "out", "--nnunet", "--set", "training.images=12")
    assert refused.returncode == 2
    said = refused.stderr.splitlines()[-1]
    assert said.startswith("pigbench: not trained with these settings: train pig.guider, fold 0; ")
    assert "Add --train, or " in said
    assert set((finished.path / "runs" / "artifacts" / "train").iterdir()) == trained
    done = finished("sample", "--set", "training.images=12", "--train")
    assert done.returncode == 0, done.stderr
    assert len(set((finished.path / "runs" / "artifacts" / "train").iterdir()) - trained) == 2


def test_a_record_from_before_samplers_could_be_chosen_is_gone_on_from(tmp_path: Path, leave_record) -> None:
    made = leave_record(set_up(asked(tmp_path, "diffusion.steps=8", "pig.steps=16")))
    (path,) = (tmp_path / "records").glob("*.json")
    record = json.loads(path.read_text(encoding="utf-8"))
    for settings in (record["protocol"]["preset"]["diffusion"], record["generators"]["pig(steps=16)"]["config"]):
        settings["ddim_steps"] = settings.pop("steps")
        del settings["sampler"]
    path.write_text(json.dumps(record), encoding="utf-8")
    assert keys(again(tmp_path)) == keys(made)
