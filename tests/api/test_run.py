"""Runs, pairs of other tools, and samples from Python, as a script, a notebook and a pipe start them."""

from __future__ import annotations

import builtins
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import pigbench
from pigbench.api import complete
from pigbench.data.datasets import open_dataset
from pigbench.data.fold_manifests import write_split
from pigbench.engine.driver import Event, Outcome
from pigbench.results import read_record, same_numbers

README = Path(__file__).parents[2] / "README.md"
EXAMPLE = """import pigbench

record = pigbench.run(generator="pig", n=2048, folds=5, dataset="phantom", preset="quick")
tables = pigbench.compare("runs")
tables  # both tables
tables.segmentation.select("arm", "dice_mean", "dice_delta", "dice_low", "dice_high")
images, masks = pigbench.sample(generator="pig", n=16)
"""


def test_it_leaves_and_gives_the_record_of_the_command_line(home, tmp_path: Path) -> None:
    (path,) = (home.path / "runs" / "records").glob("*.json")
    assert same_numbers(read_record(path), home.record) == []
    assert home.record.generators.keys() == {"identity"}
    arguments = ["run", "--generator", "identity", "--dataset", "tiny", "--preset", "smoke"]
    arguments += ["--set", "segmentation.steps=4", "--device", "cpu", "--results", str(tmp_path)]
    code = "from pigbench.cli import main; main()"
    subprocess.run([sys.executable, "-c", code, *arguments], cwd=home.path, check=True, capture_output=True)
    (theirs,) = map(read_record, tmp_path.glob("*.json"))
    assert theirs.key == home.record.key
    assert same_numbers(theirs, home.record) == []
    command = home.record.provenance.command
    assert command.startswith("pigbench.run(generator='identity', dataset='tiny', preset='smoke', set=")
    assert str(home.path) not in command


def test_the_same_call_again_computes_nothing_and_says_so(home, capsys: pytest.CaptureFixture[str]) -> None:
    assert pigbench.run(**home.options) == home.record
    assert capsys.readouterr() == ("", "")
    assert pigbench.run(**home.options | {"progress": True}) == home.record
    assert capsys.readouterr().err.startswith("Already computed: ")


