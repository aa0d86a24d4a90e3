"""What the guides show as complete is complete."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from pigbench import metrics
from pigbench.contracts import CaseMasks, Metric
from pigbench.metrics.measuring import measure_cases
from pigbench.testing import check_generator, check_metric

GUIDES = Path(__file__).parents[2] / "docs"
pytestmark = pytest.mark.skipif(not GUIDES.is_dir(), reason="the guides are not part of a source distribution")


def examples(guide: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (GUIDES / guide).read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.process
def test_the_generator_of_the_guide_keeps_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = examples("adding-a-generator.md")
    (tmp_path / "guide_sketch.py").write_text(example, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    check_generator(import_module("guide_sketch").Sketch)


@pytest.fixture
def metrics_of_the_guide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, type[Metric]]:
    """The classes of its two examples, each from a module of its own."""
    monkeypatch.syspath_prepend(str(tmp_path))
    found = {}
    for name, example in zip(("Cldice", "Spread"), examples("adding-a-metric.md"), strict=True):
        (tmp_path / f"guide_{name.lower()}.py").write_text(example, encoding="utf-8")
        found[name] = getattr(import_module(f"guide_{name.lower()}"), name)
    return found


@pytest.mark.process
@pytest.mark.parametrize("name", ["Cldice", "Spread"])
def test_the_metrics_of_the_guide_keep_the_contract(name: str, metrics_of_the_guide: dict[str, type[Metric]]) -> None:
    check_metric(metrics_of_the_guide[name])


def test_the_case_metric_of_the_guide_has_at_most_30_lines() -> None:
    lines = [line for line in examples("adding-a-metric.md")[0].splitlines() if line.strip()]
    assert len(lines) <= 30


def test_the_case_metric_of_the_guide_counts_length_and_no_width(metrics_of_the_guide: dict[str, type[Metric]]) -> None:
    line, half, bar = np.zeros((3, 20, 30), bool)
    line[7, 5:25], half[7, 5:15], bar[6:9, 5:25] = True, True, True
    both = {"cldice": metrics_of_the_guide["Cldice"](), "dice": metrics.find("dice")}
    cases = [CaseMasks(line, mask, mask.astype(np.float32)) for mask in (half, bar)]
    found = measure_cases(both, cases)  # type: ignore[arg-type]
    assert found.scores["cldice"][0] == pytest.approx(2 * 0.5 / 1.5)
    assert found.scores["cldice"][1] >= 0.9 > 0.5 == found.scores["dice"][1]
