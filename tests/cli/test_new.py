"""`pigbench new`: what it writes works at once; what it cannot write it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pigbench.cli.new import app
from pigbench.errors import PigbenchError


def install(package: Path, site: Path) -> None:
    """What `pip install` would make of the package's pyproject.toml: module and metadata."""
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    metadata = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    groups = [
        "\n".join([f"[{group}]", *(f"{name} = {target}" for name, target in points.items())])
        for group, points in project["entry-points"].items()
    ]
    (metadata / "entry_points.txt").write_text("\n".join(groups))
    for module in package.glob("*.py"):
        (site / module.name).write_bytes(module.read_bytes())


@pytest.mark.process
@pytest.mark.parametrize("kind", ["generator", "segmenter", "metric"])
def test_what_it_writes_is_found_and_passes_its_own_test(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, [kind, "my-first"])
    assert done.exit_code == 0, done.output
    package, site = tmp_path / "my-first", tmp_path / "site"
    assert {file.name for file in package.iterdir()} == {
        "README.md",
        "my_first.py",
        "pyproject.toml",
        "test_my_first.py",
    }
    assert f"{package.name}/my_first.py" in done.stdout
    install(package, site)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])}
    code = f"from pigbench import registry; print(registry.find('{kind}s', 'my-first').load().__doc__)"
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip()
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_my_first.py"],
        cwd=package,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "1 passed" in tested.stdout, tested.stdout


@pytest.mark.parametrize("kind", ["generator", "segmenter", "metric"])
def test_it_is_short_and_stays_within_the_line(kind: str, tmp_path: Path) -> None:
    CliRunner().invoke(app, [kind, "a-name-of-common-length", "--out", str(tmp_path / "x")])
    lines = (tmp_path / "x" / "a_name_of_common_length.py").read_text().splitlines()
    assert len([line for line in lines if line.strip() and not line.strip().startswith("#")]) <= 40
    assert max(map(len, lines)) <= 120


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["generator", "pig"], "the generator 'pig' is there already, of pigbench"),
        (["segmenter", "unet"], "the segmenter 'unet' is there already, of pigbench"),
        (["metric", "dice"], "the metric 'dice' is there already, of pigbench"),
        (["metric", "kid"], "the metric 'kid' is there already, of pigbench"),
        (["generator", "my noise"], "'my noise' cannot be a plugin's name"),
        (["generator", "2d"], "'2d' cannot be a plugin's name"),
        (["generator", "../up"], "cannot be a plugin's name"),
        (["generator", "class"], "'class' means something to Python already"),
        (["generator", "json"], "'json' means something to Python already"),
        (["generator", "torch"], "'torch' means something to Python already"),
        (["generator", "pairs"], "'pairs' means something to Python already"),
        (["generator", "taken"], "taken is in the way"),
        (["generator", "fresh", "--out", "taken"], "taken is in the way"),
        (["generator", "fresh", "--out", "taken/file"], "file is in the way"),
    ],
)
def test_what_it_refuses(arguments: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("mine")
    with pytest.raises(PigbenchError, match=told):
        CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert [file.name for file in tmp_path.rglob("*")] == ["taken", "file"]
