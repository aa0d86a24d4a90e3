from __future__ import annotations

import numpy as np

from pigbench.metrics.image_precision import ImagePrecision


def test_good_images_of_one_kind_are_precise_and_a_broken_half_is_seen(draws, make_sets):
    one_kind = np.float32(0.1) * draws(0, 40)
    assert ImagePrecision().measure(make_sets(one_kind), {}) == 1
    broken = np.concatenate([one_kind[:20], draws(5, 20, shift=50)])
    assert ImagePrecision().measure(make_sets(broken), {}) == 0.5
