"""Differences of arms with their intervals, from frames of cases and in tables."""

from __future__ import annotations

import numpy as np
import polars
import pytest

from pigbench.errors import PigbenchError
from pigbench.results import Interval, cases, difference, merge, summarise, write_record


def frame(
    arms: dict[str, float], *, trainings=3, seeds=1, folds=5, patients=20, luck=1.0, of=0, **one_arm
) -> polars.DataFrame:
    """Made-up cases. arms: the true mean of each; one_arm: another number of trainings for it."""
    draw = np.random.default_rng(of)
    rows = []
    for patient in range(patients):
        common = draw.normal() * 5
        for case in range(1 + patient % 4):
            own = common + draw.normal() * 5
            rows.append((patient, f"c{patient}-{case}", own))
    found = []
    for arm, mean in arms.items():
        for seed in range(seeds):
            for training in range(one_arm.get(arm, trainings)):
                shared = draw.normal(size=folds) * luck
                for patient, case, own in rows:
                    score = mean + own + shared[patient % folds] + draw.normal()
                    found.append((arm, "unet", seed, training, patient % folds, f"p{patient}", case, score))
    names = ["arm", "segmenter", "seed", "training", "fold", "patient_id", "case_id", "dice"]
    return polars.DataFrame(found, schema=names, orient="row")


def test_it_is_what_the_table_says(make_record, tmp_path):
    write_record(make_record(("pig", "ldm"), (64, 128), trainings=3, empty=3), tmp_path)
    record = make_record(("pig", "ldm"), (64, 128), trainings=3, empty=3)
    (group,) = merge([record])
    every = cases(tmp_path)
    for row in summarise(group).arms[1:]:
        for metric in ("dice", "recall"):
            found = difference(every, row.arm, "real", metric)
            shown = row.metrics[metric]
            assert (found.delta, found.low, found.high) == pytest.approx((shown.delta, shown.low, shown.high))
            assert found.covers == row.covers == ("patients", "segmenter")


def test_it_is_what_the_table_says_against_any_row_of_any_subset(make_record, tmp_path):
    record = make_record(("pig", "ldm"), (64,), trainings=2, seeds=(0, 1), train_patients=(8, None))
    write_record(record, tmp_path)
    for base in ("real", "real+pig_64 (8 patients)"):
        for row in summarise(*merge([record]), base).arms:
            if row.covers:
                found, shown = difference(cases(tmp_path), row.arm, base), row.metrics["dice"]
                assert (found.low, found.high) == pytest.approx((shown.low, shown.high))
                assert found.covers == row.covers


def test_it_finds_a_true_difference_and_no_false_one():
    found = difference(frame({"real": 50, "real+pig_64": 60, "real+ldm_64": 50}), "real+pig_64", "real")
    assert isinstance(found, Interval)
    assert found.low < 10 < found.high and found.low > 5
    none = difference(frame({"real": 50, "real+pig_64": 60, "real+ldm_64": 50}), "real+ldm_64", "real")
    assert none.low < 0 < none.high
    assert (none.patients, none.delta) == (20, pytest.approx((none.low + none.high) / 2))


def test_the_order_of_rows_does_not_matter_and_turning_it_round_turns_the_sign():
    every = frame({"real": 50, "a": 51, "b": 52})
    there = difference(every, "a", "b")
    assert difference(every.sample(fraction=1, shuffle=True, seed=1), "a", "b") == there
    back = difference(every, "b", "a")
    assert (back.delta, back.low, back.high) == pytest.approx((-there.delta, -there.high, -there.low))


def test_an_arm_trained_once_borrows_the_luck_of_the_others():
    every = frame({"real": 50, "a": 50}, a=1, real=5, luck=4.0)
    found = difference(every, "a", "real")
    assert found.covers == ("patients", "segmenter")
    alone = difference(every.filter(polars.col("training") == 0), "a", "real")
    assert alone.covers == ("patients",)
    assert found.error > 1.3 * alone.error


