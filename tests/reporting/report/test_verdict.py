"""The answer in words."""

from __future__ import annotations

import pytest

from pigbench.reporting.report.verdict import MOST_CAVEATS, answer
from pigbench.results import merge, summarise
from pigbench.results.withdrawn import Withdrawal


@pytest.fixture
def answered(make_record, factory):
    """A function from lesions' pixels that `+pig` finds besides to the answer."""

    def answered(besides=0, change=lambda record: record, **about):
        about = {"trainings": 3, "patients": 40} | about
        record = make_record(("pig",), (64,), **about)

        def better(row):
            added = besides if "pig" in row["arm"] else 0
            return {"tp": max(row["tp"] + added, 0), "fn": max(row["fn"] - added, 0)}

        record = factory.with_counts(record, better) if besides else record
        (group,) = merge([change(record)])
        return answer(summarise(group))

    return answered


def test_a_verdict_names_the_difference_that_decides_it(answered):
    (helps,), (hurts,) = answered(40).sentences, answered(-40).sentences
    assert helps.startswith("pig's pairs help with all 32 training patients (+") and helps.endswith("] Dice).")
    assert hurts.startswith("pig's pairs hurt with all 32 training patients (-")


def test_numbers_of_patients_are_told_apart(answered):
    (sentence,) = answered(40, train_patients=(8, None)).sentences
    assert "help with 8 training patients (+" in sentence and "] Dice), with all 32 training patients (+" in sentence


def test_without_a_verdict_the_reason_is_told(answered, factory):
    once = answered(trainings=1).sentences[0]
    assert once.startswith("pig: no verdict with all 32 training patients (") and once.endswith(
        "luck of a training is unknown."
    )
    failed = answered(failed={("real+pig_64", 0)}).sentences[0]
    assert failed == "pig: no verdict with all 32 training patients, as it FAILED."
    partial = answered(change=lambda record: factory.without_folds(record, "real+pig_64", (1,)))
    assert partial.sentences[0] == "pig: no verdict with all 32 training patients, as folds are missing."


def test_the_gravest_caveats_come_first_and_are_few(answered):
    caveats = answered(trainings=1, patients=8, has_patient_ids=False, banner="proves nothing").caveats
    assert len(caveats) == MOST_CAVEATS
    assert caveats[0] == "proves nothing" and "no patient ids" in caveats[1] and "trained once" in caveats[2]


def test_what_must_be_said_is_never_cut(answered, monkeypatch):
    monkeypatch.setattr("pigbench.results.withdrawn.WITHDRAWN", (Withdrawal("shifted", versions=frozenset({"0.1.0"})),))
    many = {"banner": "proves nothing", "has_patient_ids": False, "trainings": 1, "patients": 8}
    caveats = answered(**many).caveats
    assert "WITHDRAWN, and shown because it was asked for: shifted" in caveats
    assert len(caveats) == MOST_CAVEATS


def test_without_dice_nobody_says_that_luck_is_unknown(answered):
    (sentence,) = answered(metrics=("iou",)).sentences
    assert sentence.endswith("as verdicts go by Dice, which was not measured.")


def test_the_luck_of_a_generator_is_not_asked_of_pairs_that_nobody_trained(answered, factory):
    assert any("another training of pig may differ" in caveat for caveat in answered().caveats)

    def from_outside(record):
        info = factory.content(record)["generators"]["pig"] | {"image_passes": {}}
        return factory.changed(record, generators={"pig": info})

    assert not any("another training" in caveat for caveat in answered(change=from_outside).caveats)


def test_what_it_holds_for_is_said(answered):
    holds = answered().holds_for
    for part in (
        "phantom",
        "32 × 32 pixels",
        "40 patients in 5 folds",
        "3 trainings",
        "preset quick",
        "pairs used by mix",
    ):
        assert part in holds
