"""What the README shows of `results/` is what `pigbench compare` says of it."""

from __future__ import annotations

from pathlib import Path

import typer
from typer.testing import CliRunner

from pigbench.cli.compare import compare

HOME = Path(__file__).parents[2]


def test_the_readme_shows_the_published_records_as_compare_does() -> None:
    app = typer.Typer()
    app.command()(compare)
    result = CliRunner().invoke(app, [str(HOME / "results"), "--format", "markdown"])
    assert result.exit_code == 0, result.output
    readme = (HOME / "README.md").read_text(encoding="utf-8")
    said = [line for line in result.stdout.splitlines() if line]
    assert any(line.startswith("| +pig") for line in said)
    for line in said:
        shown = f"**{line.lstrip('# ')}**" if line.startswith("#") else line  # the README has headings of its own
        assert shown in readme, f"not in the README: {line}"