def test_seeds_are_generators_where_there_is_one():
    every = frame({"real": 50, "a": 50}, seeds=3, trainings=1)
    assert difference(every, "a", "real").covers == ("patients", "segmenter", "generator")
    told = every.with_columns(generator=polars.lit(None, dtype=polars.String))
    assert difference(told, "a", "real").covers == ("patients", "segmenter")


def test_the_luck_of_generators_is_covered_if_it_is_known_of_both_arms():
    every = polars.concat([frame({"real": 50, "a": 50}, seeds=3, trainings=1), frame({"b": 50}, trainings=3)])
    every = every.with_columns(generator=polars.when(polars.col("arm") != "real").then("arm"))
    covers = {
        (arm, base): difference(every, arm, base).covers for arm, base in (("a", "b"), ("a", "real"), ("real", "a"))
    }
    assert covers["a", "b"] == ("patients", "segmenter")
    assert covers["a", "real"] == covers["real", "a"] == ("patients", "segmenter", "generator")


def test_trainings_that_lack_a_fold_and_cases_of_one_arm_alone_do_not_count():
    every = frame({"real": 50, "a": 51})
    less = every.filter((polars.col("arm") != "a") | (polars.col("training") != 2) | (polars.col("fold") != 0))
    without = every.filter((polars.col("arm") != "a") | (polars.col("training") != 2))
    assert difference(less, "a", "real") == difference(without, "a", "real")
    unscored = every.with_columns(
        dice=polars.when((polars.col("arm") == "a") & (polars.col("training") == 2)).then(None).otherwise("dice")
    )
    assert difference(unscored, "a", "real") == difference(without, "a", "real")
    one_arm = every.filter((polars.col("arm") != "a") | (polars.col("case_id") != "c3-3"))
    neither = every.filter(polars.col("case_id") != "c3-3")
    assert difference(one_arm, "a", "real") == difference(neither, "a", "real")


def test_cases_without_a_score_leave_the_mean_alone():
    every = frame({"real": 50, "a": 51})
    hole = (polars.col("case_id") == "c0-0") & (polars.col("arm") == "a")
    for nothing in (None, float("nan")):
        holed = every.with_columns(dice=polars.when(hole).then(nothing).otherwise("dice"))
        means = holed.filter(polars.col("dice").is_not_nan()).group_by("arm").agg(polars.col("dice").mean())
        expected = dict(means.iter_rows())
        assert difference(holed, "a", "real").delta == pytest.approx(expected["a"] - expected["real"])


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("b", "real"), "unknown arm 'b'"),
        (("a", "rael"), "unknown arm 'rael': did you mean 'real'"),
        (("a", "real", "dise"), "unknown metric 'dise': did you mean 'dice'"),
        (("a", "a"), "no difference of 'a' to 'a'"),
    ],
)
def test_what_cannot_be_is_refused(asked, said):
    with pytest.raises(PigbenchError, match=said):
        difference(frame({"real": 50, "a": 51}), *asked)


def test_two_segmenters_are_told_apart():
    one = frame({"real": 50, "a": 51})
    other = frame({"real": 50, "a": 80}, of=1).with_columns(segmenter=polars.lit("deeplabv3plus"))
    both = polars.concat([one, other])
    with pytest.raises(PigbenchError, match="choose one, segmenter='deeplabv3plus' or 'unet'"):
        difference(both, "a", "real")
    with pytest.raises(PigbenchError, match="unknown segmenter 'unit': did you mean 'unet'"):
        difference(both, "a", "real", segmenter="unit")
    assert difference(both, "a", "real", segmenter="unet") == difference(one, "a", "real")


def test_one_patient_has_no_interval():
    every = frame({"real": 50, "a": 51}, patients=1)
    with pytest.raises(PigbenchError, match="two arms with cases of two patients"):
        difference(every, "a", "real")


def test_cases_of_two_protocols_are_refused():
    one = frame({"real": 50, "a": 51}).with_columns(protocol=polars.lit("x"))
    with pytest.raises(PigbenchError, match="cases of several protocols"):
        difference(polars.concat([one, one.with_columns(protocol=polars.lit("y"))]), "a", "real")
