"""Table 3 and its figure: the learning curve."""

from __future__ import annotations

import numpy as np
import pytest

from pigbench.metrics.worth import Worth
from pigbench.reporting.learning import draw_curves, told
from pigbench.reporting.report.verdict import answer
from pigbench.reporting.tables import section
from pigbench.results import merge, score_rows, summarise

SIZES = (4, 8, None)


@pytest.fixture
def learning(make_record, factory):
    """A summary in which real only gains with patients, and pairs are worth as many as there are, or nothing."""

    def summary(sizes=SIZES, trainings=3):
        record = make_record(("pig", "ddpm"), (64,), trainings=trainings, train_patients=sizes)
        gains = {4: 0, 8: 300, None: 600}

        def better(row):
            size = next((size for size in gains if size and f"({size} patients" in row["arm"]), None)
            return {"tp": row["tp"] + gains[size] + 200 * ("pig" in row["arm"])}

        (group,) = merge([factory.with_counts(record, better)])
        return summarise(group)

    return summary


def table_3(summary):
    (table,) = [table for table in section(summary).tables if table.title.startswith("Table 3")]
    return table


def test_every_line_has_a_cell_for_each_number_of_patients(learning):
    table = table_3(learning())
    assert table.headings == ("Trained on", "4 patients", "8 patients", "all (16)")
    assert [row[0].text for row in table.rows] == ["real only", "+pig_64", "+pig_64: worth in patients"]
    assert "they are conditional on the order in which patients were added" in " ".join(table.notes)


def test_worth_is_between_the_sizes_whose_scores_it_lies_between(learning):
    summary = learning()
    curve = summary.curves["unet"]
    assert curve.arms == ("real (4 patients)", "real (8 patients)", "real") and curve.sizes == (4, 8, 16)
    assert 4 < curve.worth["real+pig_64 (4 patients)"].patients < 8
    assert 8 < curve.worth["real+pig_64 (8 patients)"].patients < 16
    assert curve.worth["real+pig_64"].patients == float("inf")
    for worth in curve.worth.values():
        assert worth.low <= worth.patients <= worth.high
    rows = {row["arm"]: row for row in score_rows(summary) if row["table"] == 3}
    assert rows["real+pig_64 (4 patients)"]["mean"] == curve.worth["real+pig_64 (4 patients)"].patients
    assert rows["real+pig_64"]["mean"] is None and rows["real+pig_64 (8 patients)"]["train_patients"] == 8


def test_incomplete_rows_are_left_out_and_one_training_says_what_is_missing(learning, make_record, factory):
    record = make_record(("pig",), (64,), train_patients=(4, 8, None))
    table = table_3(summarise(*merge([factory.without_folds(record, "real+pig_64", [0])])))
    (line,) = [row for row in table.rows if row[0].text == "+pig_64"]
    assert [cell.text == "-" for cell in line] == [False, False, False, True]
    assert "over test patients only, so too narrow" in " ".join(table.notes)


def test_a_curve_that_ends_before_all_patients_says_so(learning, make_record):
    table = table_3(learning((2, 4, 8)))
    assert not any("all" in heading for heading in table.headings)
    assert told(Worth(float("inf"), 20.0, float("inf")), "more than 8") == "more than 8 [20, more than 8]"
    assert "all" not in next(note for note in table.notes if note.startswith("worth:")).partition("none:")[2]


def test_a_size_whose_real_only_failed_keeps_its_column(make_record):
    record = make_record(("pig",), (64,), trainings=3, train_patients=SIZES, failed=[("real (4 patients)", 0)])
    table = table_3(summarise(*merge([record])))
    assert table.headings[1] == "4 patients"
    lines = {row[0].text: row for row in table.rows}
    assert lines["real only"][1].text == "-" and lines["+pig_64"][1].text != "-"


