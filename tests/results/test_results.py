"""The record and what is computed from records, against direct computations."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pigbench import results
from pigbench.errors import PigbenchError
from pigbench.results import load_records, merge, same_numbers, score_rows, summarise, write_record

CASE_COLUMNS = [
    *("protocol", "dataset", "preset", "generator", "n", "arm", "train_patients", "use", "segmenter"),
    *(
        "seed",
        "training",
        "fold",
        "patient_id",
        "case_id",
        "area",
        "dice",
        "iou",
        "precision",
        "recall",
        "tp",
        "fp",
        "fn",
        "tn",
    ),
]
SCORE_COLUMNS = [
    "table",
    "protocol",
    "dataset",
    "preset",
    "generator",
    "n",
    "arm",
    "train_patients",
    "use",
    "segmenter",
    "metric",
    "mean",
    "sd",
    "delta",
    "ci_low",
    "ci_high",
    "together_low",
    "together_high",
    "verdict",
    "conditioned",
    "folds",
    "seeds",
    "trainings",
    "patients",
    "signature",
]
FORMULAS = {
    "dice": lambda tp, fp, fn: 2 * tp / (2 * tp + fp + fn),
    "iou": lambda tp, fp, fn: tp / (tp + fp + fn),
    "precision": lambda tp, fp, fn: tp / (tp + fp) if tp + fp else 0.0,
    "recall": lambda tp, fp, fn: tp / (tp + fn) if tp + fn else 0.0,
}


@pytest.fixture
def per_case(factory):
    """A function that gives {(repeat, fold, patient, case): score} by the formulas, one case after the other."""

    def scores(record, arm, metric):
        found = {}
        for row in factory.rows_of(record):
            counts = [row[name] for name in ("tp", "fp", "fn")]
            if row["arm"] == arm and sum(counts) > 0:
                repeat = (row["seed"], row["training"])
                found[repeat, row["fold"], row["patient_id"], row["case_id"]] = FORMULAS[metric](*counts)
        return found

    return scores


def row_of(record_or_records, **wanted):
    records = record_or_records if isinstance(record_or_records, list) else [record_or_records]
    rows = [row for group in merge(records) for row in score_rows(summarise(group))]
    (row,) = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    return row


# --- aggregation


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    folds=st.integers(2, 4),
    seeds=st.integers(1, 3),
    trainings=st.integers(1, 2),
    patients=st.integers(6, 12),
    empty=st.integers(0, 4),
    data=st.data(),
)
def test_means_equal_a_direct_computation(make_record, per_case, folds, seeds, trainings, patients, empty, data):
    metric = data.draw(st.sampled_from(sorted(FORMULAS)))
    record = make_record(folds=folds, seeds=range(seeds), trainings=trainings, patients=patients, empty=empty)
    ours, real = (per_case(record, arm, metric) for arm in ("real+pig_2048", "real"))
    repeats = [(seed, training) for seed in range(seeds) for training in range(trainings)]
    of_repeats = [np.mean([v for key, v in ours.items() if key[0] == repeat]) for repeat in repeats]
    of_folds = [
        np.mean([np.mean([v for key, v in ours.items() if key[:2] == (repeat, fold)]) for repeat in repeats])
        for fold in range(folds)
    ]
    of_patients = [
        np.mean([v for key, v in ours.items() if (key[0], key[2]) == unit]) for unit in {(k[0], k[2]) for k in ours}
    ]
    row = row_of(record, arm="real+pig_2048", metric=metric)
    assert row["mean"] == pytest.approx(np.mean(of_repeats))
    assert row["sd"] == pytest.approx(np.std(of_folds, ddof=1))
    assert row["delta"] == pytest.approx(np.mean([ours[key] - real[key] for key in ours]))
    assert row["ci_low"] <= row["delta"] <= row["ci_high"]
    scored = patients - empty // 3  # of three cases each
    assert (row["folds"], row["seeds"], row["patients"], row["n"]) == (folds, seeds, scored, 2048)
    assert row["trainings"] == trainings
    by_patient = row_of(record, arm="real+pig_2048", metric=f"{metric}_by_patient")
    assert by_patient["mean"] == pytest.approx(np.mean(of_patients))


def test_distances_are_averaged_over_folds_never_pooled(make_record):
    record = make_record(("ddpm",), (64,))
    of_runs = {name: [run.values[name] for run in record.fidelity] for name in ("kid", "fid")}
    of_runs |= {f"{name}_floor": [run.floors[name] for run in record.fidelity] for name in ("kid", "fid")}
    for metric, values in (of_runs | {"clipped_fraction": [run.clipped_fraction for run in record.fidelity]}).items():
        row = row_of(record, table=1, metric=metric)
        assert row["mean"] == pytest.approx(np.mean(values))
        assert row["sd"] == pytest.approx(np.std(values, ddof=1), abs=1e-12)


def test_cases_empty_in_truth_and_prediction_are_excluded_and_counted(make_record):
    (group,) = merge([make_record(empty=4)])
    assert {row.excluded for row in summarise(group).arms} == {4}


def test_every_seed_counts_alike_whatever_it_excludes(make_record, factory, per_case):
    record = make_record((), seeds=(0, 1), empty=3)

    def false_alarm(row):
        return {"fp": 5} if (row["seed"], row["case_id"]) == (1, "c00000") else {}

    record = factory.with_counts(record, false_alarm)
    scores = per_case(record, "real", "dice")
    of_seeds = [[score for key, score in scores.items() if key[0] == (seed, 0)] for seed in (0, 1)]
    assert [len(of_seed) for of_seed in of_seeds] == [57, 58]
    assert row_of(record, arm="real", metric="dice")["mean"] == pytest.approx(
        np.mean([*map(np.mean, of_seeds)]), abs=1e-12
    )


def test_an_arm_equal_to_real_has_no_difference(make_record, factory):
    record = factory.with_arm(make_record((), ()), "twin", "real")
    row = row_of(record, arm="twin", metric="dice")
    assert (row["delta"], row["ci_low"], row["ci_high"]) == (0, 0, 0)


def test_a_signature_says_what_its_interval_covers(make_record):
    def covered(**about):
        return row_of(make_record(**about), arm="real+pig_2048", metric="dice")["signature"]

    assert "seeds:1|" in covered() and "over:patients|" in covered()
    assert "seeds:3|" in covered(seeds=range(3)) and "over:patients+segmenter+generator|" in covered(seeds=range(3))
    assert "|trainings:3|" in covered(trainings=3) and "over:patients+segmenter|" in covered(trainings=3)


def test_a_signature_says_what_the_number_depends_on(make_record):
    row = row_of(make_record(), arm="real+pig_2048", metric="dice")
    parts = ["dice", "folds:5", "group:patient", "seeds:1", "n:2048", "gen:pig@1a2b3c4d", "data:phantom@9f3c0000"]
    parts += ["preset:quick", "protocol:ab12cd34", "segmenter:unet", "v:0.1.0"]
    assert set(parts) <= set(row["signature"].split("|"))
    distance = row_of(make_record(), table=1, metric="fid")["signature"].split("|")
    assert {"fid", "extractor:efficientnet-lite0", "m:2048"} <= set(distance)
    assert "group:case" in row_of(make_record(has_patient_ids=False), arm="real", metric="dice")["signature"]
    pseudo = make_record(has_patient_ids=False, pseudo_patients=True)
    assert "group:pseudo-patient" in row_of(pseudo, arm="real", metric="dice")["signature"]


# --- failed and partial arms


def test_a_failed_arm_keeps_its_rows_without_numbers(make_record):
    record = make_record(failed=[("real+pig_2048", 1)])
    row = row_of(record, arm="real+pig_2048", metric="dice")
    assert (row["mean"], row["delta"], row["folds"]) == (None, None, 4)
    (group,) = merge([record])
    failed = next(row for row in summarise(group).arms if row.arm == "real+pig_2048")
    assert failed.progress.state == "failed"
    assert failed.progress.failures == ((1, 0, "RuntimeError: out of memory"),)
    assert row_of(record, arm="real", metric="dice")["mean"] is not None


def test_a_failed_fold_is_made_good_by_another_record(make_record):
    failed, good = make_record(failed=[("real+pig_2048", 1)], key="a" * 16), make_record(key="b" * 16)
    for order in ([failed, good], [good, failed]):
        assert row_of(order, arm="real+pig_2048", metric="dice") == row_of(good, arm="real+pig_2048", metric="dice")


def test_an_arm_that_lacks_folds_is_partial_and_not_compared(make_record, factory):
    (group,) = merge([factory.without_folds(make_record(), "real+pig_2048", (0, 1))])
    row = summarise(group).arms[1]
    assert (row.progress.state, row.progress.folds, row.progress.of) == ("partial", 3, 5)
    assert np.isfinite(row.metrics["dice"].mean) and np.isnan(row.metrics["dice"].delta)


def test_folds_of_two_records_add_up(make_record, factory):
    whole = make_record()
    parts = [factory.without_folds(whole, "real+pig_2048", folds) for folds in ((0, 1), (2, 3, 4))]
    wanted = {"arm": "real+pig_2048", "metric": "dice"}
    assert row_of(parts, **wanted) == row_of(whole, **wanted)


def test_a_difference_is_that_of_the_means_whatever_seeds_each_arm_has(make_record, factory):
    real = make_record((), seeds=(0, 1), key="a" * 16)
    arm = factory.without_folds(make_record(seeds=(1, 2, 3), key="b" * 16), "real", range(5))
    (group,) = merge([real, arm])
    base, row = summarise(group).arms
    assert (base.progress.seeds, row.progress.seeds) == ((0, 1), (1, 2, 3))
    assert row.metrics["dice"].delta == pytest.approx(row.metrics["dice"].mean - base.metrics["dice"].mean)


def test_a_difference_may_be_to_another_arm_and_is_the_other_way_round_from_there(make_record, per_case):
    record = make_record(samples=(512, 2048))
    (group,) = merge([record])
    few, many = "real+pig_512", "real+pig_2048"
    there = {row.arm: row for row in summarise(group, against=few).arms}
    back = {row.arm: row for row in summarise(group, against=many).arms}
    forth, home = there[many].metrics["dice"], back[few].metrics["dice"]
    assert (forth.delta, forth.low, forth.high) == pytest.approx((-home.delta, -home.high, -home.low))
    ours, theirs = per_case(record, many, "dice"), per_case(record, few, "dice")
    assert forth.delta == pytest.approx(np.mean([ours[key] - theirs[key] for key in ours]))
    assert np.isfinite(there["real"].metrics["dice"].delta) and np.isnan(there[few].metrics["dice"].delta)
    rows = [row for row in results.score_rows(summarise(group, against=few)) if row["metric"] == "dice"]
    assert {row["arm"]: f"|to:{few}|" in row["signature"] for row in rows} == {"real": True, few: False, many: True}


# --- merging


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(5)), again=st.lists(st.integers(0, 4), max_size=3))
def test_merging_does_not_depend_on_order_and_duplicates_are_harmless(make_record, order, again):
    records = [
        make_record(("pig",), (64,), key="a" * 16),
        make_record(("pig", "ddpm"), (64, 128), key="b" * 16, failed=[("real+pig_128", 0)]),
        make_record(("ldm",), (64,), key="c" * 16, created="2026-02-02T00:00:00Z"),
        make_record(("pig",), (64,), key="d" * 16, luck=1),
        make_record(("pig",), (64,), key="e" * 16, protocol="ee55ee55ee55ee55"),
    ]
    assert merge([records[i] for i in (*order, *again)]) == merge(records)


def test_a_record_shows_itself_in_one_line(make_record):
    record = make_record()
    assert len(repr(record)) < 120
    assert record.dataset.name in repr(record) and f"{len(record.fits)} segmenter trainings" in str(record)


def test_protocols_are_never_merged(make_record):
    groups = merge([make_record(protocol=p * 16) for p in "ab"])
    assert [group.protocol_hash for group in groups] == ["a" * 16, "b" * 16]


def test_one_arm_of_two_generator_signatures_stays_two_rows(make_record):
    records = [make_record(signatures={"pig": f"pig@{sign}"}, key=sign * 8) for sign in ("11", "22")]
    (group,) = merge(records)
    arms = [row.arm for row in summarise(group).arms]
    assert arms == ["real", "real+pig_2048 (pig@11)", "real+pig_2048 (pig@22)"]
    assert [row.generator for row in summarise(group).generators] == ["pig (pig@11)", "pig (pig@22)"]


def test_results_that_disagree_are_said(make_record):
    records = [make_record((), key="a" * 16), make_record((), key="b" * 16, luck=1)]
    (group,) = merge(records)
    assert group.conflicts == tuple(f"real unet seed 0 fold {fold}" for fold in range(5))
    assert row_of(records, arm="real", metric="dice") == row_of(records[0], arm="real", metric="dice")
    assert merge([records[0], records[0]])[0].conflicts == ()


def test_metrics_of_two_records_of_the_same_fits_stand_side_by_side(make_record):
    records = [
        make_record(metrics=("dice", "kid"), key="a" * 16),
        make_record(metrics=("dice", "iou", "nsd", "kid", "fid"), key="b" * 16),
    ]
    for order in (records, records[::-1]):
        (group,) = merge(order)
        assert group.conflicts == ()
        assert list(group.held("case")) == ["dice", "iou", "nsd"] and list(group.held("set")) == ["kid", "fid"]
        row = summarise(group).arms[1]
        assert all(np.isfinite(row.metrics[name].delta) for name in ("dice", "iou", "nsd"))


def test_a_metric_that_only_some_folds_have_has_no_mean(make_record, factory):
    record = make_record()
    halves = [factory.without_folds(record, "real+pig_2048", folds) for folds in ((0, 1), (2, 3, 4))]
    scores = factory.content(halves[0])["scores"]
    del scores["scores"]["recall"]
    halves[0] = factory.changed(halves[0], scores=scores, key="d" * 16)
    (group,) = merge(halves)
    row = summarise(group).arms[1]
    assert np.isnan(row.metrics["recall"].mean) and np.isfinite(row.metrics["dice"].mean)
    assert np.isfinite(summarise(group).arms[0].metrics["recall"].mean), "the other record has it"


def test_metrics_of_two_sources_are_named(make_record, factory):
    records = []
    for sign in ("1", "2"):
        record = make_record(key=sign * 16)
        metrics = factory.content(record)["metrics"]
        metrics["dice"]["signature"] = f"dice@{sign * 8}"
        records.append(factory.changed(record, metrics=metrics))
    (group,) = merge(records)
    assert group.redefined == ("dice (dice@11111111, dice@22222222)",)


# --- as polars tables


def test_cases_and_scores_are_polars_tables(make_record, tmp_path):
    import polars

    record = make_record(("pig", "ddpm"), (64, 128), failed=[("real+pig_64", 0)])
    write_record(record, tmp_path)
    write_record(make_record(("pig",), (64,), key="c" * 16), tmp_path)
    cases = results.cases(tmp_path)
    assert cases.columns == CASE_COLUMNS
    assert cases.filter(polars.col("arm") == "real").height == 60  # of both records, once
    assert cases["generator"].null_count() == 60
    assert cases.select(polars.sum_horizontal("tp", "fp", "fn", "tn").unique()).item() == 1024
    scores = results.scores(tmp_path)
    assert scores.columns == SCORE_COLUMNS
    assert scores.select("table").unique().height == 2
    of_arm = scores.filter((polars.col("arm") == "real") & (polars.col("metric") == "dice")).row(0, named=True)
    assert of_arm["delta"] is None and of_arm["generator"] is None and of_arm["n"] == 0


def test_no_record_is_an_error_and_a_foreign_file_a_warning(make_record, tmp_path):
    with pytest.raises(PigbenchError, match="no records under"):
        results.scores(tmp_path)
    path = write_record(make_record(), tmp_path)
    (tmp_path / "foreign.json").write_text("{}")
    with pytest.warns(UserWarning, match=r"skipped 1 file.*foreign\.json"):
        assert results.cases(tmp_path).height == 120
    assert results.cases(path).height == 120


# --- on disk


def test_a_record_survives_the_disk_with_what_a_later_version_adds(make_record, tmp_path):
    record = make_record()
    record = results.Record.model_validate(json.loads(record.model_dump_json()) | {"later": {"x": 1}})
    path = write_record(record, tmp_path / "deep" / "records")
    assert path.name == "phantom-quick-ab12cd34-feedbeef.json"
    (loaded,), skipped = load_records([tmp_path])
    assert loaded == record and not skipped and loaded.model_extra == {"later": {"x": 1}}
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_same_numbers_keep_the_old_file(make_record, tmp_path):
    path = write_record(make_record(created="2026-01-01"), tmp_path)
    before = path.read_bytes()
    assert write_record(make_record(created="2026-06-06"), tmp_path) == path
    assert path.read_bytes() == before


def test_other_numbers_under_the_same_key_are_refused(make_record, tmp_path):
    path = write_record(make_record(), tmp_path)
    before = path.read_bytes()
    with pytest.raises(PigbenchError, match="holds other numbers"):
        write_record(make_record(luck=1), tmp_path)
    assert path.read_bytes() == before


def test_a_later_try_replaces_failures_and_never_the_reverse(make_record, tmp_path):
    failed, good = make_record(failed=[("real+pig_2048", 3), ("pig_2048", 0)]), make_record()
    path = write_record(failed, tmp_path)
    write_record(good, tmp_path)
    assert not same_numbers(results.read_record(path), good)
    write_record(failed, tmp_path)
    assert not same_numbers(results.read_record(path), good)


def test_a_later_try_that_measured_something_else_is_refused(make_record, tmp_path):
    write_record(make_record(failed=[("real+pig_2048", 3)]), tmp_path)
    with pytest.raises(PigbenchError, match="holds other numbers"):
        write_record(make_record(luck=1), tmp_path)


def test_a_damaged_file_in_the_way_is_set_aside(make_record, tmp_path):
    path = write_record(make_record(), tmp_path)
    path.write_text(path.read_text()[:100])
    write_record(make_record(), tmp_path)
    assert not same_numbers(results.read_record(path), make_record())
    assert len(path.with_suffix(".damaged").read_text()) == 100


def test_a_failed_write_leaves_nothing(make_record, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(PigbenchError, match="No space left on device"):
        write_record(make_record(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_a_number_is_written_as_null(make_record, tmp_path):
    record = make_record()
    record.fidelity[0].values["fid"] = float("nan")
    path = write_record(record, tmp_path)
    assert json.loads(path.read_text(), parse_constant=pytest.fail)["fidelity"][0]["values"]["fid"] is None
    assert not same_numbers(results.read_record(path), record)


def test_same_numbers_names_what_differs(make_record, factory):
    record = make_record()
    costly = record.model_copy(update={"costs": [], "provenance": {"device": "cuda"}})
    assert same_numbers(record, costly) == []

    def one_more(row):
        return {"tp": row["tp"] + 1} if (row["arm"], row["case_id"]) == ("real", "c00000") else {}

    other = factory.with_counts(record, one_more)
    other.fidelity[0].values["fid"] = 1.0
    differences = same_numbers(record, other)
    assert len(differences) == 1 + 1 + 4  # one distance, one count, four scores
    assert differences[0].startswith("fidelity[pig_2048 efficientnet-lite0 seed 0 fold 0].values.fid: ")
    where = "scores[real unet seed 0 fold 0, held-out, lesion]"
    assert differences[1].startswith(f"{where}.dice: ") and differences[1].endswith(" in case c00000")
    assert differences[3].startswith(f"{where}.overlap.tp: ")


def test_same_numbers_do_not_depend_on_the_order_of_anything(make_record, factory):
    record = make_record(seeds=(0, 1))
    whole = factory.content(record)
    fits = len(record.fits)
    backwards = factory.with_fits(record, [(whole["fits"][place], place) for place in reversed(range(fits))])
    order = np.random.default_rng(0).permutation(len(record.scores))
    last = len(record.cases) - 1
    cases = {name: values[::-1] for name, values in vars(record.cases).items() if values is not None}
    scores = {
        "fit": backwards.scores.fit[order],
        "case": last - backwards.scores.case[order],
        "statistics": {name: values[order] for name, values in backwards.scores.statistics.items()},
        "scores": {name: values[order] for name, values in backwards.scores.scores.items()},
    }
    shuffled = factory.changed(backwards, scores=scores, test_sets={"held-out": {"cases": cases}})
    assert shuffled != record
    assert same_numbers(record, shuffled) == []
    assert merge([record]) == merge([shuffled])


def test_a_second_test_set_changes_nothing_of_the_tables(make_record, factory):
    record = make_record()
    scores, first = record.scores, factory.content(record)["test_sets"]["held-out"]
    more = len(record.cases) + 5
    second = {
        "case_id": [f"x{number}" for number in range(more)],
        "patient_id": [f"y{number}" for number in range(more)],
    }
    second |= {"fold": [number % 5 for number in range(more)]}
    both = {
        "fit": np.append(scores.fit, np.zeros(more, int)),
        "case": np.append(scores.case, np.arange(more)),
        "test_set": np.append(np.zeros(len(scores), int), np.ones(more, int)),
        "statistics": {name: np.append(values, np.ones(more)) for name, values in scores.statistics.items()},
        "scores": {name: np.append(values, np.ones(more)) for name, values in scores.scores.items()},
    }
    other = factory.changed(record, scores=both, test_sets={"held-out": first, "elsewhere": {"cases": second}})
    assert summarise(*merge([other])) == summarise(*merge([record]))


MALFORMED = {
    "truncated.json": (lambda text: text[:500], "not JSON"),
    "binary.json": (lambda _: b"\x89PNG\r\n\x1a\n\xff\xfe", "not JSON"),
    "empty.json": (lambda _: "", "not JSON"),
    "list.json": (lambda _: "[1, 2]", "not a pigbench record"),
    "foreign.json": (lambda _: '{"format": "other"}', "not a pigbench record"),
    "future.json": (lambda _: '{"format": "pigbench-record/3"}', "written as pigbench-record/3"),
    "keyless.json": (
        lambda text: text.replace('"protocol_hash"', '"hash"'),
        "malformed: protocol_hash: Field required",
    ),
    "ragged.json": (lambda text: text.replace('"length": 120', '"length": 9', 1), "malformed: scores.fit: "),
    "negative.json": (lambda text: text.replace('"n": 2048', '"n": -2048'), "malformed: arms.real+pig_2048.n"),
    "deep.json": (lambda _: "[" * 100_000, "nested too deeply"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_record_is_named_and_skipped(make_record, tmp_path, name):
    good = write_record(make_record(), tmp_path)
    spoil, reason = MALFORMED[name]
    spoilt = spoil(good.read_text())
    (tmp_path / name).write_bytes(spoilt if isinstance(spoilt, bytes) else spoilt.encode())
    records, skipped = load_records([tmp_path])
    assert len(records) == 1
    assert [(file.path.name, reason in file.reason) for file in skipped] == [(name, True)], skipped


def test_records_are_looked_for_where_a_run_leaves_them(make_record, tmp_path):
    write_record(make_record(), tmp_path / "records")
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "manifest.json").write_text("{}")  # no record, and not among the records
    (tmp_path / "records" / "README.md").write_text("how to read them")
    records, skipped = load_records([tmp_path, tmp_path / "records"])
    assert (len(records), skipped) == (1, [])
    with pytest.raises(PigbenchError, match="no such file or directory"):
        load_records([tmp_path / Path("nowhere")])


def test_a_records_texts_lose_their_paths():
    from pigbench.privacy import without_paths

    said = "OSError: '/home/someone/P0017_a.png' is gone; C:\\data\\x.png too; 3/5 folds; --store /data/p17 --n 8"
    kept = without_paths(said)
    assert "P0017" not in kept
    assert "someone" not in kept
    assert "x.png" not in kept
    assert "p17" not in kept
    assert "3/5 folds" in kept
    assert "--n 8" in kept


def test_measurements_of_subsets_are_compared_each_with_its_own(make_record, factory):
    record = make_record(("pig",), (64,), train_patients=(8, None))
    runs = factory.content(record)["fidelity"]
    other = [run | {"values": run["values"] | {"kid": 0.5}} if run.get("train_patients") == 8 else run for run in runs]
    differing = same_numbers(record, factory.changed(record, fidelity=other))
    assert len(differing) == 5 and all("pig_64 (8 patients)" in line for line in differing)
