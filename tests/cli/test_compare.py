"""`pigbench compare` as a user meets it."""

from __future__ import annotations

import csv
import io
import json

import pytest
import typer
from typer.testing import CliRunner

from pigbench.cli.compare import compare
from pigbench.errors import PigbenchError
from pigbench.results import SCORE_COLUMNS, write_record


@pytest.fixture
def call(tmp_path, monkeypatch):
    """The verb alone, in an empty directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    app = typer.Typer()
    app.command()(compare)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def runs(make_record, tmp_path):
    """./runs with two records of one protocol."""
    write_record(make_record(("pig",), (2048,), key="a" * 16), tmp_path / "runs" / "records")
    write_record(make_record(("ddpm",), (512,), key="b" * 16), tmp_path / "runs" / "records")
    return tmp_path / "runs"


def test_it_shows_the_records_of_runs_by_default(call, runs):
    result = call()
    assert result.exit_code == 0, result.output
    assert result.stdout.count("Table 1.") == result.stdout.count("Table 2.") == 1
    for said in ("+pig_2048", "+ddpm_512", "no masks", "real only", "folds:5"):
        assert said in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100
    assert result.stderr == ""


def test_a_path_may_be_a_record_a_directory_or_several(call, runs, make_record, tmp_path):
    apart = write_record(make_record(protocol="f" * 16), tmp_path / "elsewhere")
    assert "+pig_2048" in call(apart).stdout
    assert call(runs, apart.parent).stdout.count("Table 2.") == 2
    assert call(apart, apart.parent).stdout.count("Table 2.") == 1


def test_markdown_and_latex(call, runs):
    assert call("--format", "markdown").stdout.startswith("## phantom, preset quick")
    assert r"\begin{tabular}" in call("--format", "latex").stdout


def test_rows_go_to_the_standard_output_and_caveats_to_the_standard_error(call, make_record, tmp_path):
    failed = make_record(failed=[("real+pig_2048", 2)], banner="proves nothing", has_patient_ids=False)
    write_record(failed, tmp_path / "runs")
    of_json, of_csv = call("--format", "json"), call("--format", "csv")
    rows = json.loads(of_json.stdout)
    assert all(tuple(row) == SCORE_COLUMNS for row in rows)
    assert len(rows) == len(list(csv.DictReader(io.StringIO(of_csv.stdout)))) == 5 + 2 * 8
    for said in ("proves nothing", "no patient ids", "FAILED, 4/5 folds done; fold 2: RuntimeError: out of memory"):
        assert said in of_json.stderr and said in of_csv.stderr


def test_the_papers_numbers_come_only_when_asked_for(call, runs):
    assert "60.54" not in call().stdout
    shown = call("--paper").stdout
    assert "60.54" in shown and "not comparable, reference only" in shown
    rows = json.loads(call("--paper", "--format", "json").stdout)
    assert {row["mean"] for row in rows if row["protocol"] == "published" and row["table"] == 1} == {
        31.84,
        31.54,
        15.88,
    }


def test_what_is_no_record_is_named_skipped_and_counted(call, runs):
    for number in range(12):
        (runs / "records" / f"bad{number:02}.json").write_text("{" * number)
    result = call()
    assert result.exit_code == 0 and "+pig_2048" in result.stdout
    assert "skipped 12 files" in result.stderr
    assert "bad00.json: not JSON" in result.stderr and "and 2 more" in result.stderr


def test_the_differences_may_be_to_another_row(call, runs, make_record, tmp_path):
    write_record(make_record(("ldm",), protocol="f" * 16), tmp_path / "runs" / "records")
    result = call("--against", "+pig_2048", "--format", "markdown")
    assert "Δ Dice: to +pig\\_2048;" in result.stdout and "to:real+pig_2048|" in result.stdout
    assert "ldm" not in result.stdout and "left out: phantom, quick, without +pig_2048" in result.stderr
    (shown,) = (line for line in result.stdout.splitlines() if line.startswith("| +pig\\_2048"))
    assert shown.split(" | ")[2] == "-"
    wrong = call("--against", "+pig_204")
    assert isinstance(wrong.exception, PigbenchError)
    assert "unknown row of Table 2 '+pig_204': did you mean '+pig_2048'" in str(wrong.exception)


def of_dataset(record, name):
    record.dataset.name = name
    return record


def test_only_the_records_of_the_datasets_that_are_named(call, make_record, tmp_path):
    for number, name in enumerate(("phantom", "lgg", "busi")):
        record = of_dataset(make_record(protocol=f"{number}" * 16, key=f"{number}" * 16), name)
        write_record(record, tmp_path / "runs" / "records")
    heads = [line for line in call().stdout.splitlines() if ", preset quick:" in line]
    assert [head.partition(",")[0] for head in heads] == ["busi", "lgg", "phantom"]
    one = call("--dataset", "lgg", "--format", "markdown").stdout
    assert one.count("## lgg, preset") == 1 and "phantom" not in one and "busi" not in one
    two = json.loads(call("--dataset", "lgg", "--dataset", "busi", "--format", "json").stdout)
    assert {row["dataset"] for row in two} == {"lgg", "busi"}


@pytest.mark.parametrize(
    ("asked", "said"), [("lg", "did you mean 'lgg'?"), ("zebra", "known are lgg, phantom"), ("LGG", "'LGG'")]
)
def test_a_dataset_that_no_record_is_of_is_an_error(call, make_record, tmp_path, asked, said):
    write_record(make_record(key="a" * 16), tmp_path / "runs")
    write_record(of_dataset(make_record(protocol="f" * 16), "lgg"), tmp_path / "runs")
    for others in ((), ("--dataset", "phantom")):
        result = call(*others, "--dataset", asked)
        assert isinstance(result.exception, PigbenchError)
        assert said in str(result.exception) and str(result.exception).startswith("unknown dataset among the records")


@pytest.mark.parametrize("arguments", [(), ("runs",), ("runs", "--format", "json")])
def test_no_record_is_an_error_that_says_how_to_make_one(call, tmp_path, arguments):
    if arguments:
        (tmp_path / "runs").mkdir()
        (tmp_path / "runs" / "foreign.json").write_text("{}")
    result = call(*arguments)
    assert isinstance(result.exception, PigbenchError)
    assert "no records under runs" in str(result.exception) and "pigbench run" in str(result.exception)
    assert ("skipped 1 file " in result.stderr) == bool(arguments)


def test_a_store_whose_run_is_not_finished_says_so(call, tmp_path):
    (tmp_path / "runs" / "artifacts").mkdir(parents=True)
    assert "a run writes its record when it ends" in str(call().exception)


def test_a_path_that_does_not_exist_is_named(call):
    result = call("nowhere")
    assert isinstance(result.exception, PigbenchError)
    assert str(result.exception) == "no such file or directory: nowhere"


def test_another_metric_and_thirds_by_size(call, make_record, tmp_path):
    write_record(make_record(metrics=("dice", "nsd", "hd95")), tmp_path / "runs")
    assert "HD95 mm" in call("--metric", "hd95", "--metric", "nsd").stdout
    assert "--metric NAME shows them" in call("--notes").stdout
    rows = json.loads(call("--by", "size", "--format", "json").stdout)
    assert {row["by"] for row in rows} == {"size:small", "size:medium", "size:large"}
    of_csv = list(csv.DictReader(io.StringIO(call("--by", "size", "--format", "csv").stdout)))
    assert [row["by"] for row in of_csv] == [row["by"] for row in rows]
    assert call("--by", "size").stdout.count("lesions: 20 of 60 cases") == 3
