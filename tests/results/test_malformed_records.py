"""Whatever is wrong with a record, `compare` skips it with its reason or shows it, and shows the others."""

from __future__ import annotations

import copy
import json
import random
from collections import Counter
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from pigbench.results import Record, load_records, merge, summarise

HOME = Path(__file__).parents[2]
SCRIPT = HOME / "benchmarks" / "mutations.py"
SOME = 100

pytestmark = pytest.mark.skipif(not SCRIPT.exists(), reason="an sdist has no benchmarks")


@pytest.fixture(scope="module")
def mutations():
    spec = spec_from_file_location("mutations", SCRIPT)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def good(mutations):
    return mutations.good_record()


def test_no_mutated_record_ends_in_a_traceback(mutations, monkeypatch):
    monkeypatch.setattr("pigbench.results.summary.RESAMPLES", 20)
    counts = Counter()
    for became, what, trace in mutations.outcomes(SOME, seed=20):
        assert became != "crashed", f"{what}\n{trace}"
        counts[became] += 1
    assert (
        counts["skipped"] > SOME / 4 and counts["shown"] > SOME / 10
    )  # neither so mild nor so wild that it tests nothing


def test_the_mutations_are_the_same_each_time_and_leave_the_good_record_alone(mutations, good):
    before = copy.deepcopy(good)
    twice = [[json.dumps(mutations.mutated(good, random.Random(seed))) for seed in range(50)] for _ in range(2)]
    assert twice[0] == twice[1] and len(set(twice[0])) > 45
    assert good == before


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


MALFORMED = [
    (put(("costs", 0), "prepare"), "costs.0: "),
    (put(("costs", 0, "stage"), ["train"]), "costs.0.stage: "),
    (put(("costs", 0, "fold"), {}), "costs.0.fold: "),
    (put(("costs", 0, "wall_s"), "long"), "costs.0.wall_s: "),
    (put(("costs", 0, "images"), 10**400), "costs.0.images: "),
    (put(("costs", 0, "generators"), "pig"), "costs.0.generators: "),
    (put(("tuning", 0, "wall_s"), float("inf")), "tuning.0.wall_s: "),
    (put(("tuning", 0, "patients"), True), "tuning.0.patients: "),
    (put(("tuning", 0, "used_by"), ["nobody"]), "'nobody', which is not among its generators"),
    (put(("cases", "seed", 3), "0"), "cases.seed.3: "),
    (put(("cases", "arm", 0), None), "cases.arm.0: "),
    (put(("cases", "tp", 0), 2**63), "cases.tp.0: "),
    (same_case_twice, "a case is listed twice"),
    (put(("cases", "patient_id", 0), "another"), "a case of two patients"),
    (put(("arms", 0, "share"), float("nan")), "arms.0.share: "),
    (put(("arms", 0, "n"), 7), "an arm trained on one thing here and another there: "),
    (put(("gates", 0, "real"), None), "gates.0: a ratio without its two contrasts"),
    (put(("generators", "pig", "label"), "ldm"), "generator 'pig' calls itself 'ldm'"),
    (put(("dataset", "name"), "two\nlines"), r"a line break or a control character in 'two\nlines'"),
    (put(("protocol", "set_aside"), [0.2]), "protocol.set_aside: "),
    (put(("protocol", "preset"), "quick"), "protocol.preset: "),
    (put(("provenance", "hardware"), 3), "provenance.hardware: "),
    (put(("provenance", "pigbench"), {}), "provenance.pigbench: "),
    (put(("later",), "\ud800"), "not JSON"),
    (drop("cases", "tn"), "cases.tn: Field required"),
]


@pytest.mark.parametrize(("spoil", "reason"), MALFORMED)
def test_what_is_wrong_is_named(good, tmp_path, spoil, reason):
    spoil(good)
    (tmp_path / "spoilt.json").write_text(json.dumps(good))
    records, skipped = load_records([tmp_path])
    assert not records
    assert reason in skipped[0].reason


HARMLESS = [
    put(("later",), {"x": [1, None]}),
    put(("costs", 0, "joules"), 3.5),
    put(("tuning", 0, "sampler"), "tpe"),
    put(("cases", "dice"), [0.5]),
    put(("fidelity", 0, "kid"), float("nan")),  # as null: a number that there is none of
    put(("generators", "pig", "note"), "two\nlines"),
    drop("costs"),
    drop("tuning"),
    drop("provenance"),
    drop("protocol", "preset"),
]


@pytest.mark.parametrize("change", HARMLESS)
def test_what_a_later_or_an_earlier_version_writes_is_read_and_shown(good, tmp_path, change):
    change(good)
    (tmp_path / "record.json").write_text(json.dumps(good))
    records, skipped = load_records([tmp_path])
    assert not skipped
    assert summarise(merge(records)[0]).arms


def test_unknown_keys_are_kept(good):
    good["later"] = good["costs"][0]["later"] = good["cases"]["later"] = {"x": 1}
    written = json.loads(Record.model_validate(good).model_dump_json())
    assert written["later"] == written["costs"][0]["later"] == written["cases"]["later"] == {"x": 1}


def test_costs_are_written_as_they_were_read(good):
    assert json.loads(Record.model_validate(good).model_dump_json())["costs"] == good["costs"]


def test_records_that_give_one_protocol_other_folds_share_no_table(make_record):
    records = [make_record(folds=5), make_record(folds=4, key="a" * 16)]
    assert sorted(group.folds for group in merge(records)) == [4, 5]


def test_an_arm_with_scored_cases_of_one_patient_has_no_difference(make_record):
    content = json.loads(make_record(folds=2, patients=4).model_dump_json())
    columns = content["cases"]
    for row, patient in enumerate(columns["patient_id"]):
        if patient != "p000":  # empty in truth and prediction
            columns["tp"][row] = columns["fp"][row] = columns["fn"][row] = 0
    (group,) = merge([Record.model_validate(content)])
    assert all(not row.paired_seeds for row in summarise(group).arms)


def test_where_the_contrasts_of_real_pairs_cancel_nothing_can_be_told(make_record):
    record = make_record(folds=2)
    gates = [
        {"generator": "pig", "n": 2048, "seed": 0, "fold": fold, "status": "ok"}
        | {"contrast": 0.1, "real": real, "ratio": 0.1 / real}
        for fold, real in enumerate((0.2, -0.2))
    ]
    record = Record.model_validate(json.loads(record.model_dump_json()) | {"gates": gates})
    assert summarise(merge([record])[0]).arms[1].contrast.conditioned is None
