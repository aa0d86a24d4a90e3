"""Tables that took long are kept: shown again as they were, made anew where anything has changed."""

from __future__ import annotations

import json

import pytest

from pigbench.api import kept, kept_tables
from pigbench.api.compare import Choice
from pigbench.errors import PigbenchError
from pigbench.results import write_record


@pytest.fixture
def made(monkeypatch):
    """How often tables were made; whatever there is counts as large."""
    calls = []
    make = kept_tables.read_tables

    def counted(*arguments, **options):
        calls.append(arguments)
        return make(*arguments, **options)

    monkeypatch.setattr(kept_tables, "read_tables", counted)
    monkeypatch.setattr(kept_tables, "LARGE", 0)
    return calls


@pytest.fixture
def runs(make_record, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_record(make_record(), tmp_path / "runs")
    (tmp_path / "runs" / "foreign.json").write_text("{}")
    return tmp_path / "runs"


def shown(runs, **options):
    told = []
    return kept_tables.finished_sections(runs, Choice(**options), told.append), told


def kept_files(runs):
    return sorted((runs.parent / "cache").rglob("*.json"))


def test_they_are_made_once_and_shown_alike_with_all_that_was_told(runs, made):
    first, again = shown(runs), shown(runs)
    assert len(made) == 1
    assert first == again
    assert "foreign.json: not a pigbench record" in again[1][0]


def test_what_is_asked_for_and_what_is_there_tell_tables_apart(runs, made, make_record):
    whole = shown(runs)[0]
    assert shown(runs, against="+pig_2048")[0] != whole
    assert shown(runs, by="size")[0] != whole
    assert len(made) == 3
    write_record(make_record(("ldm",), key="c" * 16), runs)
    assert "+ldm_2048" in str(shown(runs)[0])
    assert len(made) == 4


@pytest.mark.parametrize("content", ["", "{", "[1]", '[[], [{"heading": 3}]]', "\ud800"])
def test_a_damaged_file_is_made_anew(runs, made, content):
    first = shown(runs)
    (file,) = kept_files(runs)
    file.write_bytes(content.encode("utf-8", "surrogatepass"))
    assert shown(runs) == first
    assert len(made) == 2
    assert json.loads(file.read_text())[1]


def test_a_place_that_cannot_be_written_changes_nothing(runs, made, monkeypatch):
    first = shown(runs)
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/nowhere")
    assert shown(runs) == first
    assert len(made) == 2


def test_only_the_newest_are_kept_and_only_of_large_records(runs, made, monkeypatch):
    monkeypatch.setattr(kept, "MOST", 2)
    for options in ({}, {"by": "size"}, {"against": "+pig_2048"}):
        shown(runs, **options)
    assert len(kept_files(runs)) == 2
    monkeypatch.setattr(kept_tables, "LARGE", 2**40)
    shown(runs, metrics=("dice",))
    assert len(kept_files(runs)) == 2


def test_an_error_is_not_kept(runs, made):
    for _ in range(2):
        with pytest.raises(PigbenchError, match="unknown metric among the records 'dise': did you mean 'dice'"):
            shown(runs, metrics=("dise",))
    assert not kept_files(runs)
