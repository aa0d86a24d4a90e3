"""`import pigbench` costs nothing, and offers what the command line has under the same names."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from types import NoneType

import pytest

import pigbench
from pigbench.api.settings import split_changes
from pigbench.cli.evaluate import evaluate
from pigbench.cli.run import run
from pigbench.cli.sample import sample
from pigbench.errors import PigbenchError


@pytest.mark.process
def test_importing_it_imports_nothing_heavy() -> None:
    heavy = {"numpy", "polars", "pydantic", "torch", "typer", "rich", "PIL"}
    code = f"import sys, pigbench; found = {heavy} & set(sys.modules); assert not found, found"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_name_is_there_for_readers_and_for_type_checkers() -> None:
    assert set(pigbench.__all__) <= set(dir(pigbench))
    assert all(getattr(pigbench, name).__doc__ for name in pigbench.__all__)
    tree = ast.parse(Path(pigbench.__file__).read_text(encoding="utf-8"))
    seen = {
        alias.name: node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert {name: seen[name] for name in pigbench.__all__} == {
        name: f"pigbench.{home}" for name, home in pigbench._HOMES.items()
    }
    with pytest.raises(AttributeError, match="'pigbench' has no attribute 'rnu'"):
        pigbench.rnu  # noqa: B018


@pytest.mark.parametrize(
    ("verb", "function", "apart"),
    [
        (run, pigbench.run, {"dry_run"}),
        (evaluate, pigbench.evaluate, {"dry_run"}),
        (sample, pigbench.sample, {"sheet", "trace"}),
    ],
)
def test_the_arguments_are_the_options_of_the_command_line(verb, function, apart: set[str]) -> None:
    def plain(default: object) -> object:
        return default[0] if isinstance(default, list) else str(default) if isinstance(default, Path) else default

    options = {name: plain(each.default) for name, each in inspect.signature(verb).parameters.items()}
    arguments = {name: plain(each.default) for name, each in inspect.signature(function).parameters.items()}
    assert arguments.pop("progress") is True
    assert arguments == {name: default for name, default in options.items() if name not in apart}
    assert all(isinstance(default, bool | int | float | str | NoneType | type) for default in arguments.values())


def test_settings_are_a_mapping_or_texts() -> None:
    values = {
        "training.learning_rate": 1e-4,
        "pig.guide": "binary",
        "segmentation.clip": None,
        "diffusion.channels": [8],
    }
    texts = ["training.learning_rate=1e-4", "pig.guide=binary", "segmentation.clip=null", "diffusion.channels=[8]"]
    assert split_changes(values) == split_changes(texts)
    assert split_changes({"pig.guide": "1"})[0] == {"pig": {"guide": "1"}}  # a text stays one
    assert split_changes("pig.guide=binary") == split_changes(["pig.guide=binary"])
    with pytest.raises(PigbenchError, match="set: .*not JSON serializable; give numbers"):
        split_changes({"pig.guide": object()})


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"generator": "pgi"}, "did you mean 'pig'"),
        ({"folds": 1}, "--folds 1: at least 2"),
        ({"n": 1}, "--n 1: "),
        ({"seeds": 0}, "--seeds 0: at least 1"),
        ({"workers": 0}, "--workers 0: at least 1"),
        ({"set_aside": 1.0}, "--set-aside 1.0: at most 0.9"),
        ({"checkpoint_every": -1.0}, "--checkpoint-every -1.0: at least 0"),
        ({"set": {"training.lr": 1.0}}, "did you mean 'training.learning_rate'"),
        ({"dataset": "absent"}, "absent"),
        ({"engine": "dask"}, "--scheduler"),
        ({"tuned": True}, "pigbench tune generator pig"),
        ({"store": "/proc/nowhere"}, "cannot be written"),
    ],
)
def test_a_users_mistake_is_a_pigbench_error(asked: dict, said: str, tmp_path: Path) -> None:
    with pytest.raises(PigbenchError, match=said):
        pigbench.run(**({"preset": "smoke", "device": "cpu", "store": tmp_path} | asked))


def test_so_it_is_in_the_other_functions(tmp_path: Path) -> None:
    common = {"preset": "smoke", "device": "cpu", "store": tmp_path}
    with pytest.raises(PigbenchError, match="the folds are 0 to 1"):
        pigbench.sample("pig", fold=2, **common)
    with pytest.raises(PigbenchError, match="not trained with these settings: train pig"):
        pigbench.sample("pig", **common)
    with pytest.raises(PigbenchError, match="no such directory"):
        pigbench.evaluate(tmp_path / "absent", "tool", progress=False, **common)
    with pytest.raises(PigbenchError, match="absent"):
        pigbench.import_dataset("folder", tmp_path / "absent", "mine", store=tmp_path, progress=False)
    with pytest.raises(PigbenchError, match="no such file or directory: .*absent"):
        pigbench.compare(tmp_path / "absent")
