"""What options come to before work starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from pigbench.api.request import Options, set_up
from pigbench.errors import PigbenchError


@pytest.fixture
def request_for(tmp_path: Path):
    def made(**options):
        return set_up(Options(**({"preset": "smoke", "device": "cpu", "store": tmp_path} | options))).request

    return made


def test_images_are_mirrored_as_the_dataset_says_unless_the_user_does(request_for) -> None:
    usual, told = request_for(), request_for(set=["unet.flips=none"])
    everywhere = request_for(set=["segmentation.network.flips=both"])
    assert [of.segmenters[0].config.flips for of in (usual, told, everywhere)] == ["vertical", "none", "both"]
    assert usual.protocol.compared["flips"] == "vertical"
    assert usual.segmenters[0].label == "unet" and told.segmenters[0].label == "unet(flips=none)"


def test_arms_are_trained_as_often_as_the_preset_or_the_user_says(request_for) -> None:
    assert request_for(preset="demo").trainings.every == 2
    few = request_for(trainings=["2", "real=5"])
    assert (few.trainings.every, few.trainings["real"]) == (2, 5)
    assert few.protocol == request_for(trainings=7, use="mix:0.5").protocol


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"trainings": 0}, "--trainings 0: at least 1"),
        ({"trainings": "pig=2", "generator": "ldm"}, "unknown name in --trainings 'pig'"),
        ({"use": "pour"}, "unknown way in --use 'pour'"),
        ({"use": "mix:2"}, "--use mix:2: give a share"),
        ({"train_patients": 200}, "--train-patients 200: the smallest training set has 40 patients"),
        ({"train_patients": "none"}, "--train-patients none: give numbers"),
        ({"train_patients": "40,all"}, "--train-patients 40,all: all are 40"),
        ({"train_patients": "8,"}, "--train-patients 8,: give numbers"),
    ],
)
def test_what_cannot_be_is_refused(request_for, options, said) -> None:
    with pytest.raises(PigbenchError, match=said):
        request_for(**options)


def test_labels_show_a_sampler_that_was_changed_for_all(tmp_path: Path) -> None:
    asked = {"generator": ["pig", "ddim", "ddpm", "copy-paste"], "preset": "quick", "store": tmp_path, "device": "cpu"}
    changes = {"diffusion.steps": 8, "diffusion.sampler": "dpm++"}
    labels = [choice.label for choice in set_up(Options(**asked, set=changes)).request.generators]
    assert labels == ["pig(sampler=dpm++,steps=8)", "ddim", "ddpm", "copy-paste"]
