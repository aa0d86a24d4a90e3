"""`pigbench check`: a line a check, and an exit code."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from pigbench.cli.check import check
from pigbench.contracts import rule
from pigbench.errors import PigbenchError

app = typer.Typer()
app.command()(check)

FAULTY = '''
from pigbench.contracts import Generator, Pairs


class TooBright(Generator):
    """Noise that is not clipped."""

    kind = "pairs"

    def sample(self, trained, request):
        images = request.noise().numpy()
        return Pairs(images, (images > 1).astype("uint8"))
'''


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = tmp_path / "faulty-2.0.dist-info"
    metadata.mkdir()
    (tmp_path / "faulty.py").write_text(FAULTY)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 2.0\n")
    (metadata / "entry_points.txt").write_text("[pigbench.generators]\ntoobright = faulty:TooBright\n")
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.process
def test_a_strangers_good_plugin_gets_a_line_a_check_and_exit_0(plugins: Path) -> None:
    done = CliRunner().invoke(app, ["noise"])
    assert done.exit_code == 0, done.output
    *checks, verdict = done.stdout.splitlines()
    assert all(line.startswith("ok ") for line in checks)
    assert verdict == "generator 'noise' of stranger 1.0 keeps the contract"


@pytest.mark.process
def test_a_broken_one_is_named_with_the_sentence_and_exit_1(faulty: None) -> None:
    done = CliRunner().invoke(app, ["toobright", "--preset", "quick"])
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    fault = next(place for place, line in enumerate(lines) if line.startswith("BROKEN"))
    assert "samples: generator 'toobright' returned intensities up to" in lines[fault]
    assert rule("Intensities are") in lines[fault + 1]
    assert any(line.startswith("not tried batch mates") for line in lines)
    assert lines[-1] == "generator 'toobright' of faulty 2.0 breaks the contract in 1 of 15 checks"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nois", "unknown generator, segmenter or metric 'nois': did you mean 'noise'"),
        ("fond", "did you mean 'found'"),
        ("unett", "did you mean 'unet'"),
        ("absent", "generator 'absent' of stranger 1.0 does not import"),
    ],
)
def test_what_cannot_be_tried_is_a_users_mistake(name: str, told: str, plugins: Path) -> None:
    with pytest.raises(PigbenchError, match=told):
        CliRunner().invoke(app, [name], catch_exceptions=False)


@pytest.mark.process
@pytest.mark.parametrize("name", ["nsd", "image_recall"])
def test_a_metric_is_checked_by_the_rules_of_its_kind(name: str) -> None:
    done = CliRunner().invoke(app, [name])
    assert done.exit_code == 0, done.output
    *checks, verdict = done.stdout.splitlines()
    assert len(checks) == 6
    assert all(line.startswith("ok ") for line in checks)
    assert verdict.startswith(f"metric '{name}' of pigbench ")
    assert verdict.endswith("keeps the contract")
