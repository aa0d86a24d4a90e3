from __future__ import annotations

import numpy as np

from pigbench.metrics.image_recall import ImageRecall


def test_images_of_one_kind_cover_little_and_a_broken_half_hides_nothing_else(draws, make_sets):
    one_kind = np.float32(0.1) * draws(0, 40)
    assert ImageRecall().measure(make_sets(one_kind), {}) < 0.1
    of_all_kinds = draws(1, 40) + np.float32(0.01)  # the reference, nearly
    assert ImageRecall().measure(make_sets(of_all_kinds), {}) == 1
