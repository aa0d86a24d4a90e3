"""Withdrawn records: left out, said so, and shown marked on demand."""

from __future__ import annotations

from pathlib import Path

import pytest

import pigbench
from pigbench.results import load_records, withdrawn, write_record
from pigbench.results.withdrawn import Withdrawal

PUBLISHED = Path(__file__).parents[2] / "results"


@pytest.fixture
def runs(make_record, tmp_path, monkeypatch):
    """A right record and a wrong one, of one protocol."""
    wrong = Withdrawal("masks were shifted by a pixel", keys=frozenset({"b" * 16}))
    monkeypatch.setattr(withdrawn, "WITHDRAWN", (wrong,))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_record(make_record(("pig",), (64,), key="a" * 16), tmp_path / "runs")
    write_record(make_record(("ldm",), (64,), key="b" * 16), tmp_path / "runs")
    return tmp_path / "runs"


def test_they_are_left_out_and_named_with_the_reason(runs):
    with pytest.warns(UserWarning, match="left out, as withdrawn .*bbbbbbbb: masks were shifted by a pixel"):
        text = str(pigbench.compare(runs))
    assert "+pig_64" in text and "ldm" not in text


def test_on_demand_they_are_shown_and_marked(runs):
    text = str(pigbench.compare(runs, withdrawn=True))
    assert "+ldm_64" in text
    assert "WITHDRAWN, and shown because it was asked for: masks were shifted by a pixel" in text


def test_a_version_can_be_withdrawn_and_then_nothing_is_left(runs, monkeypatch):
    monkeypatch.setattr(withdrawn, "WITHDRAWN", (Withdrawal("all wrong", versions=frozenset({"0.1.0"})),))
    with pytest.raises(pigbench.PigbenchError, match="no other records: left out, as withdrawn .*: all wrong"):
        pigbench.compare(runs)


def test_a_corrected_record_of_the_same_key_stays(runs, make_record, monkeypatch, factory):
    monkeypatch.setattr(withdrawn, "WITHDRAWN", (Withdrawal("all wrong", versions=frozenset({"0.0.9"})),))
    record = make_record(("joint",), (64,), key="c" * 16)
    write_record(factory.changed(record, provenance={"pigbench": "0.0.9"}), runs / "wrong")
    write_record(record, runs / "right")
    with pytest.warns(UserWarning, match="cccccccc: all wrong"):
        assert "+joint_64" in str(pigbench.compare(runs))


def test_a_superseded_protocol_comes_last_and_says_why(make_record, tmp_path):
    old, why = next(iter(withdrawn.SUPERSEDED.items()))
    new = "f" * len(old)  # which comes after it otherwise
    write_record(make_record(protocol=old, key="a" * 16), tmp_path)
    write_record(make_record(protocol=new, key="b" * 16), tmp_path)
    text = pigbench.compare(tmp_path).markdown()
    assert (
        text.index(f"protocol {new}") < text.index(f"protocol {old}") < text.index("**superseded by a later protocol")
    )
    assert why in text


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="not part of a source distribution")
def test_no_published_record_is_withdrawn():
    records, _ = load_records([PUBLISHED])
    assert {withdrawn.why_withdrawn(record) for record in records} == {""}
