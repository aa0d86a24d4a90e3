"""`pigbench store ls` and `gc` by stage, dataset and preset: what is asked for goes, and nothing else."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from pigbench.cli.store import app
from pigbench.errors import PigbenchError
from pigbench.store import Store
from pigbench.uses import Use, note_use, uses

RUNS = {
    Use("phantom", "quick"): ("prepare-32", "split", "train-q", "sample-q"),
    Use("phantom", "small"): ("prepare-64", "split", "train-s", "sample-s"),
    Use("lgg", "quick"): ("prepare-lgg", "train-lgg", "sample-lgg"),
}
OLD = ("train-old", "sample-old")
"""Of a run that left no list."""
EVERYTHING = {*OLD, *(key for keys in RUNS.values() for key in keys)}


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "runs")
    for key in sorted(EVERYTHING):
        with made.building() as directory:
            (directory / "data.bin").write_bytes(bytes(1000))
            made.publish(key.partition("-")[0], key, directory, {"spec": {}})
    for kind in ("datasets", "records"):
        (made.root / kind / "kept").mkdir(parents=True)
    for use, keys in RUNS.items():
        note_use(made.root, use, keys)
    return made


@pytest.fixture
def call(store, monkeypatch):
    monkeypatch.chdir(store.root.parent)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def kept(store):
    return {entry.key for entry in store.entries()}


@pytest.mark.parametrize(
    ("asked", "gone"),
    [
        ((), set()),
        (("--dataset", "lgg"), {"prepare-lgg", "train-lgg", "sample-lgg"}),
        (("--preset", "small"), {"prepare-64", "train-s", "sample-s"}),
        (("--dataset", "phantom"), {"prepare-32", "prepare-64", "split", "train-q", "train-s", "sample-q", "sample-s"}),
        (("--preset", "quick"), {"prepare-32", "train-q", "sample-q", "prepare-lgg", "train-lgg", "sample-lgg"}),
        (("--preset", "quick", "--dataset", "phantom"), {"prepare-32", "train-q", "sample-q"}),
        (("--preset", "quick", "--stage", "sample"), {"sample-q", "sample-lgg"}),
        (
            ("--preset", "quick", "--dataset", "lgg", "--stage", "sample", "--stage", "train"),
            {"sample-lgg", "train-lgg"},
        ),
        (("--preset", "quick", "--preset", "small"), EVERYTHING - set(OLD)),
        (("--preset", "small", "--dataset", "lgg"), set()),
        (("--stage", "sample"), {"sample-q", "sample-s", "sample-lgg", "sample-old"}),
    ],
)
def test_only_what_was_asked_for_goes_and_only_with_yes(call, store, asked, gone):
    said = call("gc", *asked)
    assert said.exit_code == 0, said.output
    assert kept(store) == EVERYTHING
    assert {line.rpartition("/")[2] for line in said.stdout.splitlines() if "would delete" in line} == gone
    assert ("nothing was deleted: repeat with --yes" in said.stdout) == bool(gone)
    call("gc", *asked, "--yes")
    assert kept(store) == EVERYTHING - gone
    assert all((store.root / kind / "kept").exists() for kind in ("datasets", "records"))


def test_what_stays_though_it_was_asked_for_is_told(call):
    said = call("gc", "--preset", "small").stderr
    assert "kept: 1 artifact used by other runs too (phantom, quick)" in said
    assert "kept: 2 artifacts of unknown dataset and preset" in said
    assert "kept" not in call("gc", "--stage", "sample").stderr


def test_what_two_runs_share_goes_with_the_last_of_them(call, store):
    call("gc", "--preset", "small", "--yes")
    assert "split" in kept(store)
    call("gc", "--dataset", "phantom", "--yes")
    assert kept(store) == {*OLD, *RUNS[Use("lgg", "quick")]}
    assert set(uses(store.root)) == set(RUNS[Use("lgg", "quick")])


def test_a_stage_of_a_run_that_goes_leaves_its_list(call, store):
    call("gc", "--preset", "small", "--stage", "sample", "--yes")
    call("gc", "--preset", "quick", "--yes")
    assert {"split", "prepare-64", "train-s"} <= kept(store)


@pytest.mark.parametrize(
    ("option", "name", "said"),
    [
        ("--dataset", "lg", "unknown dataset in this store 'lg': did you mean 'lgg'?"),
        ("--preset", "overnight", "unknown preset in this store 'overnight': known are quick, small"),
        ("--stage", "sampel", "unknown stage 'sampel': did you mean 'sample'?"),
    ],
)
@pytest.mark.parametrize("verb", ["ls", "gc"])
def test_a_name_that_nothing_has_is_an_error_and_deletes_nothing(call, store, verb, option, name, said):
    result = call(verb, option, name, *(["--yes"] if verb == "gc" else []))
    assert isinstance(result.exception, PigbenchError)
    assert str(result.exception) == said
    assert kept(store) == EVERYTHING


def listed(result):
    assert result.exit_code == 0, result.output
    rows = [line.replace(" artifacts ", "|").replace(" artifact ", "|") for line in result.stdout.splitlines()]
    return {
        row.rpartition("|")[0].rsplit(maxsplit=1)[0].strip(): int(row.rpartition("|")[0].split()[-1]) for row in rows
    }


def test_the_store_is_listed_by_stage_dataset_or_preset(call):
    assert listed(call("ls")) == {"prepare": 3, "sample": 4, "split": 1, "train": 4, "total": 12}
    assert listed(call("ls", "--by", "dataset")) == {"lgg": 3, "phantom": 7, "unknown": 2, "total": 12}
    of_presets = {"quick": 6, "quick, small": 1, "small": 3, "unknown": 2, "total": 12}
    assert listed(call("ls", "--by", "preset")) == of_presets
    assert listed(call("ls", "--preset", "small")) == {"prepare": 1, "sample": 1, "split": 1, "train": 1, "total": 4}
    assert listed(call("ls", "--dataset", "lgg", "--stage", "train")) == {"train": 1, "total": 1}
    assert " 1 artifact " in call("ls", "--dataset", "lgg", "--stage", "train").stdout


def test_a_list_that_cannot_be_read_is_named_and_nothing_goes(call, store):
    (store.root / "uses" / "spoilt.json").write_text("{")
    result = call("gc", "--preset", "small", "--yes")
    assert isinstance(result.exception, PigbenchError)
    assert "spoilt.json cannot be read" in str(result.exception)
    assert kept(store) == EVERYTHING


def test_a_run_that_is_repeated_leaves_one_list(store):
    before = sorted((store.root / "uses").iterdir())
    note_use(store.root, Use("lgg", "quick"), reversed(RUNS[Use("lgg", "quick")]))
    assert sorted((store.root / "uses").iterdir()) == before
    assert uses(store.root)["split"] == {Use("phantom", "quick"), Use("phantom", "small")}


def test_compiled_code_is_listed_beside_the_artifacts_and_goes_only_when_asked_for(call, store):
    folder = store.root / "compiled"
    (folder / "machine").mkdir(parents=True)
    (folder / "machine" / "network-hash.zip").write_bytes(bytes(2**20))
    lines = call("ls").stdout.splitlines()
    assert lines[-1].split() == ["compiled", "1", "network", "1.0", "MiB"]
    assert f" {len(EVERYTHING)} artifacts" in lines[-2]
    assert "compiled" not in call("ls", "--stage", "train").stdout
    call("gc", "--stage", "train", "--yes")
    call("gc", "--compiled")
    assert folder.exists()
    call("gc", "--compiled", "--yes")
    assert not folder.exists()
    assert kept(store) == {key for key in EVERYTHING if not key.startswith("train")}


def test_one_artifact_is_singular_when_verified(call, store):
    for entry in list(store.entries())[1:]:
        store.remove(entry.path)
    assert call("verify").stdout == "1 artifact verified, 0 damaged\n"
