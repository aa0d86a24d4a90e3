"""Which repeats of a row count: more data must not spoil what is there as a whole."""

from __future__ import annotations

import pytest

from pigbench.reporting.tables import section
from pigbench.results import merge, summarise


@pytest.fixture
def interrupted(make_record, factory):
    """Two records: three trainings in every fold, and the same with a fourth one in the first fold alone."""
    whole = make_record(("pig",), (64,), trainings=3)
    plan = [(fit, place) for place, fit in enumerate(factory.content(whole)["fits"])]
    fourth = [(fit | {"training": 3}, place) for fit, place in plan if not fit.get("training") and not fit["fold"]]
    return whole, factory.with_fits(whole, plan + fourth, key="b" * 16)


def test_a_training_that_lacks_folds_is_left_out_and_named(interrupted):
    before, after = (summarise(*merge([record])) for record in interrupted)
    for row, same in zip(before.arms, after.arms, strict=True):
        assert same.progress.state == "complete" and same.progress.trainings == 3
        assert (same.metrics, same.verdict, same.together) == (row.metrics, row.verdict, row.together)
    notes = [note for table in section(after).tables for note in table.notes]
    assert "+pig_64, unet: left out, as folds are missing: seed 0, training 3 (1 of 5 folds)" in notes
    assert not any("left out, as folds" in note for table in section(before).tables for note in table.notes)


def test_a_seed_that_lacks_folds_is_left_out_of_both_tables(make_record, factory):
    whole = make_record(("pig",), (64,), seeds=(0, 1))
    content = factory.content(whole)
    plan = [
        (fit, place) for place, fit in enumerate(content["fits"]) if (fit["seed"], fit["fold"]) not in ((1, 3), (1, 4))
    ]
    fidelity = [run for run in content["fidelity"] if (run["seed"], run["fold"]) != (1, 3)]
    partial = summarise(*merge([factory.with_fits(whole, plan, fidelity=fidelity)]))
    one = summarise(*merge([make_record(("pig",), (64,))]))
    for rows, others in ((partial.arms, one.arms), (partial.generators, one.generators)):
        assert [row.metrics for row in rows] == [row.metrics for row in others]
        assert [row.progress.seeds for row in rows] == [(0,)] * len(others)


def test_a_repeat_that_failed_is_shown_as_failed(make_record):
    once = make_record(("pig",), (64,))
    failed = make_record(("pig",), (64,), seeds=(1,), failed=[("real+pig_64", 3)], key="b" * 16)
    assert summarise(*merge([once, failed])).arms[1].progress.state == "failed"


def test_where_no_repeat_is_whole_the_folds_that_are_there_count(make_record, factory):
    record = factory.without_folds(make_record(("pig",), (64,), trainings=2), "real+pig_64", [1])
    progress = summarise(*merge([record])).arms[1].progress
    assert (progress.state, progress.folds, progress.left_out) == ("partial", 4, ())
