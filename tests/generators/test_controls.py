"""The controls: copies, other images' masks, and pasted lesions."""

from __future__ import annotations

import numpy as np
import pytest

from generators.copy_paste import CopyPaste, CopyPasteConfig
from generators.identity import Identity
from generators.shuffled import Shuffled
from pigbench.contracts import Config, Task, TrainView, to_stored

SIDE, CASES = 16, 12


@pytest.fixture
def view() -> TrainView:
    """Every case has its own grey and its own square."""
    random = np.random.default_rng(0)
    masks = np.zeros((CASES, 1, SIDE, SIDE), np.uint8)
    for mask in masks:
        top, left = random.integers(1, 10, 2)
        mask[0, top : top + 4, left : left + 5] = 1
    images = np.linspace(-0.8, 0.2, CASES, dtype=np.float32)[:, None, None, None] + 0.5 * masks
    return TrainView(to_stored(images.astype(np.float32)), masks, [str(i) for i in range(CASES)], "d")


@pytest.fixture
def request_for(view, make_request):
    def ask(indices, seed: int = 0):
        return make_request(indices, seed=seed, view=view, cases=np.array(indices) % CASES)

    return ask


def test_identity_copies_the_cases(view, request_for) -> None:
    pairs = Identity(Config(), Task(SIDE)).sample({}, request_for([3, 1, 14]))
    expected = view.pairs([3, 1, 2])
    assert np.array_equal(pairs.images, expected.images)
    assert np.array_equal(pairs.masks, expected.masks)


def test_shuffled_keeps_the_images_and_never_their_own_masks(view, request_for) -> None:
    indices = list(range(CASES)) * 8
    for seed in range(3):
        request = request_for(indices, seed)
        pairs = Shuffled(Config(), Task(SIDE)).sample({}, request)
        assert np.array_equal(pairs.images, view.pairs(request.cases).images)
        same = (pairs.masks == view.masks[request.cases]).all(axis=(1, 2, 3))
        twins = [(view.masks == view.masks[case]).all(axis=(1, 2, 3)).sum() > 1 for case in request.cases]
        assert not (same & ~np.array(twins)).any()
        known = {mask.tobytes() for mask in view.masks}
        assert all(mask.tobytes() in known for mask in pairs.masks)


def test_a_pasted_lesion_is_the_donor_s_and_far_from_it_all_is_the_host_s(view, request_for) -> None:
    request = request_for(list(range(CASES)))
    pairs = CopyPaste(CopyPasteConfig(border=0.02), Task(SIDE)).sample({}, request)
    donors = view.pairs(request.cases)
    for index in range(CASES):
        lesion = donors.masks[index, 0] > 0
        np.testing.assert_allclose(pairs.images[index, 0][lesion], donors.images[index, 0][lesion], atol=1e-4)
        hosts = [
            host
            for host in range(CASES)
            if host != request.cases[index]
            and np.array_equal(pairs.masks[index], donors.masks[index] | view.masks[host])
            and abs(np.median(pairs.images[index]) - np.median(view.pairs([host]).images)) < 0.02
        ]
        assert hosts, f"case {index} stands in no other case's image"


def test_the_border_is_soft(view, request_for) -> None:
    request = request_for(list(range(CASES)))
    sharp, soft = (
        CopyPaste(CopyPasteConfig(border=border), Task(SIDE)).sample({}, request).images for border in (1e-3, 0.1)
    )
    steepest = [np.abs(np.diff(images, axis=-1)).max(axis=(1, 2, 3)).mean() for images in (sharp, soft)]
    assert steepest[1] < steepest[0]


@pytest.mark.parametrize("plugin", [Identity, Shuffled, CopyPaste])
def test_a_control_says_so_and_a_sample_is_its_own(plugin, request_for) -> None:
    assert plugin.is_control
    control = plugin(plugin.Config(), Task(SIDE))
    together, apart = control.sample({}, request_for([0, 5, 7])), control.sample({}, request_for([5, 2]))
    assert np.array_equal(together.images[1], apart.images[0])
    assert np.array_equal(together.masks[1], apart.masks[0])


@pytest.mark.parametrize("plugin", [Shuffled, CopyPaste])
def test_a_control_that_mixes_two_cases_says_so_where_there_is_one(plugin, view, make_request) -> None:
    one = TrainView(to_stored(view.pairs([0]).images), view.masks[:1], ["0"], "d")
    with pytest.raises(ValueError, match="two training cases, and this fold has one"):
        plugin(plugin.Config(), Task(SIDE)).sample({}, make_request([0], view=one, cases=np.array([0])))
