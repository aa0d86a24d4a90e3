"""Commands without what may name a person or a folder."""

from __future__ import annotations

import pytest

from pigbench.reporting.report.text import without_values


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("/opt/anna/pigbench run --generator pig --store anna", "pigbench run --generator pig --store …"),
        (
            "pigbench evaluate Anna --dataset lgg --n=3 --store=anna",
            "pigbench evaluate … --dataset lgg --n=3 --store=…",
        ),
        ("pigbench run --own-flag anna --controls", "pigbench run --own-flag … --controls"),
        ("pigbench run --dataset 'my set' --set pig.weights=anna/x", "pigbench run --dataset 'my set' --set …"),
        ("pigbench.run(generator=['pig'], store='anna', n=3)", "pigbench.run(generator=['pig'], store='…', n=3)"),
        ("pigbench.evaluate('anna', dataset='lgg')", "pigbench.evaluate('…', dataset='lgg')"),
        ("pigbench run 'anna", "…"),
        ("pigbench.run(anna", "…"),
        ("", ""),
    ],
)
def test_only_values_that_are_no_paths_are_told(command: str, told: str) -> None:
    assert without_values(command) == told
