"""Images in colour with two classes, the whole way: in by colour-coded masks, through everything built in, and out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pigbench.contracts.arrays import as_picture
from pigbench.data.phantom.colour import PhantomColour
from pigbench.data.prepare import prepare_case

SMOKE = ("--preset", "smoke", "--dataset", "tissue", "--workers", 1, "--set", "segmentation.steps=4")
COLOURS = np.array([[0, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)


@pytest.fixture(scope="module")
def home(make_home: Callable[[], Any]) -> Any:
    """A home with 24 sections of 4 patients, their masks colour-coded, on which everything has run."""
    home, source = make_home(), PhantomColour(patients=4)
    for name in ("images", "masks"):
        (home.path / "tissue" / name).mkdir(parents=True)
    for row, case in enumerate(source.cases()):
        image, mask = source.read(row, 8)
        Image.fromarray(image).save(home.path / "tissue/images" / f"{case.case_id}.png")
        Image.fromarray(COLOURS[mask]).save(home.path / "tissue/masks" / f"{case.case_id}.png")
    classes = ("--classes", "gland=#00ff00,nucleus=#0000ff")
    done = home("data", "import", "folder", "tissue", "--name", "tissue", "--patient-regex", r"(P\d+)-", *classes)
    assert done.returncode == 0, done.stderr
    assert "2 classes: gland, nucleus." in done.stdout and "In colour." in done.stdout
    done = home("run", "--generator", "all", "--controls", *SMOKE, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "left out: noise, as Noise takes grey images alone (channels = (1,)), and these are in colour" in done.stderr
    return home


NUCLEI = Path(__file__).parents[3] / "shared" / "data" / "nuclei"


@pytest.mark.skipif(not NUCLEI.is_dir(), reason="the nuclei are not here")
def test_a_rare_and_thin_class_goes_the_whole_way(make_home: Callable[[], Any]) -> None:
    """Real images in colour, in some of which a class is missing."""
    home = make_home()
    for name in ("images", "labels"):
        (home.path / name).mkdir()
        for file in sorted((NUCLEI / name).iterdir())[::8]:
            (home.path / name / file.name).write_bytes(file.read_bytes())
    classes = ("--classes", "nucleus=1,border=2")
    done = home("data", "import", "folder", ".", "--masks", "labels", *classes, "--name", "nuclei")
    assert done.returncode == 0, done.stderr
    smoke = ("--preset", "smoke", "--dataset", "nuclei", "--workers", 1, "--set", "segmentation.steps=4")
    uses = ("--use", "pretrain", "--use", "filter")
    done = home("run", "--generator", "pig", *uses, *smoke, timeout=600)
    assert done.returncode == 0, done.stderr
    rows = [row for row in table(home) if row["mean"] is not None]
    assert {row["use"] for row in rows if row["table"] == 2} == {"real", "pretrain", "filter"}
    assert {"class:nucleus", "class:border"} == {row["by"] for row in table(home, "--by", "class")}


def table(home: Any, *arguments: object) -> list[dict[str, Any]]:
    done = home("compare", "--format", "json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_everything_built_in_stands_in_the_tables(home: Any) -> None:
    rows = [row for row in table(home) if row["mean"] is not None]
    images = {row["generator"] for row in rows if row["table"] == 1}
    assert images >= {"controlnet", "ddim", "ddpm", "joint", "ldm", "pig", "segguided", "copy-paste", "shuffled"}
    arms = {row["arm"] for row in rows if row["table"] == 2}
    assert arms >= {f"real+{name}_8" for name in ("pig", "joint", "ldm", "segguided", "controlnet", "copy-paste")}
    record = json.loads(home.records[-1].read_text())
    assert record["dataset"]["classes"] == ["gland", "nucleus"]
    gates = {run["generator"]: run["verdict"] for run in record["gates"] if run["status"] == "ok"}
    assert gates["identity"] == "conditioned"
    assert all(run["agreement"] is not None for run in record["agreements"])
    assert all(len(run["shares"]) == len(run["real_shares"]) == 2 for run in record["gates"] if run["status"] == "ok")
    held_out = record["test_sets"]["held-out"]
    of_classes = [of_class["dice"] for of_class in held_out["ceiling_of_classes"]]
    assert len(of_classes) == 2
    assert min(of_classes) <= held_out["ceiling"]["dice"] <= max(of_classes)


def test_each_class_has_a_table_and_the_whole_is_their_mean(home: Any) -> None:
    whole = {(row["arm"], row["metric"]): row["mean"] for row in table(home) if row["table"] == 2}
    parts = table(home, "--by", "class")
    assert {row["by"] for row in parts} == {"class:gland", "class:nucleus"}
    of_real = [row["mean"] for row in parts if (row["arm"], row["metric"]) == ("real", "dice")]
    assert whole["real", "dice"] == pytest.approx(np.mean(of_real), abs=0.02)  # every section has both classes


def test_the_report_shows_them(home: Any) -> None:
    done = home("report", "--images", "--out", "tissue.html")
    assert done.returncode == 0, done.stderr
    page = (home.path / "tissue.html").read_text(encoding="utf-8")
    for title in ("Real pairs", "Generated: pig", "Most suspicious: joint", "Generated: copy-paste", "best cases of"):
        assert title in page, title
    assert "by class, unet" in page and "This file holds real images" in page
    assert home("report", "--out", "tissue.html").returncode == 0
    page = (home.path / "tissue.html").read_text(encoding="utf-8")
    assert "Generated: pig" in page and "neither images nor masks of the dataset" in page
    assert "Real pairs" not in page and "Generated: copy-paste" not in page and "Generated: shuffled" not in page


def test_all_segmenters_and_uses_take_them(home: Any) -> None:
    segmenters = ("unet", "unetplusplus", "deeplabv3plus", "segformer")
    chosen = [part for name in segmenters for part in ("--segmenter", name)]
    uses = ("--use", "mix:0.5", "--use", "filter+pretrain")
    done = home("run", "--generator", "copy-paste", *uses, *chosen, "--metric", "hd95", *SMOKE, timeout=600)
    assert done.returncode == 0, done.stderr
    rows = [row for row in table(home, "--metric", "hd95") if row["table"] == 2 and row["mean"] is not None]
    assert {row["segmenter"] for row in rows} == set(segmenters)
    assert {row["use"] for row in rows} >= {"mix:0.5", "filter+pretrain"}
    assert "hd95" in {row["metric"] for row in rows}


def test_samples_are_drawn_and_come_out_in_colour_with_label_maps(home: Any) -> None:
    done = home("sample", "--generator", "pig", "--sheet", "sheet.png", "--trace", "trace.png", *SMOKE)
    assert done.returncode == 0, done.stderr
    sheet = np.asarray(Image.open(home.path / "sheet.png"))
    assert (sheet[..., 0] != sheet[..., 1]).mean() > 0.1
    done = home("export", "--generator", "copy-paste", "out", *SMOKE)
    assert done.returncode == 0, done.stderr
    image = next((home.path / "out").rglob("images/00000.png"))
    assert Image.open(image).mode == "RGB"
    masks = [np.asarray(Image.open(file)) for file in (home.path / "out").rglob("masks/*.png")]
    assert set(np.unique(masks)) == {0, 1, 2}


def test_pairs_of_another_tool_are_label_maps_in_colour(home: Any) -> None:
    done = home("export", "--generator", "copy-paste", "handed", *SMOKE)
    assert done.returncode == 0, done.stderr
    pairs: Path = next((home.path / "handed").glob("*/fold-0")).parent
    done = home("evaluate", "--pairs", pairs, "--name", "tool", *SMOKE, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "real+tool_8" in {row["arm"] for row in table(home) if row["mean"] is not None}


def test_an_nnunet_dataset_names_the_classes_and_comes_back(home: Any) -> None:
    done = home("export", "--generator", "copy-paste", "--nnunet", "raw", *SMOKE)
    assert done.returncode == 0, done.stderr
    about = json.loads((home.path / "raw/dataset.json").read_text())
    assert about["labels"] == {"background": 0, "gland": 1, "nucleus": 2}
    assert list(about["channel_names"].values()) == ["R", "G", "B"]
    done = home("data", "import", "nnunet", "raw", "--name", "again")
    assert done.returncode == 0, done.stderr
    assert "2 classes: gland, nucleus." in done.stdout and "In colour." in done.stdout


def test_a_prepared_case_is_what_the_source_has(home: Any) -> None:
    """By way of files with colour-coded masks nothing is lost."""
    source = PhantomColour(patients=4)
    arrays = {tuple(np.load(file).shape): np.load(file) for file in (home.path / "runs").rglob("prepare/*/images.npy")}
    (images,) = (found for shape, found in arrays.items() if shape[1] == 3)
    expected = {prepare_case(*source.read(row, 8), 16)[0].tobytes() for row in range(len(source))}
    assert {np.ascontiguousarray(as_picture(image)).tobytes() for image in images} == expected
