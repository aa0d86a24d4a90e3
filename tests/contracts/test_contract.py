"""The contract reads in one place and is light."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pigbench import contracts
from pigbench.contracts import metric, rule


def test_every_rule_is_found_by_its_beginning() -> None:
    for text in (contracts.__doc__, metric.__doc__):
        assert text is not None
        rules = [line[2:] for line in text.splitlines() if line.startswith("- ")]
        assert rules
        for sentence in rules:
            assert rule(sentence[:15]) == sentence
    with pytest.raises(StopIteration):
        rule("Rules the suite")


def test_every_name_is_told_and_none_twice() -> None:
    assert len(set(contracts.__all__)) == len(contracts.__all__)
    for name in contracts.__all__:
        assert getattr(contracts, name) is not None


@pytest.mark.process
def test_it_imports_nothing_heavy() -> None:
    code = "import sys, pigbench.contracts; print({'torch', 'scipy', 'sklearn', 'polars'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "set()"
