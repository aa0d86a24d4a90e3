"""Set metrics at work: values and floors, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from pigbench import metrics
from pigbench.contracts import SetMetric, rule
from pigbench.errors import PigbenchError
from pigbench.metrics.comparing import compare_sets, known_and_floors

ALL = {name: metrics.find(name) for name in metrics.SETS}


class Constant(SetMetric):
    """A metric that keeps the contract."""

    def measure(self, sets, known):
        return 0.5


class NotANumber(Constant):
    def measure(self, sets, known):
        return float("nan")


class Nothing(Constant):
    def measure(self, sets, known):
        return None


class OfEveryImage(Constant):
    def measure(self, sets, known):
        return sets.generated.mean(axis=1)


class OutOfRange(Constant):
    def measure(self, sets, known):
        return 2.0


class Overwrites(Constant):
    def measure(self, sets, known):
        sets.reference[:] = 0
        return 0.5


class NeedsMore(Constant):
    def measure(self, sets, known):
        raise PigbenchError("50 images are too few")


class RaisesInKnown(Constant):
    def known(self, sets):
        raise KeyError("mu")


class RaisesOnBias(Constant):
    def biased(self, m, dimension):
        raise KeyError("m")


ONE = rule("A set metric gives")
REFUSED = [
    (NotANumber, "gave nan", ONE),
    (Nothing, "gave None", ONE),
    (OfEveryImage, "gave array(", ONE),
    (OutOfRange, "gave 2.0, where 0 to 1 is the range", ONE),
    (Overwrites, "raised ValueError: assignment destination is read-only (test_comparing.py, line", ""),
    (NeedsMore, "cannot be computed: 50 images are too few", ""),
    (RaisesInKnown, "raised KeyError: 'mu' (test_comparing.py, line", ""),
    (RaisesOnBias, "raised KeyError: 'm' (test_comparing.py, line", ""),
]


@pytest.mark.parametrize(("bad", "what", "sentence"), REFUSED, ids=[bad.__name__ for bad, *_ in REFUSED])
def test_a_bad_metric_is_refused_with_name_and_sentence_and_the_others_stay(bad, what, sentence, draws, make_sets):
    sets, both = make_sets(draws(0, 25)), {"mine": bad(), "kid": metrics.find("kid")}
    found = compare_sets(both, sets, known_and_floors(both, sets))
    alone = compare_sets(ALL, sets, known_and_floors(ALL, sets))
    assert found.values == {"kid": alone.values["kid"]}
    assert list(found.refused) == ["mine"]
    assert found.refused["mine"].startswith("metric 'mine' ")
    assert what in found.refused["mine"]
    assert found.refused["mine"].endswith(f"; the contract says: {sentence}" if sentence else "")


def test_the_floor_is_of_training_images_at_the_same_m_where_there_are_as_many(draws, make_sets):
    of_all = known_and_floors(ALL, make_sets(draws(0, 40)))
    assert of_all.floor_m == 30
    cut = known_and_floors(ALL, make_sets(draws(0, 20)))
    assert cut.floor_m == 20
    assert list(cut.floors) == ["kid", "fid", "image_precision", "image_recall"]
    assert cut.floors != of_all.floors
    as_generated = make_sets(draws(2, 30), m=30, training=draws(2, 30))  # what the floor of all is the value of
    assert compare_sets(ALL, as_generated, known_and_floors(ALL, as_generated)).values["fid"] == of_all.floors["fid"]


def test_generated_images_are_not_looked_at_for_the_floor(draws, make_sets):
    first, other = (known_and_floors(ALL, make_sets(draws(seed, 20))) for seed in (7, 8))
    assert first.floors == other.floors


def test_a_metric_of_few_images_is_marked_as_biased(draws, make_sets):
    for m, biased in ((15, ["fid"]), (16, [])):
        sets = make_sets(draws(0, m))
        assert compare_sets(ALL, sets, known_and_floors(ALL, sets)).biased == biased


def test_too_few_images_for_neighbourhoods_leave_the_distances(draws, make_sets):
    sets = make_sets(draws(0, 3))
    found = compare_sets(ALL, sets, known_and_floors(ALL, sets))
    assert list(found.values) == ["kid", "fid", "copies"]
    assert "at least 4 images, got 3" in found.refused["image_recall"]


@pytest.mark.parametrize("name", ["generated", "reference", "training", "mirrored", "heldout"])
def test_one_image_and_features_that_are_not_finite_are_refused_by_name(name, draws, make_sets):
    sets = {each: draws(i, 10) for i, each in enumerate(("generated", "reference", "training", "mirrored", "heldout"))}
    good = known_and_floors(ALL, make_sets(**sets))
    with pytest.raises(PigbenchError, match=f"at least 2 {name} images, got 1"):
        compare_sets(ALL, make_sets(**{**sets, name: sets[name][:1]}), good)
    spoilt = sets[name].copy()
    spoilt[3, 2] = np.nan
    with pytest.raises(PigbenchError, match=f"1 features of the {name} images are not finite"):
        compare_sets(ALL, make_sets(**{**sets, name: spoilt}), good)


def test_features_of_two_extractors_do_not_mix(draws, make_sets):
    with pytest.raises(ValueError, match="features of shapes"):
        known_and_floors(ALL, make_sets(draws(0, 10), reference=draws(1, 10, 5)))


def test_no_global_random_state_is_touched(draws, make_sets):
    import random

    import torch

    before = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()
    sets = make_sets(draws(0, 20))
    compare_sets(ALL, sets, known_and_floors(ALL, sets))
    assert random.getstate() == before[0]
    assert (np.random.get_state()[1] == before[1]).all()
    assert torch.equal(torch.get_rng_state(), before[2])