def test_signatures_tell_numbers_of_patients(learning):
    summary = learning()
    assert "|train:4,8,all|" in table_3(summary).signature
    rows = [row for row in score_rows(summary) if row["table"] == 2]
    assert len({row["signature"] for row in rows if row["generator"] == "pig" and row["metric"] == "dice"}) == 3
    (table,) = [table for table in section(summary).tables if table.title.startswith("Table 2")]
    names = [row[0].text for row in table.rows if row[1].text == "no masks"]
    assert names == ["+ddpm_64 (4 patients)", "+ddpm_64 (8 patients)", "+ddpm_64"]


def test_what_too_few_patients_have_a_score_of_has_no_worth(make_record, factory):
    record = make_record(("pig",), (64,), trainings=3, train_patients=SIZES)
    scores = record.scores
    other = np.array([record.fits[fit].arm.startswith("real+") for fit in scores.fit])
    one = np.array([record.cases.patient_id[case] == "p000" for case in scores.case])
    told = {name: np.where(other & ~one, np.nan, values) for name, values in scores.scores.items()}
    columns = {"fit": scores.fit, "case": scores.case, "statistics": scores.statistics, "scores": told}
    summary = summarise(*merge([factory.changed(record, scores=columns)]))
    assert summary.curves["unet"].worth == {} and len(summary.curves["unet"].arms) == 3


def test_controls_and_what_is_left_out_are_named(make_record, factory):
    record = make_record(("pig", "copy-paste"), (64,), trainings=3, train_patients=(8, None))
    generators = factory.content(record)["generators"]
    generators["copy-paste"] |= {"control": True}
    record = factory.with_arm(factory.changed(record, generators=generators), "pig_64", "real+pig_64", use="alone")
    table = table_3(summarise(*merge([record])))
    assert {row[0].text for row in table.rows} == {"real only", "+pig_64", "+copy-paste_64"}
    assert "left out (incomplete, NOT CONDITIONED, pairs alone, or more steps): pig_64 only" in table.notes
    assert any(note.startswith("controls, ") and "+copy-paste_64 (8 patients)" in note for note in table.notes)


def test_all_patients_are_counted_before_all_folds_are_there(make_record, factory):
    record = make_record(("pig",), (64,), trainings=2)
    for arm in ("real", "real+pig_64"):
        record = factory.without_folds(record, arm, [1, 2])
    (group,) = merge([record])
    assert group.train_patients == 16
    assert "in 3 of 5 folds" in answer(summarise(group)).holds_for


def test_two_numbers_of_patients_make_a_curve_without_worth(learning):
    table = table_3(learning((8, None)))
    assert [row[0].text for row in table.rows] == ["real only", "+pig_64"]
    assert table.notes[0] == "what pairs are worth in patients takes 3 numbers of patients or more"
    assert not learning((None,)).curves


def test_what_was_done_with_one_number_of_patients_has_its_worth_too(learning, make_record):
    one = make_record(("joint",), (64,), trainings=3, train_patients=(8,), key="b" * 16)
    every = make_record(("pig",), (64,), trainings=3, train_patients=SIZES)
    table = table_3(summarise(*merge([every, one])))
    _, *cells = next(row for row in table.rows if row[0].text == "+joint_64: worth in patients")
    assert [cell.text == "-" for cell in cells] == [True, False, True]


@pytest.mark.parametrize(
    ("worth", "text"),
    [
        (Worth(14.4, 9.6, 25.0), "14 [10, 25]"),
        (Worth(0.0, 0.0, 8.2), "none [none, 8]"),
        (Worth(0.0, 0.0, 0.0), "none"),
        (Worth(float("inf"), 20.0, float("inf")), "more than all [20, more than all]"),
    ],
)
def test_worth_is_never_beyond_the_curve(worth, text):
    assert told(worth) == text


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_the_figure_is_of_the_kind_that_its_name_says(learning, tmp_path, ending):
    draw_curves([learning()], tmp_path / f"curve.{ending}")
    assert (tmp_path / f"curve.{ending}").read_bytes()[:5] == {"svg": b"<?xml", "png": b"\x89PNG\r"}[ending]
