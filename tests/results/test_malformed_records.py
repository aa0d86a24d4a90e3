"""Whatever is wrong with a record, `compare` skips it with its reason or shows it, and shows the others."""

from __future__ import annotations

import base64
import copy
import json
import random
import zlib
from collections import Counter
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

from pigbench.results import Record, columns, load_records, merge, summarise

HOME = Path(__file__).parents[2]
SCRIPT = HOME / "benchmarks" / "mutations.py"
SOME = 40

pytestmark = pytest.mark.skipif(not SCRIPT.exists(), reason="an sdist has no benchmarks")


@pytest.fixture(scope="module")
def mutations():
    spec = spec_from_file_location("mutations", SCRIPT)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=[2, 1], ids=["format 2", "format 1"])
def either(request, mutations):
    """A good record of either format."""
    return mutations.good_record(request.param)


@pytest.fixture
def good(mutations):
    return mutations.good_record()


@pytest.mark.parametrize("form", [1, 2])
def test_no_mutated_record_ends_in_a_traceback(mutations, form):
    counts = Counter()
    for became, what, trace in mutations.outcomes(SOME, seed=20, form=form):
        assert became != "crashed", f"{what}\n{trace}"
        counts[became] += 1
    assert (
        counts["skipped"] > SOME / 4 and counts["shown"] > SOME / 10
    )  # neither so mild nor so wild that it tests nothing


def test_the_mutations_are_the_same_each_time_and_leave_the_good_record_alone(mutations, either):
    before = copy.deepcopy(either)
    twice = [[json.dumps(mutations.mutated(either, random.Random(seed))) for seed in range(50)] for _ in range(2)]
    assert twice[0] == twice[1] and len(set(twice[0])) > 45
    assert either == before


def put(path, value):
    def change(content):
        *steps, last = path
        for step in steps:
            content = content[step]
        content[last] = value

    return change


def drop(*path):
    def change(content):
        *steps, last = path
        for step in steps:
            content = content[step]
        del content[last]

    return change


def same_case_twice(content):
    for column in content["cases"].values():
        column.append(column[0])


IN_BOTH = [
    (put(("costs", 0), "prepare"), "costs.0: "),
    (put(("costs", 0, "stage"), ["train"]), "costs.0.stage: "),
    (put(("costs", 0, "fold"), {}), "costs.0.fold: "),
    (put(("costs", 0, "wall_s"), "long"), "costs.0.wall_s: "),
    (put(("costs", 0, "images"), 10**400), "costs.0.images: "),
    (put(("costs", 0, "generators"), "pig"), "costs.0.generators: "),
    (put(("tuning", 0, "wall_s"), float("inf")), "tuning.0.wall_s: "),
    (put(("tuning", 0, "patients"), True), "tuning.0.patients: "),
    (put(("tuning", 0, "used_by"), ["nobody"]), "'nobody', which is not among its generators"),
    (put(("gates", 0, "real"), None), "gates.0: a ratio without its two contrasts"),
    (put(("generators", "pig", "label"), "ldm"), "generator 'pig' calls itself 'ldm'"),
    (put(("generators",), {}), "is not among its generators"),
    (put(("folds",), 1), "fold 1 of 1"),
    (put(("dataset", "name"), "two\nlines"), r"a line break or a control character in 'two\nlines'"),
    (put(("protocol", "set_aside"), [0.2]), "protocol.set_aside: "),
    (put(("protocol", "preset"), "quick"), "protocol.preset: "),
    (put(("provenance", "hardware"), 3), "provenance.hardware: "),
    (put(("provenance", "pigbench"), {}), "provenance.pigbench: "),
    (put(("later",), "\ud800"), "not JSON"),
]
IN_FORMAT_1 = [
    (put(("cases", "seed", 3), "0"), "cases.seed.3: "),
    (put(("cases", "arm", 0), None), "cases.arm.0: "),
    (put(("cases", "tp", 0), 2**63), "cases.tp.0: "),
    (same_case_twice, "a case of a fit is listed twice"),
    (put(("cases", "patient_id", 0), "another"), "a case of two patients"),
    (put(("cases", "fold", 0), 1), "a case of two folds"),
    (put(("arms", 0, "share"), float("nan")), "arms.0.share: "),
    (put(("arms", 0, "n"), 7), "an arm trained on one thing here and another there: "),
    (drop("arms", 0), "cases of an arm that it does not list"),
    (drop("cases", "tn"), "cases.tn: Field required"),
]


