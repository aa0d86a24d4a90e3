"""The border between plugins and the suite: what breaks the contract is refused, with the plugin and the sentence."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pigbench import contracts
from pigbench.contracts import Pairs, Task, TrainView, rule
from pigbench.stages.job import StageFailed
from pigbench.stages.sample import check, make_request

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
    check(pairs, "stranger", SimpleNamespace(kind=kind, task=Task(16)), 3)  # type: ignore[arg-type]


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


HEALTHY_AND_NOT = TrainView(
    np.arange(8, dtype=np.uint16).reshape(8, 1, 1, 1) * np.ones((8, 1, 4, 4), np.uint16),
    (np.arange(8).reshape(8, 1, 1, 1) % 2 * np.ones((8, 1, 4, 4))).astype(np.uint8),  # every second mask is empty
    [str(i) for i in range(8)],
    "d",
)


@pytest.mark.parametrize(("kind", "spec"), [("images-for-masks", {}), ("pairs", {"masks": "real"})])
def test_images_are_made_for_masks_with_a_lesion_only(kind: str, spec: dict) -> None:
    generator = SimpleNamespace(kind=kind, task=Task(4))
    request = make_request(generator, HEALTHY_AND_NOT, range(12), 0, 0, **spec)
    assert request.masks is not None
    assert request.masks.any(axis=(1, 2, 3)).all()
    assert np.array_equal(request.masks, HEALTHY_AND_NOT.masks[request.cases])
    assert sorted(request.cases[:4]) == sorted(request.cases[4:8]) == [1, 3, 5, 7]


def test_what_starts_from_cases_gets_all_of_them() -> None:
    generator = SimpleNamespace(kind="pairs", task=Task(4))
    request = make_request(generator, HEALTHY_AND_NOT, range(8), 0, 0)
    assert request.masks is None
    assert sorted(request.cases) == list(range(8))


def test_an_image_for_a_made_mask_does_not_start_from_the_noise_of_that_mask() -> None:
    def noise(**spec: str) -> np.ndarray:
        generator = SimpleNamespace(kind="images-for-masks", task=Task(4))
        return make_request(generator, HEALTHY_AND_NOT, range(3), 0, 0, **spec).noise()

    of_the_mask, of_the_image = noise(), noise(masks="made")
    assert not np.isclose(of_the_mask, of_the_image).any()
    assert np.array_equal(of_the_image, noise(masks="made"))


@pytest.mark.parametrize("kind", ["images-for-masks", "pairs"])
def test_where_no_training_patient_has_a_lesion_there_is_no_mask_to_ask_for(kind: str) -> None:
    view = TrainView(np.zeros((2, 1, 16, 16), np.uint16), np.zeros((2, 1, 16, 16), np.uint8), ["a", "b"], "d")
    with pytest.raises(StageFailed, match="has a lesion"):
        make_request(SimpleNamespace(kind=kind, task=Task(16)), view, range(2), 0, 0, masks="real")  # type: ignore[arg-type]
