"""Masks as planes and back; every built-in generator makes colour and several classes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from generators.copy_paste import CopyPaste, CopyPasteConfig
from generators.mask_planes import as_labels, as_planes
from generators.pig import sample_pairs
from generators.samplers import ddim_schedule
from generators.segguided import SegGuidedConfig, SegGuidedDif
from pigbench import registry
from pigbench.contracts import Task
from pigbench.testing.generator_at_work import GeneratorAtWork

COLOUR = Task(16, channels=3, classes=("gland", "nucleus"))


def test_labels_come_back_from_their_planes() -> None:
    labels = torch.randint(4, (2, 1, 8, 8)).float()
    planes = as_planes(labels, Task(8, classes=("a", "b", "c")))
    assert planes.shape == (2, 3, 8, 8) and set(planes.unique().tolist()) <= {-1.0, 1.0}
    assert torch.equal(as_labels(planes), labels.long())


def test_the_highest_plane_wins_and_none_above_0_is_background() -> None:
    planes = torch.tensor([[-1.0, 0.3, 0.0, 0.2], [-0.1, 0.2, 0.0, 0.9]]).view(1, 2, 1, 4)
    assert as_labels(planes).flatten().tolist() == [0, 1, 0, 2]
    assert torch.equal(as_labels(planes[:, :1]), (planes[:, :1] > 0).long())


@pytest.mark.parametrize("name", registry.plugins("generators"))
def test_a_built_in_generator_makes_colour_and_two_classes(name) -> None:
    plugin = registry.find("generators", name).load()
    pairs = GeneratorAtWork(plugin, name, COLOUR, "smoke", steps=1).trial()
    assert pairs.images.shape[1:] == COLOUR.image_shape
    assert plugin.kind == "images" or pairs.masks.shape[1:] == COLOUR.mask_shape


def test_pigs_models_see_all_planes_and_channels(tiny) -> None:
    """Algorithm 2 with two planes and three channels: what each model is shown, and that it cleans its own part."""
    seen = {}

    def model(name: str, outputs: int):
        def denoiser(shown, t):
            seen[name] = shown.shape[1]
            return shown[:, :outputs] * 0.1

        return denoiser

    schedule = ddim_schedule(type("Config", (), {"timesteps": 16, "beta_start": 1e-4, "beta_end": 0.02}))
    x_T, y_T = torch.randn(2, 2, 8, 8), torch.randn(2, 3, 8, 8)
    masks, images = sample_pairs(model("guider", 2), model("conditional", 3), schedule, x_T, y_T, steps=4)
    assert seen == {"guider": 5, "conditional": 5}
    assert masks.shape == x_T.shape and images.shape == y_T.shape


def test_classes_are_ablated_one_by_one(make_batch, tiny) -> None:
    task = Task(16, classes=("a", "b"))
    generator = SegGuidedDif(SegGuidedConfig(**tiny, steps=4), task)
    shown = set()

    class Spy(torch.nn.Module):
        def forward(self, noised, t):
            shown.add(tuple((noised[:, 1:] != 0).any(dim=(0, 2, 3)).tolist()))
            return noised[:, :1]

    for step in range(40):
        batch = make_batch(step)
        masks = batch.masks * (1 + torch.arange(len(batch.masks)) % 2).view(-1, 1, 1, 1)
        generator.loss("denoiser", Spy(), replace(batch, masks=masks), {})
    assert shown == {(a, b) for a in (True, False) for b in (True, False)}


def test_copy_paste_keeps_the_classes_apart(make_request) -> None:
    """Where a lesion of class 1 lands on one of class 2, the pixel is of class 1; never of 3."""
    import numpy as np

    from pigbench.contracts import TrainView, to_stored

    masks = np.zeros((4, 1, 16, 16), np.uint8)
    masks[::2, :, 2:10, 2:10], masks[1::2, :, 6:14, 6:14] = 1, 2
    images = np.random.default_rng(0).uniform(-1, 1, (4, 3, 16, 16)).astype(np.float32)
    view = TrainView(to_stored(images), masks, list("abcd"), "d")
    request = make_request(range(8), view=view, cases=np.arange(8) % 4)
    made = CopyPaste(CopyPasteConfig(), COLOUR).sample({}, request).masks
    donors = masks[request.cases]
    assert set(np.unique(made)) == {0, 1, 2}
    assert (made[donors > 0] == donors[donors > 0]).all()