def packed(*path, **parts):
    """A change of what a packed column says of itself."""

    def change(content):
        for step in path:
            content = content[step]
        content |= parts

    return change


def column(*path, change):
    """A change of the numbers or texts of a packed column."""

    def changed(content):
        *steps, last = path
        for step in steps:
            content = content[step]
        values = columns.unpacked(content[last])
        content[last] = columns.packed(change(values))

    return changed


def first(value):
    def change(values):
        values = values.astype(float) if isinstance(values, np.ndarray) else values
        values[0] = value
        return values

    return change


def fit_twice(content):
    content["fits"].append(content["fits"][0])


def one_row_less(content):
    scores = content["scores"]
    for part, names in ((scores, ("fit", "case")), (scores["statistics"], None), (scores["scores"], None)):
        for name in names or part:
            part[name] = columns.packed(columns.unpacked(part[name])[:-1])


BOMB = base64.b64encode(zlib.compress(bytes(2**27))).decode()
CASES = ("test_sets", "held-out", "cases")
IN_FORMAT_2 = [
    (put(("scores", "fit", "data"), BOMB), "scores.fit: a column of more bytes than its length says"),
    (packed("scores", "fit", data="eJw"), "scores.fit: a column whose data cannot be unpacked"),
    (packed("scores", "scores", "dice", data=""), "a column whose data is cut short"),
    (packed("scores", "case", length=3), "scores.case: a column of more bytes than its length says"),
    (packed("scores", "case", length=2**25), "scores.case: a column of fewer bytes than its length says"),
    (packed("scores", "case", length=2**70), "scores.case: a column whose length is no number of rows"),
    (packed("scores", "case", type="i8"), "scores.case: a column of unknown type 'i8'"),
    (put(("scores", "case"), [0, 1]), "scores: columns of unequal length"),
    (put(("scores", "case"), "none"), "scores.case: a column of something else than numbers"),
    (column("scores", "fit", change=lambda values: values - 1), "scores.fit: a column of numbers out of range"),
    (column("scores", "fit", change=lambda values: values + 0.5), "scores.fit: a column of fractions"),
    (column("scores", "fit", change=first(99)), "scores.fit: 99 of "),
    (column("scores", "case", change=first(999)), "scores.case: 999 of "),
    (
        column("scores", "case", change=lambda values: np.full(len(values), values[0])),
        "a case of a fit is listed twice",
    ),
    (column(*CASES, "fold", change=lambda folds: 1 - folds), "a case of another fold: real unet seed 0 fold 0"),
    (one_row_less, "12 of 13 cases: "),
    (column("scores", "scores", "dice", change=first(1.5)), "a score of metric 'dice' that is out of its range"),
    (column("scores", "scores", "dice", change=first(np.inf)), "scores.scores.dice: a column of numbers out of range"),
    (column(*CASES, "case_id", change=lambda ids: [ids[1], *ids[1:]]), "a case is listed twice"),
    (column(*CASES, "patient_id", change=first(None)), "patient_id: a column of something else than texts"),
    (column(*CASES, "fold", change=first(7)), "fold 7 of 2"),
    (column(*CASES, "area", change=first(1.5)), "an area that is no share of the image"),
    (drop(*CASES, "patient_id"), "patient_id: Field required"),
    (put(("test_sets",), {}), "test_sets: "),
    (drop("scores", "case"), "scores.case: Field required"),
    (drop("metrics", "dice"), "metric 'dice' is not among its case metrics"),
    (put(("metrics", "dice", "kind"), "set"), "metric 'dice' is not among its case metrics"),
    (put(("metrics", "dice", "better"), "more"), "metrics.dice.better: "),
    (put(("metrics", "dice", "low"), 0.9), "a score of metric 'dice' that is out of its range"),
    (put(("scores", "statistics", "mine.x"), []), "columns of unequal length"),
    (drop("arms", "real"), "arm 'real' is not among its arms"),
    (put(("arms", "real", "arm"), "unreal"), "arm 'real' calls itself 'unreal'"),
    (put(("arms", "real", "generator"), "nobody"), "generator 'nobody' is not among its generators"),
    (fit_twice, "a fit is listed twice"),
    (put(("fits", 0, "status"), "failed"), "scores of a fit that failed"),
    (put(("fits", 0, "training"), -1), "fits.0.training: "),
    (put(("fidelity", 0, "values", "copied"), 0.5), "metric 'copied' is not among its set metrics"),
]
MALFORMED = [
    *((form, *one) for form in (1, 2) for one in IN_BOTH),
    *((1, *one) for one in IN_FORMAT_1),
    *((2, *one) for one in IN_FORMAT_2),
]


