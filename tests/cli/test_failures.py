"""What a run says of what failed: why, and whether the same command helps."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from pigbench.api import complete as module
from pigbench.api.failures import prospects
from pigbench.api.request import Options, Setup, set_up
from pigbench.cli.printing import complete_and_show
from pigbench.engine.driver import Outcome
from pigbench.planning.plan import Plan
from pigbench.stages.node import Node, Purpose

TRAINED = [Node("train", f"train {number}", {}, {}, Purpose(f"pig {number}")) for number in range(3)]
SAMPLED = [Node("sample", f"sample {node.key}", {}, {"trained": node}, Purpose("pig")) for node in TRAINED]


@pytest.mark.parametrize(
    ("failed", "hindered", "said"),
    [
        ([], [], ""),
        ([0], [0], "1 stage FAILED, and 1 stage that rests on it could not run: the same command tries it again"),
        (
            [0, 1],
            [0, 1],
            "2 stages FAILED, and 2 stages that rest on them could not run: the same command tries them again",
        ),
        (
            [1],
            [],
            "1 stage FAILED, and 1 stage that rests on it could not run: the same command would fail the same way, so "
            "first change what the reason names",
        ),
        (
            [0, 1, 2],
            [1],
            "3 stages FAILED, and 3 stages that rest on them could not run: the same command tries 1 again, but 2 "
            "would fail the same way until you change what the reasons name",
        ),
    ],
)
def test_only_what_may_pass_is_said_to_be_worth_another_try(
    failed: Collection[int], hindered: Collection[int], said: str
) -> None:
    reasons = {node.key: "it broke" for number in failed for node in (TRAINED[number], SAMPLED[number])}
    outcome = Outcome(failed=reasons, hindered={TRAINED[i].key for i in hindered})
    assert prospects([*TRAINED, *SAMPLED], outcome) == said


def test_what_rests_on_nothing_else_stands_alone() -> None:
    assert prospects(TRAINED, Outcome(failed={"train 0": "it broke"})).startswith(
        "1 stage FAILED: the same command would fail"
    )


@pytest.fixture
def fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[], tuple[int, str, str]]:
    """A run of PIG on the phantom whose preparation fails, and so all of it: exit code, stdout, stderr."""

    def run() -> tuple[int, str, str]:
        setup = set_up(Options(generator="pig", preset="smoke", device="cpu", store=tmp_path))

        def compute(setup: Setup, plan: Plan) -> Outcome:
            failed: dict[str, str] = {}
            for node in plan.nodes():
                if node.label == "prepare phantom":
                    failed[node.key] = "no such file"
                elif any(other.key in failed for other in node.inputs.values()):
                    failed[node.key] = "prepare phantom: no such file"
            return Outcome(failed=failed)

        monkeypatch.setattr(module, "compute", compute)
        with pytest.raises(SystemExit) as ended:
            complete_and_show(setup)
        return ended.value.code, *capsys.readouterr()

    return run


def test_a_run_that_failed_as_a_whole_shows_its_reasons_and_no_tables(fail) -> None:
    code, out, said = fail()
    assert code == 1
    assert out == ""
    first, last = said.splitlines()
    assert first == "FAILED: prepare phantom: no such file"
    assert last.startswith("1 stage FAILED, and ")
