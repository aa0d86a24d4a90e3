"""Fits: which pairs are chosen, and what a training in two parts says of itself."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pigbench.stages.fit import _with_those_before, best, load_synthetic
from pigbench.stages.job import StageFailed


def test_the_best_half_is_kept_in_its_order_without_empty_masks() -> None:
    agreement = np.array([0.2, 0.9, np.nan, 0.5, 0.7, np.nan])
    assert best(agreement, 2).tolist() == [1, 4]
    assert best(agreement, 3).tolist() == [1, 3, 4]
    assert best(agreement, 6).tolist() == [0, 1, 3, 4]


def test_a_filtered_arm_is_given_twice_as_many_pairs_and_keeps_those_that_agree() -> None:
    images = np.arange(12, dtype=np.uint16).reshape(12, 1, 1, 1) * np.ones((1, 1, 4, 4), np.uint16)
    chunk = SimpleNamespace(images=images, masks=np.ones((12, 1, 4, 4), np.uint8), seal="s", copies=False)
    agreement = SimpleNamespace(of_pairs=np.linspace(0, 1, 12)[::-1])
    job = SimpleNamespace(
        spec=SimpleNamespace(n=4, filtered=True, unsealed=False),
        results=lambda role: [chunk],
        result=lambda role: agreement,
    )
    pairs = load_synthetic(job, "s")  # type: ignore[arg-type]
    assert pairs.images[:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    kept, every = agreement.of_pairs[:4].mean(), agreement.of_pairs.mean()
    assert pairs.about == {"offered": 8, "agreement": pytest.approx(kept), "offered_agreement": pytest.approx(every)}


def test_pairs_without_a_lesion_fail_the_arm_that_would_filter_them() -> None:
    nothing = SimpleNamespace(
        images=np.zeros((8, 1, 4, 4), np.uint16), masks=np.zeros((8, 1, 4, 4), np.uint8), seal="s", copies=False
    )
    job = SimpleNamespace(spec=SimpleNamespace(n=4, filtered=True, unsealed=False), results=lambda role: [nothing])
    with pytest.raises(StageFailed, match="no generated mask has a lesion"):
        load_synthetic(job, "s", healthy=0.9)  # type: ignore[arg-type]


def test_a_second_part_tells_what_both_took() -> None:
    first = {"steps": 30, "images": 480, "arithmetic": 3000, "share": 1.0, "losses": [0.9], "synthetic_used": 7}
    second = {"steps": 90, "images": 1440, "arithmetic": 9000, "share": 0.0, "losses": [0.5, 0.4]}
    whole = _with_those_before(second, SimpleNamespace(facts=first))  # type: ignore[arg-type]
    assert whole == {
        "steps": 120,
        "images": 1920,
        "arithmetic": 12000,
        "share": 0.25,
        "losses": [0.9, 0.5, 0.4],
        "synthetic_used": 7,
        "continued": True,
    }
    uncounted = _with_those_before(second | {"arithmetic": None}, SimpleNamespace(facts=first))  # type: ignore[arg-type]
    assert uncounted["arithmetic"] is None
