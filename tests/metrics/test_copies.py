from __future__ import annotations

import numpy as np
import pytest

from pigbench.errors import PigbenchError
from pigbench.metrics.copies import Copies


def copies(sets) -> float:
    return Copies().measure(sets, Copies().known(sets))


@pytest.fixture
def fold(draws, make_sets):
    """Sets of a fold with 300 training and 300 held-out images, compared with these images."""
    training, heldout = draws(10, 300, 32), draws(11, 300, 32)
    given = {"reference": heldout, "training": training, "heldout": heldout, "mirrored": draws(12, 300, 32)}
    return lambda generated: make_sets(generated, **given)


def test_a_fifth_of_exact_copies_is_seen(draws, fold):
    sets = fold(draws(13, 200, 32))
    new = copies(sets)
    mixed = np.concatenate([sets.generated[:160], sets.training[50:90]])
    assert 0.2 <= copies(fold(mixed)) <= 0.2 + new + 0.01


def test_mirrored_and_slightly_changed_copies_count(draws, fold):
    sets = fold(draws(13, 100, 32))
    assert copies(fold(sets.mirrored[:100])) == 1
    assert copies(fold(sets.training[:100] + np.float32(0.05) * sets.generated)) == 1


def test_of_new_images_about_one_percent_count(draws, make_sets):
    """Over many folds, as the nearest 1 % of few held-out images are a matter of luck."""
    found = []
    for fold in range(40):
        real = {
            name: draws(100 * fold + place, 200, 6) for place, name in enumerate(("training", "heldout", "mirrored"))
        }
        found.append(copies(make_sets(draws(100 * fold + 9, 200, 6), reference=real["heldout"], **real)))
    assert np.mean(found) == pytest.approx(2 / 201, abs=0.004)  # nearer than the second of 200


def test_all_generated_images_are_looked_at_not_m(draws, make_sets):
    training = draws(0, 30)
    generated = np.concatenate([draws(1, 20, shift=9), training[:20]])
    assert copies(make_sets(generated, m=20, training=training)) == 0.5


def test_where_held_out_images_are_training_images_there_is_no_scale(draws, make_sets):
    training = draws(0, 30)
    with pytest.raises(PigbenchError, match="held-out images are training images"):
        Copies().known(make_sets(draws(1, 20), training=training, heldout=training[:10]))
