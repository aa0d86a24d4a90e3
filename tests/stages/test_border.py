"""The border between plugins and the suite: what breaks the contract is refused, with the plugin and the sentence."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pigbench import contracts
from pigbench.contracts import Pairs, rule
from pigbench.stages.job import StageFailed
from pigbench.stages.sample import check

SHAPE = (3, 1, 16, 16)


def made(change: str = "") -> Pairs:
    images, masks = np.zeros(SHAPE, np.float32), np.ones(SHAPE, np.uint8)
    match change:
        case "another shape":
            images = images[:, :, :-1]
        case "another count":
            images, masks = images[:-1], masks[:-1]
        case "another dtype":
            images = images.astype(np.float64)
        case "NaN":
            images[1, 0, 3, 3] = np.nan
        case "infinite":
            images[1, 0, 3, 3] = np.inf
        case "outside":
            images[2] = 1.01
        case "no masks":
            masks = None
        case "grey masks":
            masks = masks * 2
        case "masks of another shape":
            masks = masks[:, 0]
        case "masks of another dtype":
            masks = masks.astype(np.float32)
    return Pairs(images, masks)


def judge(pairs: Pairs, kind: str = "pairs") -> None:
    check(pairs, "stranger", SimpleNamespace(kind=kind, resolution=16), 3)  # type: ignore[arg-type]


def test_what_keeps_the_contract_passes() -> None:
    judge(made())
    judge(made("no masks"), kind="images")


@pytest.mark.parametrize(
    ("change", "beginning"),
    [
        ("another shape", "Images are"),
        ("another count", "Images are"),
        ("another dtype", "Images are"),
        ("NaN", "Intensities are"),
        ("infinite", "Intensities are"),
        ("outside", "Intensities are"),
        ("no masks", "A generator of pairs"),
        ("grey masks", "Masks are"),
        ("masks of another shape", "Masks are"),
        ("masks of another dtype", "Masks are"),
    ],
)
def test_what_breaks_it_is_refused_with_the_plugin_and_the_sentence(change: str, beginning: str) -> None:
    with pytest.raises(StageFailed) as refused:
        judge(made(change))
    assert "generator 'stranger' returned" in str(refused.value)
    assert rule(beginning) in str(refused.value)


def test_a_quoted_sentence_stands_in_the_file_that_contributors_read() -> None:
    assert contracts.__doc__ is not None
    assert f"- {rule('Masks are')}\n" in contracts.__doc__
