"""What figures are made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pigbench.reporting.columns import case_columns, differing
from pigbench.reporting.report.cases import spreads
from pigbench.reporting.report.costs import costs, pareto
from pigbench.reporting.report.curves import by_pairs, by_use
from pigbench.reporting.report.forest import forest
from pigbench.results import merge, summarise


@pytest.fixture
def shown(make_record):
    """A group, its rows, and the column that decides."""

    def shown(*names, **about):
        (group,) = merge([make_record(*names, **about)])
        return group, summarise(group).arms, differing(case_columns(group))

    return shown


def test_the_pareto_front_is_what_nothing_cheaper_equals(shown):
    _, rows, column = shown(("a", "b", "c", "d"), (64,), trainings=3)
    arms = [row for row in rows if row.generator]
    below, *gains = [_gaining(row, gain) for row, gain in zip(arms, (-0.01, 0.01, 0.02, 0.03), strict=True)]
    gains = [below, *gains]
    assert pareto([(1.0, below)], column) == set()  # real only costs nothing
    front = pareto([(10.0, gains[1]), (20.0, gains[0]), (20.0, gains[2]), (5.0, gains[3])], column)
    assert front == {gains[3].arm}
    front = pareto([(10.0, gains[1]), (20.0, gains[0]), (20.0, gains[2]), (50.0, gains[3])], column)
    assert front == {gains[1].arm, gains[2].arm, gains[3].arm}


def _gaining(row, delta):
    return replace(row, metrics=row.metrics | {"dice": replace(row.metrics["dice"], delta=delta)})


def test_sampling_costs_what_as_many_pairs_take(make_record, factory):
    record = make_record(("pig", "ldm"), (64, 128), trainings=2)
    about = {"fold": 0, "seed": 0}
    seconds = [
        {"stage": "train", "row": f"train {name}", "wall_s": took} | about for name, took in (("pig", 100), ("ldm", 10))
    ]
    seconds += [{"stage": "sample", "row": "sample pig", "chunk": 0, "images": 256, "wall_s": 64.0} | about]
    (group,) = merge([factory.changed(record, costs=seconds)])
    drawing = costs(group, summarise(group).arms, differing(case_columns(group)), "unet")
    assert [row[:2] for row in drawing.rows] == [("+pig_64", "116.0"), ("+pig_128", "132.0")]  # ldm's samples: unknown


def test_spreads_are_means_over_trainings_and_count_missed_lesions(make_record, factory):
    record = factory.with_counts(
        make_record(("pig",), (64,), trainings=2, patients=10),
        lambda row: {"tp": 0} if row["case_id"] == "c00000" and "pig" in row["arm"] else {},
    )
    (group,) = merge([record])
    rows = summarise(group).arms
    of = spreads(group, rows, differing(case_columns(group)))
    cases = [row for row in factory.rows_of(record) if row["arm"] == "real"]
    by_hand = {row["case_id"]: [] for row in cases}
    for row in cases:
        by_hand[row["case_id"]].append(row["dice"])
    np.testing.assert_allclose(sorted(of["real"].cases), sorted(map(np.mean, by_hand.values())))
    assert len(of["real"].patients) == 10 and of["real"].missed == 0
    assert of["real+pig_64"].missed == pytest.approx(1 / len(by_hand))


def test_curves_by_pairs_want_two_numbers_of_them(shown):
    _, rows, column = shown(("pig",), (64,), trainings=3)
    assert by_pairs(rows, column) is None
    _, rows, column = shown(("pig",), (64, 128), trainings=3)
    assert [row[:2] for row in by_pairs(rows, column).rows] == [("pig", "64"), ("pig", "128")]


def test_uses_stand_side_by_side(make_record, factory):
    record = make_record(("pig",), (64,), trainings=2)
    record = factory.with_arm(record, "real+pig_64 (pretrain)", "real", use="pretrain", generator="pig", n=64)
    (group,) = merge([record])
    headings, ((name, mixed, pretrained),) = by_use(summarise(group).arms, differing(case_columns(group)))
    assert headings == ("Pairs", "mix", "pretrain") and name == "pig_64"
    assert pretrained.startswith("+0.0 [") and not mixed.startswith("+0.0 [")


def test_a_forest_without_differences_is_none(shown):
    _, rows, column = shown((), (), trainings=3)
    assert forest(rows, column, "") is None
