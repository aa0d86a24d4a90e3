"""The command line end to end on `smoke`: run, repeat, extend, compare, look, export."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from pigbench.protocol import load_preset

SMOKE = ("--preset", "smoke", "--dataset", "tiny", "--workers", 1, "--set", "segmentation.steps=4")
ALL = ("--generator", "pig", "--generator", "ddpm", "--generator", "ddim", *SMOKE)


def artifacts(home, stage: str) -> set[str]:
    return {path.name for path in (home.path / "runs" / "artifacts" / stage).glob("*")}


def test_a_run_leaves_a_record_that_compare_shows(finished) -> None:
    assert len(finished.records) == 1
    shown = finished("compare", "--notes")
    assert shown.returncode == 0
    for text in ("Table 1", "Table 2", "pig", "ddpm", "ddim", "real only", "+pig_8", "no masks", "protocol"):
        assert text in shown.stdout
    assert "8 of 64 steps, respaced" in shown.stdout


@pytest.mark.parametrize("format", ["markdown", "latex", "csv", "json"])
def test_every_format(finished, format: str) -> None:
    shown = finished("compare", "runs", "--format", format, "--paper")
    assert shown.returncode == 0, shown.stderr
    if format == "json":
        rows = json.loads(shown.stdout)
        columns = "table protocol dataset preset generator n arm segmenter metric mean sd delta ci_low ci_high"
        assert {*columns.split(), "folds", "seeds", "patients", "signature"} <= rows[0].keys()
        assert {row["patients"] for row in rows if row["dataset"] == "tiny" and row["table"] == "2"} <= {8, "8"}


def test_the_same_as_tables(finished) -> None:
    from pigbench import results

    cases = results.cases(finished.path / "runs")
    names = "protocol dataset preset generator n arm train_patients use segmenter seed training fold"
    assert cases.columns[:15] == [*names.split(), "patient_id", "case_id", "area"]
    assert {"dice", "found", "nsd", "tp", "fp", "fn", "tn"} <= set(cases.columns)
    assert cases.filter(arm="real").height == 24  # every case is held out exactly once
    assert cases.filter(arm="real")["case_id"].n_unique() == 24
    assert (cases["tp"] + cases["fp"] + cases["fn"] + cases["tn"]).unique().to_list() == [16 * 16]
    assert not any(id_.startswith("p") and id_[1:].isdigit() for id_ in cases["patient_id"].unique())


def test_a_repeat_recomputes_nothing(finished) -> None:
    before = finished.records[0].stat().st_mtime_ns
    again = finished("run", *ALL)
    assert again.returncode == 0
    assert "Already computed" in again.stderr
    assert finished.records[0].stat().st_mtime_ns == before


def test_a_further_metric_of_a_finished_run_is_measured_and_shown_and_nothing_is_trained(finished) -> None:
    trained = {stage: artifacts(finished, stage) for stage in ("train", "sample", "fit", "predict")}
    more = finished("run", *ALL, "--metric", "hd95", "--results", "others")
    assert more.returncode == 0, more.stderr
    assert "HD95" in more.stdout
    assert {stage: artifacts(finished, stage) for stage in trained} == trained


def test_a_dry_run_says_what_is_cached_and_what_is_new(finished) -> None:
    shown = finished("run", *ALL, "--n", 24, "--dry-run")
    assert shown.returncode == 0
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert ["train", "ddpm.denoiser", "2", "2"] in [line[:4] for line in lines]
    assert ["sample", "pig", "6", "2"] in [line[:4] for line in lines]
    assert len(finished.records) == 1


def test_ddim_trained_nothing_and_more_samples_are_only_the_new_chunks(make_home) -> None:
    home = make_home()
    first = home("run", "--generator", "ddpm", *SMOKE)
    assert first.returncode == 0
    assert "already there" not in first.stderr
    made = [path.name for path in (home.path / "runs" / "artifacts").glob("*/*")]
    logged = [line for line in first.stderr.splitlines() if line.startswith("[")]
    assert len(logged) == len(made)  # a line for each stage, and no other
    assert all(re.match(r"\[\d+/\d+ stages, .*\] .*: done in \d+:\d\d$", line) for line in logged)
    trained, sampled = artifacts(home, "train"), artifacts(home, "sample")
    assert len(trained) == len(sampled) == 2
    second = home("run", "--generator", "ddim", "--generator", "ddpm", "--n", 8, "--n", 16, *SMOKE)
    assert second.returncode == 0
    every = len(list((home.path / "runs" / "artifacts").glob("*/*")))
    assert second.stderr.splitlines()[0] == f"{len(made)} of {every} stages are already there"
    assert artifacts(home, "train") == trained
    assert sampled < artifacts(home, "sample")
    assert len(artifacts(home, "sample")) == 2 * 2 * 2  # generators × folds × chunks
    rows = json.loads(home("compare", "--format", "json").stdout)
    assert {(row["generator"], row["n"]) for row in rows if row["metric"] == "kid"} >= {
        ("ddpm", 8),
        ("ddpm", 16),
        ("ddim", 16),
    }


def test_samples_can_be_seen_traced_and_exported(finished) -> None:
    from PIL import Image

    done = finished("sample", "--generator", "pig", *SMOKE, "--sheet", "sheet.png", "--trace", "trace.png")
    assert done.returncode == 0, done.stderr
    for name in ("sheet.png", "trace.png"):
        assert Image.open(finished.path / name).size[0] > 300
    done = finished("export", "out", "--generator", "pig", *SMOKE)
    assert done.returncode == 0, done.stderr
    image = np.asarray(Image.open(finished.path / "out/pig/fold-0/images/00000.png"))
    mask = np.asarray(Image.open(finished.path / "out/pig/fold-1/masks/00007.png"))
    assert image.shape == mask.shape == (16, 16)
    assert image.dtype == np.uint16
    assert set(np.unique(mask)) <= {0, 255}
    seals = {json.loads((finished.path / f"out/pig/fold-{k}/manifest.json").read_text())["seal"] for k in (0, 1)}
    assert len(seals) == 2
    again = finished("export", "out", "--generator", "pig", *SMOKE)
    assert again.returncode == 2
    assert "not empty" in again.stderr


def test_the_store_can_be_listed_and_verified(finished) -> None:
    assert "train" in finished("store", "ls").stdout
    verified = finished("store", "verify")
    assert verified.returncode == 0
    assert "0 damaged" in verified.stdout


def test_the_store_knows_what_a_runs_artifacts_are_for(finished) -> None:
    for by, name in (("dataset", "tiny"), ("preset", "smoke")):
        listed = finished("store", "ls", "--by", by).stdout.splitlines()
        assert [line.split()[0] for line in listed] == [name, "total"]
    doomed = finished("store", "gc", "--dataset", "tiny", "--stage", "sample").stdout.splitlines()
    samples = list((finished.path / "runs" / "artifacts" / "sample").iterdir())
    assert len(doomed) == len(samples) + 1 and samples


@pytest.mark.parametrize("what", ["generators", "segmenters", "metrics", "datasets", "presets", "extractors"])
def test_listings(finished, what: str) -> None:
    rows = json.loads(finished("list", what, "--format", "json").stdout)
    names = {row["name"] for row in rows}
    known = {"generators": "noise", "segmenters": "unet", "metrics": "nsd", "datasets": "tiny", "presets": "quick"}
    assert known.get(what, "inception") in names
    assert finished("list", what).returncode == 0


def test_every_setting_is_listed_as_set_takes_it(finished) -> None:
    from pigbench.api.settings import changed_preset, split_changes

    rows = json.loads(finished("list", "settings", "--preset", "smoke", "--format", "json").stdout)
    values = {row["name"]: row["value"] for row in rows}
    assert values["training.images"] == 64
    assert values["pig.steps"] == 4
    assert {"pig.guide", "unet.pretrained"} <= values.keys()
    own, general = split_changes([f"{name}={json.dumps(value)}" for name, value in values.items() if value is not None])
    assert changed_preset("smoke", general, ["pig"], ["unet"]) == load_preset("smoke")
    assert own["pig"]["guide"] == values["pig.guide"]
    assert "[false, false]" in finished("list", "settings", "--preset", "smoke").stdout


def test_no_path_of_this_machine_in_a_record(finished) -> None:
    text = finished.records[0].read_text()
    assert str(Path(finished.path)) not in text
    assert "p0_0" not in text


def test_the_parts_of_the_way_have_verbs_of_their_own(finished) -> None:
    trained = finished("train", *ALL)
    assert trained.returncode == 0, trained.stderr
    assert len(trained.stdout.splitlines()) == 6  # PIG's two components and DDPM's one, in two folds
    shown = finished("data", "show", "tiny", "--out", "tiny.png")
    assert shown.returncode == 0, shown.stderr
    assert (finished.path / "tiny.png").is_file()
    examined = finished("doctor")
    assert "generator pig" in examined.stdout
    assert "WRONG generator absent" in examined.stdout
    assert examined.returncode == 1


def test_a_record_says_what_every_kind_of_work_cost(finished) -> None:
    rows = json.loads(finished("compare", "--format", "json", "--costs").stdout)
    measured = {(row["arm"], row["metric"]) for row in rows if row["table"] in (4, "4")}
    for work in ("train pig", "segment unet on real", "segment unet on real+pig_8"):
        assert {(work, name) for name in ("wall_s", "cpu_s", "images_per_s", "parameters")} <= measured
    (batch,) = {cost["images"] / 4 for cost in recorded_costs(finished) if cost["stage"] == "fit"}
    assert batch == load_preset("smoke").segmentation.batch
    (hardware,) = json.loads(finished.records[0].read_text())["provenance"]["hardware"]
    assert hardware


def recorded_costs(home) -> list[dict]:
    return json.loads(home.records[0].read_text())["costs"]


def test_seeds_widen_what_the_interval_covers(make_home) -> None:
    home = make_home()
    done = home("run", "--generator", "noise", "--seeds", 2, *SMOKE)
    assert done.returncode == 0, done.stderr
    assert "over patients and the luck of training segmenters" in " ".join(done.stdout.split())
    rows = json.loads(home("compare", "--format", "json").stdout)
    assert {row["seeds"] for row in rows} == {2}


def test_the_phantom_is_compared_with_fresh_patients(make_home) -> None:
    home = make_home()
    done = home("run", "--generator", "noise", "--preset", "smoke", "--set", "segmentation.steps=2")
    assert done.returncode == 0, done.stderr
    record = json.loads(home.records[0].read_text())
    assert {run["reference"] for run in record["fidelity"]} == {"fresh patients"}
    assert {run["n_reference"] for run in record["fidelity"]} == {16}
    assert record["dataset"]["patients"] == 80


def test_an_nnunet_dataset_keeps_the_folds_apart(finished, tmp_path) -> None:
    done = finished("export", tmp_path / "Dataset001_Tiny", "--generator", "pig", "--nnunet", *SMOKE)
    assert done.returncode == 0, done.stderr
    assert "24 real and 16 generated cases" in done.stdout
    folds = json.loads((tmp_path / "Dataset001_Tiny" / "splits_final.json").read_text())
    assert len(folds) == 2
    labels = {path.stem for path in (tmp_path / "Dataset001_Tiny" / "labelsTr").iterdir()}
    validated = [set(fold["val"]) for fold in folds]
    assert validated[0].isdisjoint(validated[1])
    assert len(validated[0] | validated[1]) == 24  # the real cases, each once
    generated = [set(fold["train"]) - validated[1 - number] for number, fold in enumerate(folds)]
    assert [len(own) for own in generated] == [8, 8]
    assert generated[0].isdisjoint(generated[1])
    assert labels == validated[0] | validated[1] | generated[0] | generated[1]
