"""Verdicts: what the rows of a table say together."""

from __future__ import annotations

import zlib

import pytest

from pigbench.metrics.inference import CONFIDENCE
from pigbench.reporting.tables import section
from pigbench.results import merge, score_rows, summarise
from pigbench.results.described import EXTERNAL


def test_what_may_be_chance_is_no_verdict(make_record, factory):
    record = make_record(("pig",), (64,), trainings=3, patients=8)
    (group,) = merge(
        [factory.with_counts(record, lambda row: {"tp": 1 + zlib.crc32(repr(sorted(row.items())).encode()) % 97})]
    )
    assert summarise(group).arms[1].verdict == "no difference shown"


def told(make_record, factory, gains: dict[str, int], **about):
    """The summary of a record in which arms have so many more hits a case."""
    record = make_record(tuple(gains), (64,), trainings=3, **about)

    def better(row):
        of = next((gain for name, gain in gains.items() if row["arm"] == f"real+{name}_64"), 0)
        return {"tp": max(row["tp"] + of, 1)}

    (group,) = merge([factory.with_counts(record, better)])
    return summarise(group)


def test_a_verdict_is_given_by_the_simultaneous_interval(make_record, factory):
    summary = told(make_record, factory, {"pig": 300, "ldm": 0, "joint": -300})
    verdicts = {row.arm: row.verdict for row in summary.arms}
    assert verdicts["real+pig_64"] == "helps"
    assert verdicts["real+joint_64"] == "hurts"
    assert verdicts["real"] == ""
    family = summary.families["unet"]
    assert CONFIDENCE < family.level < 1 and set(family.bounds) == set(verdicts) - {"real"}
    for row in summary.arms[1:]:
        low, high = row.together
        assert low < row.metrics["dice"].low and row.metrics["dice"].high < high
        assert row.verdict == ("helps" if low > 0 else "hurts" if high < 0 else "no difference shown")
    rows = {row["arm"]: row for row in score_rows(summary) if row["metric"] == "dice" and row["table"] == 2}
    assert rows["real+pig_64"]["verdict"] == "helps"
    assert rows["real+pig_64"]["together_low"] == family.bounds["real+pig_64"][0]
    assert rows["real"]["verdict"] is None


@pytest.mark.parametrize("origin, covered", [(EXTERNAL, ()), ("a pretrained sampler", ("generator",))])
def test_seeds_of_external_pairs_are_trainings_of_the_segmenter(make_record, factory, origin, covered):
    record = make_record(("pig",), (64,), seeds=(0, 1, 2))
    generators = factory.content(record)["generators"]
    generators["pig"] |= {"image_passes": {}, "origin": origin}
    rows = [summarise(*merge([of])).arms[1] for of in (record, factory.changed(record, generators=generators))]
    assert [row.covers for row in rows] == [("patients", "segmenter", "generator"), ("patients", "segmenter", *covered)]


def test_the_luck_of_a_generator_that_trains_nothing_is_not_covered_by_one_seed(make_record, factory):
    record = make_record(("pig",), (64,), trainings=2)
    generators = factory.content(record)["generators"]
    generators["pig"] |= {"image_passes": {}}
    (group,) = merge([factory.changed(record, generators=generators)])
    notes = [note for table in section(summarise(group)).tables for note in table.notes]
    assert "not covered: the luck of a generator (one seed): pig; --seeds 3 measures it" in notes


def test_one_row_alone_is_decided_by_its_own_interval(make_record, factory):
    summary = told(make_record, factory, {"pig": 300})
    row = summary.arms[1]
    assert row.together == pytest.approx((row.metrics["dice"].low, row.metrics["dice"].high))


def test_without_a_second_training_there_is_no_verdict(make_record):
    (group,) = merge([make_record(("pig", "ldm"), (64,))])
    summary = summarise(group)
    assert {row.verdict for row in summary.arms} == {""}
    assert not summary.families["unet"].bounds


def test_records_with_and_without_repeated_trainings_share_their_luck(make_record, factory):
    often = make_record(("pig",), (64,), trainings=3, key="a" * 16)
    once = make_record(("ldm",), (64,), key="b" * 16)
    (group,) = merge([often, once])
    rows = {row.arm: row for row in summarise(group).arms}
    assert rows["real+ldm_64"].progress.trainings == 1
    assert rows["real+ldm_64"].covers == ("patients", "segmenter") and rows["real+ldm_64"].verdict


def test_rows_that_nothing_was_trained_twice_for_are_named(make_record):
    often = make_record(("pig",), (64,), trainings=3, key="a" * 16)
    once = make_record(("pig",), (64,), train_patients=(8,), key="b" * 16)
    summary = summarise(*merge([often, once]))
    first, *notes = next(table for table in section(summary).tables if table.number == 2).notes
    assert first.startswith("+pig_64 (8 patients) and what they differ from were trained once")
    assert any("over patients and the luck of training segmenters" in note for note in notes)
    assert {row.arm for row in summary.arms if row.verdict} == {"real+pig_64"}


def test_one_generator_with_two_labels_has_one_row(make_record):
    plain = make_record(("pig",), (64,), trainings=3, key="a" * 16)
    told = make_record(
        ("pig(steps=32)",), (64,), trainings=3, key="b" * 16, signatures={"pig(steps=32)": "pig@1a2b3c4d"}
    )
    assert [row.arm for row in summarise(*merge([plain, told])).arms] == ["real", "real+pig(steps=32)_64"]


def test_rows_of_a_subset_differ_from_real_cases_of_as_many_patients(make_record, factory):
    sizes = (8, None)
    summary = told(make_record, factory, {"pig": 300, "ldm": 0}, train_patients=sizes)
    assert [row.train_patients for row in summary.arms] == [8, 8, 8, None, None, None]
    assert [row.arm for row in summary.arms if row.is_base] == ["real (8 patients)", "real"]
    against = {row.arm: row.against for row in summary.arms if row.covers}
    assert against["real+pig_64 (8 patients)"] == against["real+ldm_64 (8 patients)"] == "real (8 patients)"
    assert against["real+pig_64"] == against["real+ldm_64"] == "real"
    assert {row.arm for row in summary.arms if row.verdict} == set(against) == set(summary.families["unet"].bounds)
    assert set(summary.families["unet"].detectable) == {"real (8 patients)", "real"}
    (group,) = merge([make_record(("pig",), (64,), trainings=3, train_patients=sizes)])
    to_all = {row.arm: row.against for row in summarise(group, "real").arms if row.covers}
    assert to_all == dict.fromkeys(["real (8 patients)", "real+pig_64 (8 patients)", "real+pig_64"], "real")


def test_a_subset_changes_nothing_of_the_other_rows_but_the_simultaneous_bounds(make_record):
    few, both = (merge([make_record(trainings=3, train_patients=sizes)])[0] for sizes in ((None,), (8, None)))
    alone = {row.arm: row.metrics for row in summarise(few).arms}
    beside = {row.arm: row.metrics for row in summarise(both).arms}
    assert {arm: beside[arm] for arm in alone} == alone
