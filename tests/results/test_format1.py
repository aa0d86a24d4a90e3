"""Format 1, as published: what it becomes when it is read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pigbench.reporting.tables import section
from pigbench.results import merge, read_record, summarise

FILE = Path(__file__).parents[2] / "results" / "phantom-quick-292bbd82-d4f61025.json"
pytestmark = pytest.mark.skipif(not FILE.exists(), reason="an sdist has no records")


@pytest.fixture(scope="module")
def written():
    return json.loads(FILE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def record():
    return read_record(FILE)


def test_every_case_keeps_its_counts_and_has_the_scores_of_them(written, record, factory):
    cases = written["cases"]
    names = ("arm", "segmenter", "seed", "fold", "patient_id", "case_id", "tp", "fp", "fn", "tn")
    before = sorted(zip(*(cases[name] for name in names), strict=True))
    rows = factory.rows_of(record)
    assert sorted(tuple(row[name] for name in names) for row in rows) == before
    for row in rows[::97]:
        tp, fp, fn = (row[name] for name in ("tp", "fp", "fn"))
        assert row["dice"] == pytest.approx(2 * tp / (2 * tp + fp + fn))
        assert row["iou"] == pytest.approx(tp / (tp + fp + fn))


def test_what_arms_train_on_is_said_once(written, record):
    for run in written["arms"]:
        arm = record.arms[run["arm"]]
        assert (arm.generator, arm.n, arm.stretch) == (run["generator"], run["n"], run["stretch"])
        assert arm.use == ("real" if run["generator"] is None else "alone" if run["alone"] else "mixed")
    assert [(fit.arm, fit.fold, fit.steps, fit.share, fit.training) for fit in record.fits] == [
        (run["arm"], run["fold"], run["steps"], run["share"], 0) for run in written["arms"]
    ]


def test_distances_become_set_metrics_with_their_floors(written, record):
    for run, was in zip(record.fidelity, written["fidelity"], strict=True):
        assert run.values == {name: was[name] for name in ("kid", "fid", "copying")}
        assert run.floors == {"kid": was["kid_floor"], "fid": was["fid_floor"]}
        assert run.biased == (["fid"] if was["fid_biased"] else [])


def test_the_area_of_a_lesion_follows_from_any_arms_counts(written, record):
    cases = written["cases"]
    areas = dict(zip(record.cases.case_id, record.cases.area, strict=True))
    for case, tp, fn in zip(*(cases[name] for name in ("case_id", "tp", "fn")), strict=True):
        assert areas[case] == (tp + fn) / 32**2
    assert np.all(record.cases.area > 0)


def test_tables_have_the_columns_that_were_published(record):
    (group,) = merge([record])
    images, arms = section(summarise(group)).tables
    headings = ("Generator", "n", "KID ×1000", "floor", "FID", "floor", "m", "copying", "clipped %")
    assert images.headings == headings
    assert arms.headings == ("Trained on", "Dice", "Δ Dice [95%]", "IoU", "Precision", "Recall")
    assert not any("not installed" in note or "also hold" in note for table in (images, arms) for note in table.notes)
