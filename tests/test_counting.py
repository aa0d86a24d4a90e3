"""A number with its noun."""

from __future__ import annotations

import pytest

from pigbench.counting import counted


@pytest.mark.parametrize(
    ("number", "nouns", "said"),
    [
        (0, ("case",), "0 cases"),
        (1, ("case",), "1 case"),
        (1373, ("case",), "1,373 cases"),
        (1, ("study", "studies"), "1 study"),
        (2, ("study", "studies"), "2 studies"),
    ],
)
def test_only_one_of_something_is_singular(number, nouns, said):
    assert counted(number, *nouns) == said
