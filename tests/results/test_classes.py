"""Records of several classes: means over classes in the tables, and each class by itself."""

from __future__ import annotations

import numpy as np
import pytest

from pigbench.reporting import render
from pigbench.reporting.tables import section
from pigbench.results import cases, merge
from pigbench.results.classes import by_class
from pigbench.results.group import Group
from pigbench.results.record import Record
from pigbench.results.sizes import by_size
from pigbench.results.summary import summarise


@pytest.fixture
def of_two(make_record, factory) -> Record:
    """A record whose second class scores half of the first, and has no score in every third row."""
    return factory.with_two_classes(make_record(), ["gland", "nucleus"])


def dice(group: Group, arm: str = "real") -> float:
    return next(row.metrics["dice"].mean for row in summarise(group).arms if row.arm == arm)


def test_a_table_is_of_means_over_the_classes_that_a_case_has(of_two: Record) -> None:
    (group,) = merge([of_two])
    for trial in group.trials:
        first, second = (of.scores["dice"] for of in trial.classes)
        expected = np.where(np.isnan(second), first, (first + second) / 2)
        np.testing.assert_allclose(trial.scores["dice"], expected)


def test_each_class_has_a_table(of_two: Record, make_record) -> None:
    (group,), (alone,) = merge([of_two]), merge([make_record()])
    first, second = by_class(group)
    assert (first.part.by, second.part.by) == ("class:gland", "class:nucleus")
    assert dice(first) == pytest.approx(dice(alone))
    assert dice(second) < dice(group) < dice(first)
    assert by_class(alone) == []


def test_a_class_counts_the_cases_that_have_it(of_two: Record) -> None:
    (group,) = merge([of_two])
    for of_class, count in zip(by_class(group), (60, 40), strict=True):
        assert {row.cases for row in summarise(of_class).arms} == {count}
    text = render.markdown([section(*map(summarise, by_class(group)))])
    assert "mean over 60 cases of 20 patients" in text and "mean over 40 cases of 20 patients" in text
    assert "excluded, truth and prediction empty, over all trainings: real only 20, +pig\\_2048 20" in text


def test_a_table_of_means_says_over_which_classes(of_two: Record) -> None:
    (group,) = merge([of_two])
    assert "that are predicted: gland, nucleus; --by class" in render.markdown([section(summarise(group))])
    assert "that are predicted" not in render.markdown([section(*map(summarise, by_class(group)))])


def test_each_class_has_a_ceiling_of_its_own(make_record, factory) -> None:
    content = factory.content(factory.with_two_classes(make_record(ceiling={"dice": 0.6}), ["gland", "nucleus"]))
    content["test_sets"]["held-out"]["ceiling_of_classes"] = [{"dice": 0.8}, {"dice": 0.4}]
    (group,) = merge([Record.model_validate(content)])
    assert [of_class.ceiling for of_class in by_class(group)] == [{"dice": 0.8}, {"dice": 0.4}]
    assert group.ceiling == {"dice": 0.6}
    content["test_sets"]["held-out"]["ceiling_of_classes"].pop()
    with pytest.raises(ValueError, match="ceilings of 1 classes"):
        Record.model_validate(content)


def test_a_note_says_how_many_masks_have_each_class(of_two: Record, factory) -> None:
    content = factory.content(of_two)
    about = {"generator": "pig", "n": 2048, "seed": 0, "status": "ok", "real_shares": [1.0, 0.25]}
    content["gates"] = [about | {"fold": 0, "shares": [1.0, 0.0]}, about | {"fold": 1, "shares": [0.5, 0.1]}]
    (group,) = merge([Record.model_validate(content)])
    assert "masks with gland, nucleus, % (real pairs 100.0, 25.0): pig\\_2048 75.0, 5.0" in render.markdown(
        [section(summarise(group))]
    )


def test_a_class_that_no_training_mask_has_is_named(of_two: Record, factory) -> None:
    content = factory.content(of_two)
    about = {"generator": "pig", "n": 2048, "seed": 0, "status": "ok", "shares": [1.0, 0.0]}
    content["gates"] = [about | {"fold": fold, "real_shares": [1.0, 0.2 * fold]} for fold in range(3)]
    (group,) = merge([Record.model_validate(content)])
    told = render.markdown([section(summarise(group))])
    assert "no training mask of fold 0 has nucleus, so nobody can learn it there" in told
    assert "no training mask of fold 1" not in told and "has gland, so" not in told


def test_counts_are_over_all_classes_and_say_so(make_record, factory) -> None:
    record = make_record(metrics=("dice", "false_alarms"))
    metrics = factory.content(record)["metrics"]
    outcomes = ("missed", "false_alarm", "both_empty")
    metrics["false_alarms"]["empty"] = dict.fromkeys(outcomes, "computed")
    two = factory.with_two_classes(factory.changed(record, metrics=metrics), ["gland", "nucleus"])
    (group,) = merge([two])
    notes = [note for table in section(summarise(group)).tables for note in table.notes]
    assert "False alarms: a mean over all 2 classes, whatever a case has" in notes


def test_thirds_by_size_are_cut_in_every_class(of_two: Record) -> None:
    (group,) = merge([of_two])
    small = by_size(group)[0]
    assert all(len(of.scores["dice"]) == len(trial.cases) for trial in small.trials for of in trial.classes)


def test_merging_twice_changes_nothing_and_another_class_score_is_a_conflict(of_two: Record, factory) -> None:
    (once,), (twice,) = merge([of_two]), merge([of_two, factory.changed(of_two, key="another-key")])
    assert once.trials == twice.trials and not twice.conflicts
    content = factory.content(of_two)
    content["key"] = "another-key"
    other = Record.model_validate(content)
    other.scores.scores["dice"][3] += 0.01  # the second class of the second case
    (group,) = merge([of_two, other])
    assert len(group.conflicts) == 1


def without(record: Record, dropped) -> dict:
    """The record's scores without the rows that are True."""
    scores, kept = record.scores, ~dropped
    return {
        "fit": scores.fit[kept],
        "case": scores.case[kept],
        "class": scores.class_[kept],
        "statistics": {name: values[kept] for name, values in scores.statistics.items()},
        "scores": {name: values[kept] for name, values in scores.scores.items()},
    }


def test_a_class_that_lacks_cases_is_refused(of_two: Record, factory) -> None:
    content, part = factory.content(of_two), without(of_two, np.arange(len(of_two.scores)) == 1)
    with pytest.raises(ValueError, match=r"\d+ of \d+ cases"):
        Record.model_validate(content | {"scores": part})


def test_a_failed_fit_fails_alone(of_two: Record, make_record, factory) -> None:
    part = without(of_two, of_two.scores.fit == 0)
    content = factory.content(of_two)
    content["fits"][0] |= {"status": "failed", "reason": "out of memory"}
    (group,) = merge([Record.model_validate(content | {"scores": part})])
    (failed,) = (trial for trial in group.trials if trial.status == "failed")
    assert not len(failed.cases) and all(len(of.cases) == 0 for of in failed.classes)
    assert dice(group, "real+pig_2048") > 0


def test_the_frame_of_cases_can_have_a_row_a_class(of_two: Record, tmp_path) -> None:
    (tmp_path / "one.json").write_text(of_two.model_dump_json())
    whole, each = cases(tmp_path), cases(tmp_path, by_class=True)
    assert len(each) == 2 * len(whole) and set(each["class"]) == {"gland", "nucleus"}
    assert "class" not in whole.columns
    assert each["tp"].null_count() == 0
