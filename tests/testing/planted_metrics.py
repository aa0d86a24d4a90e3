"""Metrics that keep the contract, and many that break it, each in one place."""

from __future__ import annotations

import numpy as np

from pigbench.contracts import CaseMetric, EmptyRule, SetMetric


class GoodOfCases(CaseMetric):
    """The smaller of the two areas over the larger."""

    heading = "Areas"
    note = "areas: the smaller over the larger"
    statistics = ("truth", "prediction")
    empty = EmptyRule(missed=0.0, false_alarm=0.0, both_empty="excluded")

    def measure(self, case):
        return {"truth": case.truth.sum(), "prediction": case.prediction.sum()}

    def score(self, statistics):
        smaller, larger = (pick(statistics["truth"], statistics["prediction"]) for pick in (np.minimum, np.maximum))
        return smaller / larger


class NoHeading(GoodOfCases):
    heading = ""


class BetterSideways(GoodOfCases):
    better = "sideways"


class NoRange(GoodOfCases):
    low, high = 1.0, 0.0


class NoStatistics(GoodOfCases):
    statistics = ()


class NoRule(GoodOfCases):
    empty = None


class RuleOutOfRange(GoodOfCases):
    empty = EmptyRule(missed=-1.0, false_alarm=0.0, both_empty="excluded")


class WantsArguments(GoodOfCases):
    def __init__(self, tolerance):
        self.tolerance = tolerance


class MisnamesStatistics(GoodOfCases):
    def measure(self, case):
        return {"truth": 1, "predicted": 1}


class ManyNumbers(GoodOfCases):
    def measure(self, case):
        return {"truth": case.truth.sum(axis=0), "prediction": 1}


class RaisesOnEmpty(GoodOfCases):
    def measure(self, case):
        return super().measure(case) | {"truth": np.argwhere(case.truth)[0][0]}


class NanWithoutSpacing(GoodOfCases):
    def measure(self, case):
        return super().measure(case) | {"truth": case.truth.sum() * (case.spacing or [np.nan])[0]}


class PercentNotShare(GoodOfCases):
    def score(self, statistics):
        return 100 * super().score(statistics)


class ZeroByZero(GoodOfCases):
    def measure(self, case):
        return {"truth": (case.truth & case.prediction).sum(), "prediction": (case.truth & case.prediction).sum()}


class OneForAll(GoodOfCases):
    def score(self, statistics):
        return np.nansum(super().score(statistics))


class RelativeToOthers(GoodOfCases):
    def score(self, statistics):
        found = super().score(statistics)
        return found / 2 if len(found) > 1 else found


class Nothing(GoodOfCases):
    empty = EmptyRule("excluded", "excluded", "excluded")

    def score(self, statistics):
        raise RuntimeError("not today")


class AtRandom(GoodOfCases):
    def measure(self, case):
        return super().measure(case) | {"truth": case.truth.sum() + np.random.default_rng().random()}


class Remembers(GoodOfCases):
    seen = 0

    def measure(self, case):
        type(self).seen += 1
        return super().measure(case) | {"truth": case.truth.sum() + self.seen}


class FillsHoles(GoodOfCases):
    def measure(self, case):
        case.truth[12, 12] = True
        return super().measure(case)


class HalfACaseMetric(CaseMetric):
    heading = "Half"
    statistics = ("one",)
    empty = EmptyRule(0.0, 0.0, 0.0)

    def measure(self, case):
        return {"one": 1}


class GoodOfSets(SetMetric):
    """How far the means are apart."""

    heading = "Means"
    better = "lower"
    high = np.inf
    note = "means: how far they are apart"

    def known(self, sets):
        return {"mean": sets.equal_parts()[1].mean(axis=0)}

    def measure(self, sets, known):
        mean = known["mean"] if known else sets.equal_parts()[1].mean(axis=0)
        return np.linalg.norm(sets.generated[: sets.m].mean(axis=0) - mean)


class NanForOneImage(GoodOfSets):
    def measure(self, sets, known):
        return super().measure(sets, known) if np.ptp(sets.generated, axis=0).all() else np.nan


class TooLarge(GoodOfSets):
    high = 0.01


class NeedsKnown(GoodOfSets):
    def measure(self, sets, known):
        return np.linalg.norm(sets.generated.mean(axis=0) - known["mean"])


class KnowsAnother(GoodOfSets):
    def known(self, sets):
        return {"mean": sets.heldout.mean(axis=0)}


class SetsAtRandom(GoodOfSets):
    def measure(self, sets, known):
        return super().measure(sets, known) + np.random.default_rng().random()


class Normalises(GoodOfSets):
    def measure(self, sets, known):
        sets.generated[:] /= 2
        return super().measure(sets, known)
