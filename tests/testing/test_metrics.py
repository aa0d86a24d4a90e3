"""As for generators: each planted fault is found and named."""

from __future__ import annotations

from importlib import import_module

import pytest

from pigbench.contracts import rule
from pigbench.testing import ContractBroken, check_metric, results_of
from pigbench.testing.masks import make_cases, make_sets

NAMES, FINITE, SCORES = rule("The statistics have"), rule("A statistic is finite"), rule("Scores are one number")
SAME, ALONE, ONE = rule("The same masks"), rule("A metric leaves"), rule("A set metric gives")

FAULTS = [
    ("NoHeading", "declaration", "its heading is ''", "heading: of its column."),
    ("BetterSideways", "declaration", "its better is 'sideways'", "better: which way is better."),
    ("NoRange", "declaration", "from 1.0 to 0.0", "low, high: the range of its values"),
    ("NoStatistics", "declaration", "no statistics", "statistics: the names of what `measure` gives."),
    ("NoRule", "declaration", "no rule for empty masks", "statistics: the names of what `measure` gives."),
    ("RuleOutOfRange", "declaration", "gives -1.0 to missed", SCORES),
    ("WantsArguments", "declaration", "missing 1 required positional argument", ""),
    ("HalfACaseMetric", "declaration", "it does not have all methods: score", "A metric of one case."),
    ("MisnamesStatistics", "statistics", "gave truth, predicted where it declares truth, prediction", NAMES),
    ("ManyNumbers", "statistics", "gave an array (40,) as 'truth'", NAMES),
    (
        "RaisesOnEmpty",
        "statistics",
        "measure of empty where the prediction is empty raises IndexError",
        "The statistics of",
    ),
    ("NanWithoutSpacing", "scores", "gave nan as 'truth'", FINITE),
    ("PercentNotShare", "scores", "where 0 to 1 is the range", SCORES),
    (
        "ZeroByZero",
        "scores",
        "in a corner where the prediction is a pixel gave a score of nan",
        SCORES,
    ),
    ("OneForAll", "scores", "gave scores () float64 of 1 case", SCORES),
    ("RelativeToOthers", "scores", "by itself and", SCORES),
    ("Nothing", "scores", "empty raises RuntimeError: not today (planted_metrics.py, line", "(N,) scores"),
    ("AtRandom", "same again", "has another truth", SAME),
    ("Remembers", "same again", "has another truth", SAME),
    ("FillsHoles", "masks alone", "'truth' has changed", ALONE),
    ("NanForOneImage", "value", "one image again and again gave", ONE),
    ("TooLarge", "value", "where 0 to 0.01 is the range", ONE),
    ("NeedsKnown", "value", "raises KeyError: 'mean' (planted_metrics.py, line", "The value."),
    ("KnowsAnother", "known", "with what is known", "What follows from the real images alone"),
    ("SetsAtRandom", "known", "with what is known", "What follows from the real images alone"),
    ("Normalises", "features alone", "'generated' has changed", ALONE),
]


def plugin(name: str) -> type:
    return getattr(import_module("planted_metrics"), name)


@pytest.mark.process
@pytest.mark.parametrize("name", ["GoodOfCases", "GoodOfSets"])
def test_a_good_one_passes_every_check(name: str) -> None:
    results = list(results_of("metrics", plugin(name)))
    assert {result.state for result in results} == {"ok"}, results
    assert len(results) == 6


@pytest.mark.parametrize(("name", "check", "told", "sentence"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_a_planted_fault_is_named_with_the_contracts_sentence(name: str, check: str, told: str, sentence: str) -> None:
    with pytest.raises(ContractBroken) as broken:
        check_metric(plugin(name))
    said = str(broken.value)
    assert said.startswith(f"{name}: {check}: ")
    assert told in said
    assert sentence in said.partition("\nThe contract: ")[2]


@pytest.mark.process
def test_a_module_that_imports_torch_is_found() -> None:
    with pytest.raises(ContractBroken, match="late imports: importing planted_heavy imports torch"):
        check_metric(import_module("planted_heavy").HeavyMetric)


def test_masks_of_many_kinds_are_tried() -> None:
    cases = make_cases()
    assert {(bool(case.truth.any()), bool(case.prediction.any())) for case in cases.values()} == {
        (lesion, predicted) for lesion in (True, False) for predicted in (True, False)
    }
    assert {case.truth.all() for case in cases.values()} == {True, False}
    assert {case.spacing for case in cases.values()} == {None, (0.5, 0.8)}
    assert all(case.truth.shape[0] != case.truth.shape[1] for case in cases.values())
    others = [name for name, case in cases.items() if ((case.probability >= 0.5) != case.prediction).any()]
    assert others == ["one class of several, the most probable by less than a half"]
    assert all(len(sets.equal_parts()[0]) == len(sets.equal_parts()[1]) == sets.m for sets in make_sets().values())
