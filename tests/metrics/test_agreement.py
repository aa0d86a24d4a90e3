"""The Dice of predictions and masks."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import f1_score

from pigbench.metrics.agreement import dices


def test_it_is_the_dice_of_each_pair_and_nothing_where_the_mask_is_empty():
    stream = np.random.default_rng(0)
    predicted, masks = stream.integers(0, 2, (2, 6, 1, 8, 8), np.uint8)
    masks[2], predicted[3] = 0, 0
    found = dices(predicted, masks)
    expected = [f1_score(true.ravel(), said.ravel()) for said, true in zip(predicted, masks, strict=True)]
    np.testing.assert_allclose(np.delete(found, 2), np.delete(expected, 2))
    assert np.isnan(found[2]) and found[3] == 0
