"""The options of `pigbench tune` and of `run --tuned`; tests/tuning has them at work."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pigbench.cli import main
from pigbench.cli.options import spelled_out


@pytest.mark.parametrize(
    ("arguments", "spelled"),
    [
        (["run", "--tuned"], ["run", "--tuned", ""]),
        (["run", "--tuned", "--n", "8"], ["run", "--tuned", "", "--n", "8"]),
        (["run", "--tuned", "pig-quick", "--tuned"], ["run", "--tuned", "pig-quick", "--tuned", ""]),
        (["run", "--tuned=pig-quick"], ["run", "--tuned=pig-quick"]),
        ([], []),
    ],
)
def test_a_bare_option_gets_an_empty_name(arguments: list[str], spelled: list[str]) -> None:
    assert spelled_out(arguments) == spelled


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("tune generator ddim --preset smoke", "tune that with `pigbench tune generator ddpm`"),
        ("tune generator identity", "'identity' trains nothing"),
        ("tune generator pgi", "did you mean 'pig'"),
        ("tune segmenter unett", "did you mean 'unet'"),
        ("tune generator pig --set-aside 0.05", "--set-aside 0.05: 4 of 80 patients, and 3 inner folds need 6"),
        ("tune generator pig --storage studies.db", "--storage studies.db: give sqlite:///FILE"),
        ("tune show absent", "no studies in"),
        ("run --set-aside 0.05", "4 of 80 patients"),
        ("run --set-aside 0.75 --folds 30", "has 20 patients besides those set aside, fewer than 30 folds"),
        ("run --tuned absent --dry-run", "unknown study 'absent': known are none"),
        ("run --tuned --store here", "Run: pigbench tune generator pig --trials 20 --preset quick --dataset phantom"),
        ("run --tuned a --storage journal:nowhere", "no studies in nowhere"),
        ("run --generator identity --tuned", "no generator of this run has anything to tune"),
    ],
)
def test_bad_input_is_named(
    arguments: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["pigbench", *arguments.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert message in said, said
    assert not (tmp_path / "nowhere").exists()


def test_an_account_in_a_storage_s_url_is_in_no_record() -> None:
    from pigbench.privacy import without_paths

    told = without_paths("pigbench run --tuned --storage postgresql://me:secret@host:5432/studies")
    assert "secret" not in told
    assert "me" not in told.split("postgresql")[1]