@pytest.mark.parametrize(("form", "spoil", "reason"), MALFORMED)
def test_what_is_wrong_is_named(mutations, tmp_path, form, spoil, reason):
    content = mutations.good_record(form)
    spoil(content)
    (tmp_path / "spoilt.json").write_text(json.dumps(content))
    records, skipped = load_records([tmp_path])
    assert not records
    assert reason in skipped[0].reason


HARMLESS = [
    put(("later",), {"x": [1, None]}),
    put(("costs", 0, "joules"), 3.5),
    put(("tuning", 0, "sampler"), "tpe"),
    put(("generators", "pig", "note"), "two\nlines"),
    drop("costs"),
    drop("tuning"),
    drop("provenance"),
    drop("protocol", "preset"),
]
HARMLESS_IN_FORMAT_1 = [put(("cases", "dice"), [0.5]), put(("fidelity", 0, "kid"), float("nan"))]
HARMLESS_IN_FORMAT_2 = [
    put(("scores", "later"), {"x": 1}),
    put(("test_sets", "held-out", "later"), 1),
    put(("fidelity", 0, "values", "kid"), float("nan")),  # as null: a number that there is none of
    drop("test_sets", "held-out", "ceiling"),
    drop(*CASES, "area"),
    drop("scores", "statistics"),
    drop("segmenters"),
]


@pytest.mark.parametrize(
    ("form", "change"),
    [
        *((form, change) for form in (1, 2) for change in HARMLESS),
        *((1, change) for change in HARMLESS_IN_FORMAT_1),
        *((2, change) for change in HARMLESS_IN_FORMAT_2),
    ],
)
def test_what_a_later_or_an_earlier_version_writes_is_read_and_shown(mutations, tmp_path, form, change):
    content = mutations.good_record(form)
    change(content)
    (tmp_path / "record.json").write_text(json.dumps(content))
    records, skipped = load_records([tmp_path])
    assert not skipped
    assert summarise(merge(records)[0]).arms


def test_unknown_keys_are_kept(good):
    for part in (good, good["costs"][0], good["scores"], good["fits"][0], good["test_sets"]["held-out"]["cases"]):
        part["later"] = {"x": 1}
    written = json.loads(Record.model_validate(good).model_dump_json())
    for part in (written, written["costs"][0], written["scores"], written["fits"][0]):
        assert part["later"] == {"x": 1}
    assert written["test_sets"]["held-out"]["cases"]["later"] == {"x": 1}


def test_costs_are_written_as_they_were_read(good):
    assert json.loads(Record.model_validate(good).model_dump_json())["costs"] == good["costs"]


def test_records_that_give_one_protocol_other_folds_share_no_table(make_record):
    records = [make_record(folds=5), make_record(folds=4, key="a" * 16)]
    assert sorted(group.folds for group in merge(records)) == [4, 5]


def test_an_arm_with_scored_cases_of_one_patient_has_no_difference(make_record, factory):
    def empty(row):
        return {} if row["patient_id"] == "p000" else {"tp": 0, "fp": 0, "fn": 0}

    (group,) = merge([factory.with_counts(make_record(folds=2, patients=4), empty)])
    assert all(not row.covers for row in summarise(group).arms)


def test_where_the_contrasts_of_real_pairs_cancel_nothing_can_be_told(make_record, factory):
    record = make_record(folds=2)
    gates = [
        {"generator": "pig", "n": 2048, "seed": 0, "fold": fold, "status": "ok"}
        | {"contrast": 0.1, "real": real, "ratio": 0.1 / real}
        for fold, real in enumerate((0.2, -0.2))
    ]
    record = factory.changed(record, gates=gates)
    assert summarise(merge([record])[0]).arms[1].contrast.conditioned is None
