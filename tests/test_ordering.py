"""Which cases a step sees."""

from __future__ import annotations

import numpy as np
import pytest

from pigbench.ordering import Epochs, MixedEpochs


def test_an_epoch_shows_every_case_once() -> None:
    order = Epochs(10, 4, (0,))
    seen = np.concatenate([order(step) for step in range(5)])
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(10))
    assert list(seen[:10]) != list(seen[10:])
    assert (order(3) == Epochs(10, 4, (0,))(3)).all()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
def test_the_synthetic_share_is_exact_and_real_cases_take_turns(share: float) -> None:
    order = MixedEpochs(7, 20, share, 10, (0,))
    seen = np.concatenate([order(step) for step in range(21)])
    assert np.sum(seen >= 7) == pytest.approx(210 * share, abs=1)
    real = seen[seen < 7]
    counts = np.bincount(real, minlength=7)
    assert counts.max() - counts.min() <= 1


def test_real_cases_come_in_the_same_order_in_every_arm() -> None:
    alone = np.concatenate([MixedEpochs(7, 0, 0.0, 10, (0,))(step) for step in range(10)])
    mixed = np.concatenate([MixedEpochs(7, 20, 0.5, 10, (0,))(step) for step in range(10)])
    real = mixed[mixed < 7]
    assert (real == alone[: len(real)]).all()
