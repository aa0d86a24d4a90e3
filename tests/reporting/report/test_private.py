"""What of a record others may not have: paths, file names, and a user's own ids."""

from __future__ import annotations

import pytest

from pigbench.privacy import like_a_path, without_any_path, without_paths
from pigbench.reporting.report.private import shown_id, shown_label, without_names
from pigbench.results import merge, summarise

MARK = "xanthippe"


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (f"cannot read '/home/{MARK} S/data/p01.png'", "cannot read '…'"),
        (f'no "C:\\Users\\{MARK}\\a.png" here', 'no "…" here'),
        (f"OSError: /home/{MARK}/a.png: gone", "OSError: …: gone"),
        (f"bad file data/{MARK}/p01.png, twice", "bad file …, twice"),
        ("3/5 folds, 14 images/s and/or more", "3/5 folds, 14 images/s and/or more"),
    ],
)
def test_messages_keep_their_words_and_lose_their_paths(said: str, left: str) -> None:
    assert without_any_path(said) == left


def test_commands_keep_what_is_no_path() -> None:
    assert without_paths(f"pigbench run --store /home/{MARK}/runs --n 8") == "pigbench run --store … --n 8"


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("a/b", True),
        ("a.pt", True),
        ("x_y.safetensors", True),
        ("0.02", False),
        ("tu-test_resnet", False),
        ("v1.2", False),
    ],
)
def test_what_may_be_a_path(value: str, found: bool) -> None:
    assert like_a_path(value) == found


def test_labels_that_differ_in_a_path_stay_apart() -> None:
    first, second = (shown_label(f"mine(weights=/home/{MARK}/{name}.pt,guide=raw)") for name in "ab")
    assert first != second and first.startswith("mine(weights=…") and first.endswith(",guide=raw)")
    assert shown_label("pig(guide=binary)") == "pig(guide=binary)"


@pytest.fixture
def marked(make_record, factory):
    """A record with marks in a label, in settings of every depth, in a reason and in ids of the user's own."""
    label = f"mine(weights=/home/{MARK}/w.pt)"
    reason = f"RuntimeError: cannot read '/home/{MARK} S/p01.png'"
    record = make_record((label, "pig"), (64,), trainings=2, failed=[(f"real+{label}_64", 1)], reason=reason)
    content = factory.content(record)
    config = {"weights": f"/home/{MARK}/w.pt", "deep": {"list": [f"{MARK}.pt", 3]}}
    content["generators"][label] |= {"plugin": "mine", "config": config}
    content["protocol"]["preset"] |= {"diffusion": {"timesteps": 8, "mine": {"weights": f"~/{MARK}/w.pt"}}}
    content["dataset"] |= {"name": "mine"}
    cases = [f"{MARK}-{number}" for number in range(len(record.cases))]
    patients = [f"{MARK}-{patient}" for patient in record.cases.patient_id]
    own = type(record).model_validate(content)
    sets = {
        name: of.model_copy(update={"cases": of.cases.model_copy(update={"case_id": cases, "patient_id": patients})})
        for name, of in own.test_sets.items()
    }
    return own.model_copy(update={"test_sets": sets})


def test_nothing_in_a_record_names_its_user_and_its_numbers_stay(marked) -> None:
    told = without_names(marked)
    assert MARK not in told.model_dump_json() and MARK in marked.model_dump_json()
    mine, theirs = (summarise(*merge([record])) for record in (marked, told))
    assert {row.progress.state for row in mine.arms} == {"complete", "failed"}
    for own, shown in zip(mine.arms, theirs.arms, strict=True):
        assert own.metrics.keys() == shown.metrics.keys() and own.progress.state == shown.progress.state
        for metric, estimate in own.metrics.items():
            assert shown.metrics[metric].mean == pytest.approx(estimate.mean, nan_ok=True)
    assert shown_id("0123456789ab", told.dataset) == "0123456789ab"


def test_a_report_names_nobody_either(marked, page_of) -> None:
    assert MARK not in page_of(marked)


def test_what_names_nobody_stays_as_it_is(make_record) -> None:
    record = make_record(trainings=2)
    assert without_names(record) == record
