"""The tables from Python: the numbers of `results.scores`, and what the command line prints."""

from __future__ import annotations

import warnings
from pathlib import Path

import polars
import pytest
from typer.testing import CliRunner

import pigbench
from pigbench.cli import app
from pigbench.results import scores, write_record

PARTS = {"mean": "mean", "sd": "sd", "delta": "delta", "low": "ci_low", "high": "ci_high"}


@pytest.fixture
def records(make_record, tmp_path: Path) -> Path:
    """Records of two protocols, one of them with a row that failed."""
    write_record(make_record(("pig", "ddpm"), (512, 2048), key="a" * 16), tmp_path)
    other = make_record(
        ("pig",), (2048,), protocol="f" * 16, key="b" * 16, failed=[("real+pig_2048", 1)], reason="<it> & broke"
    )
    for run in other.fidelity:
        run.status, run.reason = "failed", "<it> & broke"
    write_record(other, tmp_path)
    return tmp_path


def test_the_frames_hold_the_numbers_of_the_long_form(records: Path) -> None:
    tables, long = pigbench.compare(records), scores(records)
    frames = {1: tables.images, 2: tables.segmentation}
    named = {1: ["protocol", "generator", "n"], 2: ["protocol", "segmenter", "arm"]}
    assert {number: frame.height for number, frame in frames.items()} == {
        number: long.filter(polars.col("table") == number).unique(named[number]).height for number in frames
    }
    compared = 0
    for row in long.iter_rows(named=True):
        same = [polars.col(name).eq_missing(row[name]) for name in named[row["table"]]]
        (wide,) = frames[row["table"]].filter(*same).iter_rows(named=True)
        assert (wide["folds"], wide["patients"], wide["seeds"]) == (row["folds"], row["patients"], row["seeds"])
        for part, name in PARTS.items():
            assert wide.get(f"{row['metric']}_{part}") == row[name], (row["metric"], part)
            compared += row[name] is not None
    assert compared > 50
    assert set(tables.images["state"]) == {"complete", "failed"}
    assert tables.costs.height > 0 and {"wall_s", "peak_mib"} <= set(tables.costs.columns)


def test_frames_say_on_how_many_patients_and_how_pairs_were_used(make_record, tmp_path: Path) -> None:
    write_record(make_record(("pig",), (64,), trainings=3, train_patients=(4, 8, None)), tmp_path)
    tables = pigbench.compare(tmp_path)
    assert tables.images["train_patients"].to_list() == [4, 8, None]
    told = tables.segmentation.select("train_patients", "use", "trainings").rows()
    assert told == [(size, use, 3) for size in (4, 8, None) for use in ("real", "mix")]
    assert {"worth_mean", "worth_low", "worth_high"} <= set(tables.segmentation.columns)


def test_learning_curves_are_drawn_or_refused(make_record, tmp_path: Path) -> None:
    write_record(make_record(("pig",), (64,), trainings=3, train_patients=(4, 8, None)), tmp_path / "curve")
    write_record(make_record(("pig",), (64,), trainings=3), tmp_path / "point")
    pigbench.compare(tmp_path / "curve").plot(tmp_path / "curve.svg")
    assert (tmp_path / "curve.svg").stat().st_size > 1000
    with pytest.raises(
        pigbench.PigbenchError, match="no learning curve to draw: it takes records of several --train-patients"
    ):
        pigbench.compare(tmp_path / "point").plot(tmp_path / "curve.svg")
    with pytest.raises(pigbench.PigbenchError, match="a figure's name ends in .svg or .png or .pdf"):
        pigbench.compare(tmp_path / "curve").plot(tmp_path / "curve.jpeg")


def test_they_are_shown_as_the_command_line_shows_them(records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    tables = pigbench.compare(records)
    for text, format in ((str(tables), "rich"), (tables.markdown(), "markdown")):
        printed = CliRunner().invoke(app, ["compare", str(records), "--notes", "--format", format]).stdout
        assert text.strip() == printed.strip()
    monkeypatch.setenv("FORCE_COLOR", "1")  # as notebooks do
    assert repr(tables) == str(pigbench.compare(records)) and "\x1b" not in str(tables)


def test_html_holds_every_cell_and_escapes_it(records: Path) -> None:
    tables = pigbench.compare(records)
    html = tables._repr_html_()
    cells = [
        cell.text for section in tables.sections() for table in section.tables for row in table.rows for cell in row
    ]
    assert html.count("<td>") == len(cells) and html.count("<table>") == html.count("</table>") == 4
    assert "&lt;it&gt; &amp; broke" in html and "<it>" not in html
    assert "<b>" in html and "real only" in html


def test_rows_and_datasets_are_chosen_as_on_the_command_line(records: Path, make_record) -> None:
    with pytest.raises(pigbench.PigbenchError, match=r"unknown row of Table 2 '\+pig_204'"):
        pigbench.compare(records, against="+pig_204")
    with pytest.warns(UserWarning, match=r"left out: phantom, quick, without \+pig_512") as told:
        tables = pigbench.compare(records, against="+pig_512")
    assert told[0].filename == __file__
    assert set(tables.segmentation["against"]) == {"real+pig_512", None}
    assert pigbench.compare([records], dataset="phantom").segmentation.equals(pigbench.compare(records).segmentation)
    with pytest.raises(pigbench.PigbenchError, match="unknown dataset among the records 'lgg'"):
        pigbench.compare(records, dataset=["lgg"])


def test_what_is_no_record_is_named_in_a_warning(records: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pigbench.compare(records)
    (records / "foreign.json").write_text("{}")
    with pytest.warns(UserWarning, match=r"(?s)skipped 1 file .*foreign.json: not a pigbench record"):
        pigbench.compare(records)


def test_metrics_and_sizes_are_chosen_as_on_the_command_line(make_record, tmp_path: Path) -> None:
    metrics = ("dice", "nsd", "hd95", "kid")
    write_record(make_record(metrics=metrics), tmp_path)
    tables = pigbench.compare(tmp_path, metric="hd95")
    assert "HD95 mm" in str(tables) and "NSD" not in str(tables)
    assert {f"{name}_mean" for name in metrics} <= {*tables.segmentation.columns, *tables.images.columns}
    with pytest.raises(pigbench.PigbenchError, match="unknown metric among the records 'hd96': did you mean 'hd95'"):
        pigbench.compare(tmp_path, metric=["hd96"])
    by_size = pigbench.compare(tmp_path, by="size")
    assert by_size.segmentation["by"].to_list() == [
        f"size:{name}" for name in ("small", "medium", "large") for _ in "ab"
    ]
    assert by_size.images.is_empty()
    with pytest.raises(pigbench.PigbenchError, match="did you mean 'size'"):
        pigbench.compare(tmp_path, by="sise")


def test_the_frame_of_arms_has_the_verdict_and_what_decides_it(make_record, tmp_path):
    write_record(make_record(("pig", "ldm"), trainings=3), tmp_path)
    frame = pigbench.compare(tmp_path).segmentation
    assert frame["trainings"].to_list() == [3, 3, 3]
    assert frame["verdict"].to_list()[0] is None and None not in frame["verdict"].to_list()[1:]
    assert (frame["dice_together_low"] < frame["dice_low"]).to_list() == [None, True, True]
    once = make_record(("pig",), key="f" * 16, protocol="f" * 16)
    write_record(once, tmp_path / "once")
    alone = pigbench.compare(tmp_path / "once").segmentation
    assert (alone["verdict"].dtype, alone["verdict"].null_count()) == (polars.String, 2)
