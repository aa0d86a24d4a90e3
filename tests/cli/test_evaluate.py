"""`pigbench evaluate` and `pigbench split export`: another tool's pairs in the same tables."""

from __future__ import annotations

import csv
import json
import shutil

import pytest

from pigbench import results

SMOKE = ("--preset", "smoke", "--dataset", "tiny", "--workers", 1, "--set", "segmentation.steps=4")


@pytest.fixture(scope="module")
def home(make_home):
    """A home where the stranger's noise has run and lies exported, sealed and bare, and each fold's split."""
    home = make_home()
    for command in (
        ("run", "--generator", "noise", *SMOKE),
        ("export", "out", "--generator", "noise", *SMOKE),
        ("split", "export", "--dataset", "tiny", "--folds", 2, "--out", "split"),
    ):
        done = home(*command)
        assert done.returncode == 0, done.stderr
    shutil.copytree(home.path / "out/noise/fold-0", home.path / "bare")
    (home.path / "bare/manifest.json").unlink()
    return home


def evaluate(home, pairs: str, name: str, *more: object) -> None:
    done = home("evaluate", "--pairs", pairs, "--name", name, *SMOKE, *more)
    assert done.returncode == 0, done.stderr


def rows(home, generator: str) -> list[dict]:
    return [row for row in json.loads(home("compare", "--format", "json").stdout) if row["generator"] == generator]


def numbers(rows: list[dict]) -> dict[tuple[int, str], tuple]:
    names = ("n", "mean", "sd", "delta", "ci_low", "ci_high", "folds", "patients")
    return {(row["table"], row["metric"]): tuple(row[name] for name in names) for row in rows}


def test_exported_pairs_score_as_in_the_run_that_made_them(home) -> None:
    evaluate(home, "out/noise", "whole")
    known, given = numbers(rows(home, "noise")), numbers(rows(home, "whole"))
    for unsaved in ((1, "clipped_fraction"),):  # files do not say how much was clipped
        known.pop(unsaved), given.pop(unsaved)
    assert len(given) > 8
    assert given == known


def test_folds_evaluated_apart_fill_one_row(home) -> None:
    evaluate(home, "out/noise/fold-1", "parts")
    assert {row["folds"] for row in rows(home, "parts")} == {1}
    evaluate(home, "out/noise/fold-0", "parts", "--fold-of", "split/fold-0.json")
    of_parts = rows(home, "parts")
    assert {row["folds"] for row in of_parts} == {2}
    table2 = {key: value for key, value in numbers(of_parts).items() if key[0] == 2}
    assert table2 == {key: value for key, value in numbers(rows(home, "noise")).items() if key[0] == 2}


def test_pairs_that_nobody_vouches_for_are_marked_wherever_they_are_shown(home) -> None:
    evaluate(home, "bare", "bare", "--n", 6)
    assert "+bare (UNSEALED)_6" in home("compare").stdout
    marked = rows(home, "bare (UNSEALED)")
    assert {row["arm"] for row in marked if row["table"] == 2} == {"real+bare (UNSEALED)_6"}
    assert {row["folds"] for row in marked} == {2}
    assert results.cases(home.path / "runs").filter(arm="real+bare (UNSEALED)_6").height == 24


def test_a_split_is_that_of_the_runs(home) -> None:
    held_out = json.loads((home.path / "split/splits_final.json").read_text())
    folds = [json.loads((home.path / f"split/fold-{fold}.json").read_text()) for fold in range(2)]
    assert [sorted(fold["val"]) for fold in held_out] == [sorted(fold["train"]) for fold in held_out[::-1]]
    cases = results.read_record(home.records[0]).cases
    for fold, told in enumerate(folds):
        tested = {c for c, f in zip(cases.case_id, cases.fold, strict=True) if f == fold}
        assert set(told["held_out"]["cases"]) == tested
    again = home("split", "export", "--dataset", "tiny", "--folds", 2, "--out", "split")
    assert again.returncode == 2
    assert "not empty" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--pairs out/noise --name x --folds 3", "is of no fold of this run (seal "),
        ("--pairs bare --name x --fold-of out/noise/fold-7/manifest.json", "cannot be read"),
        ("--pairs bare --name noise", "installed generator"),
        ("--pairs bare --name x --n 9", "fold 0 has 8, so 1 more are needed, or --n 8"),
        ("--pairs bare --name x --n 6 --use filter", "fold 0 has 8, so 4 more are needed, or --n 4"),
        ("--pairs pngs --as-is --name whole --fold-of split/fold-0.json", "other pairs of that name for fold-0"),
    ],
)
def test_it_names_the_fault(home, arguments: str, message: str) -> None:
    if "whole" in arguments and not rows(home, "whole"):
        evaluate(home, "out/noise", "whole")
    done = home("evaluate", *arguments.split(), *SMOKE, "--dry-run")
    assert done.returncode == 2
    assert message in done.stderr


def test_held_out_images_with_a_valid_seal_are_refused_and_nothing_is_planned(home) -> None:
    told = json.loads((home.path / "split/fold-1.json").read_text())
    with (home.path / "split/files.csv").open(newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["held_out_in_fold"] == "1"]
    for row in rows:
        for kind in ("image", "mask"):
            target = home.path / f"leak/{kind}s" / f"{row['name']}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(row[kind], target)
    (home.path / "leak/manifest.json").write_text(json.dumps({"seal": told["seal"]}))
    done = home("evaluate", "--pairs", "leak", "--name", "leak", *SMOKE, "--dry-run")
    assert done.returncode == 2
    said = " ".join(done.stderr.split())
    assert f"fold 1: {len(rows)} of {len(rows)} images equal or nearly equal held-out ones" in said
    assert done.stdout == ""
