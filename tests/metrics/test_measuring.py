"""Case metrics at work: what is measured once, what is excluded, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from pigbench import metrics, registry
from pigbench.contracts import CaseMetric, EmptyRule, rule
from pigbench.errors import PigbenchError
from pigbench.metrics.measuring import measure_cases

COMPUTED = EmptyRule("computed", "computed", "computed")


class Area(CaseMetric):
    """A metric that keeps the contract: the share of the image that is predicted."""

    statistics = ("predicted", "pixels")
    empty = COMPUTED

    def measure(self, case):
        return {"predicted": case.prediction.sum(), "pixels": case.prediction.size}

    def score(self, statistics):
        return statistics["predicted"] / statistics["pixels"]


class OneTooMany(Area):
    def measure(self, case):
        return {**super().measure(case), "more": 1}


class OneMissing(Area):
    def measure(self, case):
        return {"pixels": 4}


class Nothing(Area):
    def measure(self, case):
        return None


class AnArray(Area):
    def measure(self, case):
        return {**super().measure(case), "predicted": np.ones(3)}


class AWord(Area):
    def measure(self, case):
        return {**super().measure(case), "predicted": "3"}


class NotANumber(Area):
    def measure(self, case):
        return {**super().measure(case), "predicted": np.nan}


class Infinite(Area):
    def measure(self, case):
        return {**super().measure(case), "predicted": np.inf}


class Percent(Area):
    def score(self, statistics):
        return 100 * super().score(statistics)


class NoScore(Area):
    def score(self, statistics):
        return super().score(statistics) * np.nan


class TheMean(Area):
    def score(self, statistics):
        return super().score(statistics).mean()


class Words(Area):
    def score(self, statistics):
        return super().score(statistics).astype(str)


class RuleOutOfRange(Area):
    empty = EmptyRule(missed=-1.0, false_alarm=0.0, both_empty="excluded")


class Overwrites(Area):
    def measure(self, case):
        case.prediction[:] = True
        return super().measure(case)


class Raises(Area):
    def measure(self, case):
        raise KeyError("a key")


class RaisesInScore(Area):
    def score(self, statistics):
        raise RuntimeError("no score\ntoday")


class Undeclared(CaseMetric):
    def measure(self, case):
        return {}

    def score(self, statistics):
        return np.zeros(1)


NAMES, FINITE, SCORES = rule("The statistics have"), rule("A statistic is finite"), rule("Scores are one number")
REFUSED = [
    (OneTooMany, "gave predicted, pixels, more where it declares predicted, pixels", NAMES),
    (OneMissing, "gave pixels where it declares predicted, pixels", NAMES),
    (Nothing, "gave None where it declares predicted, pixels", NAMES),
    (AnArray, "gave an array (3,) as 'predicted'", NAMES),
    (AWord, "gave '3' as 'predicted'", NAMES),
    (NotANumber, "gave nan as 'predicted' of case 0", FINITE),
    (Infinite, "gave inf as 'predicted' of case 0", FINITE),
    (Percent, "gave a score of 50.0 to case 0, where 0 to 1 is the range", SCORES),
    (NoScore, "gave a score of nan to case 0", SCORES),
    (TheMean, "gave scores () float64 of 3 cases", SCORES),
    (Words, "of 3 cases", SCORES),
    (RuleOutOfRange, "gave a score of -1.0 to case 2", SCORES),
    (Overwrites, "raised ValueError: assignment destination is read-only (test_measuring.py, line", ""),
    (Raises, "raised KeyError: 'a key' (test_measuring.py, line", ""),
    (RaisesInScore, "raised RuntimeError: no score today (test_measuring.py, line", ""),
    (Undeclared, "cannot be computed: it declares no statistics, or no rule for empty masks", ""),
]


@pytest.fixture
def cases(masks):
    return [masks(["##.."], ["#..#"]), masks(["..#."], ["..#."]), masks(["...#"], ["...."])]


@pytest.mark.parametrize(("bad", "what", "sentence"), REFUSED, ids=[bad.__name__ for bad, *_ in REFUSED])
def test_a_bad_metric_is_refused_with_name_and_sentence_and_the_others_stay(bad, what, sentence, cases):
    alone = measure_cases({"dice": metrics.find("dice"), "area": Area()}, cases)
    found = measure_cases({"dice": metrics.find("dice"), "mine": bad(), "area": Area()}, iter(cases))
    assert list(found.refused) == ["mine"]
    assert found.refused["mine"].startswith("metric 'mine' ")
    assert what in found.refused["mine"]
    assert found.refused["mine"].endswith(f"; the contract says: {sentence}" if sentence else "")
    assert "mine" not in found.statistics
    assert list(found.scores) == ["dice", "area"]
    for name, scores in alone.scores.items():
        np.testing.assert_array_equal(found.scores[name], scores)


def test_a_statistic_may_be_nan_where_the_rule_decides(masks):
    class Decided(NotANumber):
        empty = EmptyRule(missed=0.25, false_alarm="excluded", both_empty=1.0)

    cases = [masks(["#."], [".."]), masks([".."], ["#."]), masks([".."], [".."])]
    found = measure_cases({"decided": Decided()}, cases)
    assert not found.refused
    np.testing.assert_array_equal(found.scores["decided"], [0.25, np.nan, 1.0])
    assert np.isnan(found.statistics["decided"]["predicted"]).all()


def test_statistics_that_are_shared_are_measured_once_and_kept_once(cases, monkeypatch):
    from pigbench.metrics.overlap import Overlap

    calls = []
    measure = Overlap.measure
    monkeypatch.setattr(Overlap, "measure", lambda self, case: calls.append(1) or measure(self, case))
    found = measure_cases({name: metrics.find(name) for name in ("dice", "iou", "precision", "recall")}, cases)
    assert len(calls) == len(cases)
    assert list(found.statistics) == ["overlap"]
    assert list(found.scores) == ["dice", "iou", "precision", "recall"]


def test_a_stranger_cannot_slip_other_statistics_under_a_name(cases):
    class Counterfeit(Area):
        kept_as = "overlap"

    found = measure_cases({"dice": metrics.find("dice"), "mine": Counterfeit(), "overlap": Area()}, cases)
    assert found.refused == {
        name: f"metric '{name}' cannot be computed: 'dice' keeps other statistics under 'overlap'"
        for name in ("mine", "overlap")
    }
    assert list(found.statistics["overlap"]) == ["tp", "fp", "fn", "tn"]


def test_one_that_fails_takes_those_with_it_that_share_its_statistics_and_no_score_of_it_is_kept(cases):
    class First(Raises):
        kept_as = "shared"

    class Second(First):
        pass

    found = measure_cases({"first": First(), "second": Second(), "area": Area()}, cases)
    assert list(found.refused) == ["first", "second"]
    assert "'second' raised KeyError" in found.refused["second"]
    assert list(found.statistics) == ["area"]


def test_cases_come_one_at_a_time(masks):
    """A case is let go before the next one is made."""
    import weakref

    alive: list[weakref.ref] = []

    def made():
        for _ in range(3):
            case = masks(["#."], ["#."])
            assert not any(case() is not None for case in alive[:-1])
            alive.append(weakref.ref(case.truth))
            yield case
            del case

    assert len(measure_cases({"dice": metrics.find("dice")}, made()).scores["dice"]) == 3


def test_no_cases_give_no_scores():
    found = measure_cases({name: metrics.find(name) for name in metrics.MEASURED}, [])
    assert not found.refused
    assert all(scores.shape == (0,) for scores in found.scores.values())


def test_an_error_of_the_cases_is_nobodys_fault():
    def broken():
        raise OSError("no such file")
        yield

    with pytest.raises(OSError, match="no such file"):
        measure_cases({"dice": metrics.find("dice")}, broken())


def test_the_default_metrics_are_there_with_names_of_one_kind_each():
    assert metrics.COLUMNS == ("dice", "iou", "precision", "recall", "found", "false_alarms")
    assert all(isinstance(metrics.find(name), CaseMetric) for name in metrics.MEASURED)
    assert not any(isinstance(metrics.find(name), CaseMetric) for name in metrics.SETS)


def test_a_metric_that_cannot_be_made_is_named(monkeypatch):
    plugin = registry.Plugin("mine", "metrics", "pigbench.metrics.overlap:Overlap", "stranger 1.0")
    monkeypatch.setattr(registry, "find", lambda group, name: plugin)
    with pytest.raises(PigbenchError, match=r"metric 'mine' of stranger 1\.0 cannot be made: TypeError: .*score"):
        metrics.find("mine")
