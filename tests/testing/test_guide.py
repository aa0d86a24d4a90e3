"""What the guide shows as complete is complete."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from pigbench.testing import check_generator

GUIDE = Path(__file__).parents[2] / "docs" / "adding-a-generator.md"


@pytest.mark.process
@pytest.mark.skipif(not GUIDE.is_file(), reason="the guide is not part of a source distribution")
def test_the_generator_of_the_guide_keeps_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "guide_sketch.py").write_text(example, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    check_generator(import_module("guide_sketch").Sketch)
