"""What of a record others may not have: paths, file names, and a user's own ids."""

from __future__ import annotations

import pytest

from pigbench.privacy import like_a_path, without_files, without_paths
from pigbench.reporting.report.private import disguises
from pigbench.results import merge, summarise

MARK = "xanthippe"


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (f"cannot read '/home/{MARK} S/data/p01.png'", "cannot read '…'"),
        (f'no "C:\\Users\\{MARK}\\a.png" here', 'no "…" here'),
        (f"OSError: /home/{MARK}/a.png: gone", "OSError: …: gone"),
        (f"bad file data/{MARK}/p01.png, twice", "bad file …, twice"),
        (f"of ./data/{MARK}/scans and /home/{MARK} s/x", "of … and … s/x"),
        (f"FileNotFoundError: '{MARK}.pt'; {MARK}_mri.png is bad", "FileNotFoundError: '…'; … is bad"),
        ("3/5 folds, 14 images/s, n / (n + N)", "3/5 folds, 14 images/s, n / (n + N)"),
        ("it isn't torch.float32 and it's 1.5", "it isn't torch.float32 and it's 1.5"),
    ],
)
def test_messages_keep_their_words_and_lose_their_paths(said: str, left: str) -> None:
    assert without_files(said) == left


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


def test_labels_that_differ_in_a_path_stay_apart(make_record) -> None:
    labels = [f"mine(files=['/home/{MARK}/{name}.pt', 'x,({name}).pt'])" for name in "ab"] + [
        "pig(guide=binary,eta=0.5)"
    ]
    record = make_record(tuple(labels), (64,), trainings=2)
    (disguise,) = disguises([record]).values()
    first, second, plain = (disguise.name(f"real+{label}_64 (8 patients)") for label in labels)
    assert first != second and first.startswith("real+mine(…") and first.endswith(")_64 (8 patients)")
    assert MARK not in first and plain == f"real+{labels[2]}_64 (8 patients)"


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
    (disguise,) = disguises([marked]).values()
    told = disguise.record(marked)
    assert MARK not in told.model_dump_json() and MARK in marked.model_dump_json()
    mine, theirs = (summarise(*merge([record])) for record in (marked, told))
    assert {row.progress.state for row in mine.arms} == {"complete", "failed"}
    for own, shown in zip(mine.arms, theirs.arms, strict=True):
        assert own.metrics.keys() == shown.metrics.keys() and own.progress.state == shown.progress.state
        for metric, estimate in own.metrics.items():
            assert shown.metrics[metric].mean == pytest.approx(estimate.mean, nan_ok=True)
    assert list(told.cases.case_id) == [disguise.id(own) for own in marked.cases.case_id]
    assert sorted(told.cases.patient_id) == [disguise.id(own) for own in sorted(marked.cases.patient_id)], "in order"


def test_a_report_names_nobody_either(marked, page_of) -> None:
    assert MARK not in page_of(marked)


@pytest.mark.parametrize(("ids", "kept"), [("0123456789ab", True), ("202401150042", False), ("P1", False)])
def test_pseudonyms_stay_and_numbers_of_patients_do_not(ids: str, kept: bool, make_record, factory) -> None:
    record = make_record(trainings=2, patients=1, cases_each=1, folds=1)
    record = factory.changed(record, dataset=factory.content(record)["dataset"] | {"name": "mine"})
    cases = record.cases.model_copy(update={"case_id": [ids], "patient_id": [ids]})
    sets = {name: of.model_copy(update={"cases": cases}) for name, of in record.test_sets.items()}
    record = record.model_copy(update={"test_sets": sets})
    (disguise,) = disguises([record]).values()
    assert (disguise.id(ids) == ids) == kept


def test_what_names_nobody_stays_as_it_is(make_record) -> None:
    record = make_record(trainings=2)
    (disguise,) = disguises([record]).values()
    assert disguise.record(record) == record