def test_what_failed_stands_in_the_record(home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(setup: Any, plan: Any) -> Outcome:
        return Outcome(failed={node.key: "it broke" for node in plan.targets})

    monkeypatch.setattr(complete, "compute", fail)
    record = pigbench.run(**home.options | {"results": tmp_path, "seed": 9})
    assert {(fit.status, fit.reason) for fit in record.fits} == {("failed", "it broke")}


def test_an_interruption_passes_through(home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pigbench.engine.local.run_plan", stop)
    with pytest.raises(KeyboardInterrupt):
        pigbench.run(**home.options | {"results": tmp_path, "seed": 9})
    assert not list(tmp_path.iterdir())


def test_samples_are_arrays(home) -> None:
    common = {"store": home.path / "runs", "workers": 1, "device": "cpu", "progress": False}
    images, masks = pigbench.sample(**common)  # as in the newest record
    assert images.shape == masks.shape == (8, 1, 16, 16)
    assert (images.dtype, masks.dtype) == (np.float32, np.uint8)
    assert images.min() >= -1 and images.max() <= 1 and set(np.unique(masks)) == {0, 1}
    fewer = pigbench.sample("identity", n=3, **common)
    assert np.array_equal(fewer.images, images[:3]) and np.array_equal(fewer.masks, masks[:3])
    with pytest.raises(pigbench.PigbenchError, match="one generator"):
        pigbench.sample("all", train=True, **common)


def test_pairs_of_another_tool_get_their_row(home, others: Path) -> None:
    options = {name: value for name, value in home.options.items() if name != "generator"}
    record = pigbench.evaluate(others, "tool-1.0", **options)
    (label,) = record.generators
    assert label == "tool-1.0 (UNSEALED)"
    assert set(record.arms) == {"real", f"real+{label}_24"}
    assert {fit.status for fit in record.fits} == {"ok"}
    with pytest.raises(pigbench.PigbenchError, match="24 images equal or nearly equal held-out ones"):
        pigbench.evaluate(home.path / "pngs", "leak", **options)


def test_subsets_and_uses_stand_in_one_record(home, tmp_path: Path) -> None:
    """One generator, judged by real-only segmenters of the same patients, in every way, for two numbers of patients."""
    ways = ("mix", "pretrain", "filter", "filter+pretrain")
    asked = {"use": ways, "train_patients": "2,all", "trainings": 2, "results": tmp_path}
    record = pigbench.run(**home.options | {"generator": "copy-paste"} | asked)
    assert {fit.status for fit in record.fits} == {"ok"}
    told = {(arm.use, arm.train_patients) for arm in record.arms.values()}
    assert told == {(use, size) for use in ("real", "mixed", *ways[1:]) for size in (2, None)}
    assert {fit.steps for fit in record.fits} == {4}, "all arms take as many"
    chosen = [fit for fit in record.fits if "filter" in fit.arm]
    assert {fit.offered for fit in chosen} == {16} and all(fit.synthetic_used <= 8 for fit in chosen)
    assert {run.train_patients for run in record.agreements} == {2, None}
    assert all(run.agreement is not None for run in record.agreements)
    assert len(record.agreements) == len(record.gates) == 2 * record.folds


def test_pairs_made_from_a_subset_are_compared_with_it(home, others: Path, tmp_path: Path) -> None:
    folds, pairs = tmp_path / "folds", tmp_path / "pairs"
    write_split(open_dataset("tiny", home.path / "runs"), 2, 0, folds, train_patients=2)
    for fold in range(2):
        shutil.copytree(others, pairs / f"fold-{fold}")
        shutil.copy(folds / f"fold-{fold}.json", pairs / f"fold-{fold}/manifest.json")
    options = {name: value for name, value in home.options.items() if name != "generator"}
    record = pigbench.evaluate(pairs, "tool", train_patients=2, **options)
    assert set(record.arms) == {"real (2 patients)", "real+tool_24 (2 patients)"}
    assert {fit.status for fit in record.fits} == {"ok"} and record.generators["tool"].sealed
    for wrong, said in ((None, "no fold"), ("2,all", "give one number")):
        with pytest.raises(pigbench.PigbenchError, match=said):
            pigbench.evaluate(pairs, "tool", train_patients=wrong, **options)


UNGUARDED = """
import pigbench
images, masks = pigbench.sample("identity", dataset="tiny", preset="smoke", folds=2, seed=SEED, device="cpu", workers=1)
print(images.shape)
"""


@pytest.mark.parametrize("way", ["script", "pipe"])
def test_neither_a_script_nor_a_pipe_needs_a_guard(home, way: str) -> None:
    """The workers do not run the script again: it would print twice, or fail while it starts workers of its own."""
    code = UNGUARDED.replace("SEED", {"script": "1", "pipe": "2"}[way])
    script = home.path / "script.py"
    script.write_text(code)
    command, given = ([script.name], None) if way == "script" else (["-"], code)
    done = subprocess.run([sys.executable, *command], cwd=home.path, input=given, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "(8, 1, 16, 16)\n"), done.stderr
    assert "stages, " in done.stderr and "sample identity, chunk 0, fold 0, seed" in done.stderr


def test_a_notebook_shows_progress_in_its_place(home, monkeypatch: pytest.MonkeyPatch) -> None:
    """By IPython alone, one display that changes, without a line a stage."""
    shown: list[Any] = []

    def display(*content: Any, display_id: bool = False, **_: Any) -> Any:
        shown.append(content)
        return SimpleNamespace(update=lambda changed, raw: shown.append(changed["text/plain"]))

    module = ModuleType("IPython.display")
    module.display = display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    monkeypatch.setattr(builtins, "get_ipython", type("ZMQInteractiveShell", (), {}), raising=False)

    from pigbench.api.request import Options, set_up
    from pigbench.reporting.bar import reading
    from pigbench.reporting.progress import observer

    setup = set_up(Options(**home.options))
    with observer(setup.plan, setup.request, setup.store, 1, setup.size) as observe:
        observe(Event("progress", "train pig", 0.5, "half", total=2))
        observe(Event("done", "train pig", done=1, total=2))
        observe(Event("done", "sample pig", done=2, total=2))
    texts = [text for text in shown if isinstance(text, str)]
    assert "train pig" in texts[0] and "half" in texts[0]
    assert texts[-1].startswith("2/2 stages")
    with reading() as advance:
        advance(7, 7)
    assert shown[-1] == "reading 7/7"


def test_the_readmes_example_runs(home, monkeypatch: pytest.MonkeyPatch) -> None:
    """In miniature: as the finished run of these tests."""
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    example = next((block for block in blocks if "import pigbench\n" in block), EXAMPLE)
    small = home.options | {"store": "runs"}

    def run(**asked: Any) -> Any:
        return real_run(**asked | {"n": 8, "folds": 2} | small)

    def sample(generator: str | None = None, **asked: Any) -> Any:
        return real_sample("identity", **asked | {"n": 8, "progress": False})

    real_run, real_sample = pigbench.run, pigbench.sample
    monkeypatch.chdir(home.path)
    monkeypatch.setattr(pigbench, "run", run)
    monkeypatch.setattr(pigbench, "sample", sample)
    names: dict[str, Any] = {}
    exec(example, names)
    assert names["record"].key == home.record.key
    assert json.loads(names["record"].model_dump_json())
    assert names["tables"].segmentation.height >= 2
