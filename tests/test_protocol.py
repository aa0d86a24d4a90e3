"""Presets and the protocol's signature."""

from __future__ import annotations

import pytest

from pigbench.errors import PigbenchError
from pigbench.protocol import Protocol, load_preset, preset_names


def protocol(**changes: object) -> Protocol:
    return Protocol(preset=load_preset("quick", changes), dataset="phantom", dataset_identity="d", folds=5)


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_valid(name: str) -> None:
    preset = load_preset(name)
    assert preset.about
    assert preset.samples >= 2
    assert preset.diffusion["timesteps"] % preset.diffusion["steps"] == 0


@pytest.mark.parametrize("name", ["demo", "quick", "overnight", "small", "medium"])
def test_every_generator_gets_the_same_budget(name: str) -> None:
    preset = load_preset(name)
    assert preset.training_for("pig") == preset.training_for("ddpm") == preset.training
    assert preset.training.images


def test_paper_trains_pig_as_released_and_the_rest_as_published() -> None:
    preset = load_preset("paper")
    assert preset.training_for("pig").ema is False
    assert preset.training_for("pig").schedule == "plateau"
    assert preset.training_for("ddpm").ema == 0.9999
    assert (preset.diffusion["timesteps"], preset.diffusion["steps"], preset.diffusion["ddpm_steps"]) == (
        1024,
        256,
        1024,
    )


def test_what_changes_a_number_changes_the_signature_and_the_rest_does_not() -> None:
    base = protocol().signature
    assert base == protocol().signature
    assert base != protocol(**{"training.learning_rate": 0.5}).signature
    assert base != protocol(**{"segmentation.steps": 7}).signature
    assert base != protocol().model_copy(update={"folds": 4}).signature
    assert base != protocol().model_copy(update={"dataset_identity": "other"}).signature
    assert base == protocol().model_copy(update={"dataset": "renamed"}).signature
    assert base == protocol(samples=99, about="x", **{"seconds.train": 3.0}).signature


def test_overnight_is_quick_but_for_the_training_of_generators() -> None:
    quick, overnight = (load_preset(name).model_dump() for name in ("quick", "overnight"))
    assert overnight["training"].pop("images") == 6 * quick["training"].pop("images")
    assert overnight["training"] == quick["training"]
    different = {name for name in quick if quick[name] != overnight[name]}
    assert different == {"name", "about", "banner", "seconds"}
    assert overnight["seconds"]["fit.unet"] == quick["seconds"]["fit.unet"]
    assert load_preset("overnight", {"segmentation.steps": 7}).segmentation.steps == 7
    assert load_preset("quick").segmentation.steps != 7


def test_images_and_epochs_replace_each_other() -> None:
    changed = load_preset("quick", {"training.epochs": 3})
    assert (changed.training.images, changed.training.epochs) == (None, 3)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("quikc", {}, "did you mean 'quick'"),
        ("quick", {"training.batch": 0}, "training.batch: .*greater than 0"),
        ("quick", {"training.optimizer": "sgd"}, "training.optimizer"),
    ],
)
def test_faults_are_named(name: str, changes: dict, message: str) -> None:
    with pytest.raises(PigbenchError, match=message):
        load_preset(name, changes)


def test_compiling_is_another_protocol_and_not_compiling_is_the_one_it_always_was() -> None:
    assert protocol(**{"numerics.compile": True}).signature != protocol().signature
    assert "compile" not in protocol().compared["preset"]["numerics"]
    assert "gpu_workers" not in protocol().compared["preset"]
