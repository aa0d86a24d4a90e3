"""Whether masks are followed: which measure decides, and by what."""

from __future__ import annotations

import numpy as np
import pytest

from pigbench.results import merge, score_rows, summarise
from pigbench.results.conditioning import agreements, conditioned, contrasts

RUNS = [{"generator": "pig", "n": 64, "seed": 0, "fold": fold, "status": "ok"} for fold in range(5)]
REAL = {"real": 0.6, "real_30": 0.45, "real_50": 0.35, "real_chance": 0.1}
REAL_CONTRAST = {"real": 0.2, "real_30": 0.14, "real_50": 0.1}


@pytest.fixture
def measured(make_record, factory):
    """The group of a record with an agreement, and with a contrast, as (value, whether it tells); None for neither."""

    def group(agreement=None, contrast=None):
        parts = {}
        if agreement:
            value, tells = agreement
            about = REAL | {"agreement": value, "chance": 0.1, "tells": tells, "segmenter": "unet"}
            parts["agreements"] = [run | about for run in RUNS]
        if contrast:
            value, tells = contrast
            about = REAL_CONTRAST | {"contrast": value, "ratio": value / 0.2, "tells": tells}
            parts["gates"] = [run | about for run in RUNS]
        (found,) = merge([factory.changed(make_record(("pig",), (64,)), **parts)])
        return found

    return group


@pytest.mark.parametrize(
    ("agreement", "contrast", "said"),
    [
        ((0.6, True), (0.2, True), True),
        ((0.35, True), (0.1, True), False),  # as real pairs of which half are foreign
        ((0.35, True), (0.2, True), True),  # images unlike real ones
        ((0.6, True), (0.0, True), True),  # lesions that differ in texture alone
        ((0.35, False), (0.2, True), True),
        ((0.35, True), (0.2, False), False),
        ((0.6, False), (0.1, True), False),
        ((0.6, False), (0.2, False), None),
        (None, (0.1, True), False),
        ((0.35, True), None, False),
        (None, None, None),
    ],
)
def test_what_tells_intact_from_half_foreign_pairs_decides(measured, agreement, contrast, said):
    group = measured(agreement, contrast)
    pairs = ("pig", 64, None)
    assert conditioned(agreements(group).get(("unet", pairs)), contrasts(group).get(pairs)) is said
    (row,) = [row for row in summarise(group).arms if row.generator]
    assert row.conditioned is said and row.ranked is (said is not False)


def test_both_are_taken_over_chance_and_beside_real_pairs(measured):
    group = measured((0.35, True), (0.05, True))
    (found,) = agreements(group).values()
    assert (found.generated, found.real) == pytest.approx((0.35, 0.6))
    assert (found.ratio, found.foreign_30, found.foreign_50) == pytest.approx((0.5, 0.7, 0.5))
    assert found.least == pytest.approx(0.75)
    (found,) = contrasts(group).values()
    assert (found.ratio, found.foreign_50, found.least) == pytest.approx((0.25, 0.5, 0.75))


def test_a_gate_without_a_scale_keeps_its_fixed_threshold(make_record, factory):
    gates = [run | {"contrast": 0.06, "real": 0.2, "ratio": 0.3} for run in RUNS]
    (group,) = merge([factory.changed(make_record(("pig",), (64,)), gates=gates)])
    (found,) = contrasts(group).values()
    assert found.least == 0.25 and found.conditioned is True and np.isnan(found.foreign_50)


def test_rows_hold_both_measures_and_what_they_say(measured):
    long = score_rows(summarise(measured((0.35, True), (0.05, True))))
    rows = {row["metric"]: row["mean"] for row in long}
    assert (rows["agreement"], rows["agreement_real"], rows["agreement_ratio"]) == pytest.approx((0.35, 0.6, 0.5))
    assert (rows["contrast"], rows["contrast_real"], rows["contrast_ratio"]) == pytest.approx((0.05, 0.2, 0.25))
    said = {(row["table"], row["generator"]): row["conditioned"] for row in long}
    assert said == {(1, "pig"): None, (2, None): None, (2, "pig"): False}


@pytest.mark.parametrize("patients, said", [(8, None), (20, False)])
def test_pairs_of_too_few_patients_are_not_judged_even_if_these_are_all(make_record, factory, patients, said):
    about = REAL_CONTRAST | {"contrast": 0.05, "ratio": 0.25, "tells": True}
    judged = REAL | {"agreement": 0.35, "chance": 0.1, "tells": True, "segmenter": "unet"}
    parts = {"gates": [run | about for run in RUNS], "agreements": [run | judged for run in RUNS]}
    (group,) = merge([factory.changed(make_record(("pig",), (64,), patients=patients), **parts)])
    assert group.train_patients == patients * 4 / 5
    assert summarise(group).arms[1].conditioned is said


def test_filtered_arms_are_not_judged_by_pairs_that_they_did_not_keep(make_record, factory):
    about = REAL | {"agreement": 0.35, "chance": 0.1, "tells": True, "segmenter": "unet"}
    gates = [run | REAL_CONTRAST | {"contrast": 0.0, "ratio": 0.0, "tells": True} for run in RUNS]
    record = factory.changed(make_record(("pig",), (64,)), agreements=[run | about for run in RUNS], gates=gates)
    record = factory.with_arm(record, "real+pig_64 (filter)", "real+pig_64", use="filter")
    known = {row.arm: row.conditioned for row in summarise(*merge([record])).arms}
    assert known == {"real": None, "real+pig_64": False, "real+pig_64 (filter)": None}


def test_of_two_records_the_agreement_of_more_judges_is_taken(make_record, factory):
    def record(key, judges, agreement):
        about = REAL | {"agreement": agreement, "chance": 0.1, "segmenter": "unet", "judges": judges}
        return factory.changed(make_record(("pig",), (64,), key=key), agreements=[run | about for run in RUNS])

    first, second = record("a" * 16, 1, 0.4), record("b" * 16, 3, 0.5)
    for several in ([first, second], [second, first]):
        (group,) = merge(several)
        assert {run.agreement for run in group.agreements} == {0.5} and not group.conflicts
    (group,) = merge([record("a" * 16, 3, 0.4), second])
    assert len(group.conflicts) == 5
