"""Nothing moves for whoever tunes nothing: hashes, keys and specs are what they were. What is tuned moves alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pigbench.planning.configured import choose_generator, choose_segmenter
from pigbench.planning.plan import Request
from pigbench.planning.planner import make_plan
from pigbench.protocol import Protocol, load_preset
from pigbench.stages.node import Node
from pigbench.tuning.trial import on_tuning_patients

NAMES = ("pig", "ddpm", "ddim", "controlnet", "ldm")


def nodes(own: dict[str, Any] | None = None, set_aside: float = 0.0, tuning: bool = False) -> list[Node]:
    preset = load_preset("smoke")
    protocol = Protocol(preset=preset, dataset="phantom", dataset_identity="d", folds=2, set_aside=set_aside)
    generators = tuple(choose_generator(name, preset.diffusion, own or {}) for name in NAMES)
    segmenters = (choose_segmenter("unet", preset.segmentation.network, own or {}),)
    request = Request(protocol, generators, (8,), segmenters, (0,), makes_reference=True)
    return make_plan(on_tuning_patients(request, set_aside) if tuning else request).nodes()


def test_setting_patients_aside_is_another_protocol() -> None:
    preset = load_preset("smoke")
    none, some, more = (
        Protocol(preset=preset, dataset="phantom", dataset_identity="d", folds=2, set_aside=share)
        for share in (0.0, 0.2, 0.3)
    )
    assert len({none.signature, some.signature, more.signature}) == 3
    assert "set_aside" not in none.compared


def test_without_tuning_no_spec_has_a_word_of_it() -> None:
    preset = load_preset("smoke")
    split, *_ = (node for node in nodes() if node.stage == "split")
    assert split.spec == {"dataset": "d", "folds": 2, "seed": 0}
    for node in nodes():
        assert "learning_rate" not in node.spec.get("settings", {})
        if node.stage == "train":
            usual = preset.training_for(node.spec["plugin"]).model_dump(mode="json", exclude={"budget"})
            assert node.spec["training"] == usual
        if node.stage == "fit":
            assert node.spec["training"] == preset.segmentation.model_dump(mode="json", exclude={"network"})


@pytest.mark.parametrize(
    ("plugin", "moved"),
    [
        ("pig", {"pig.guider", "pig.conditional"}),
        ("ddpm", {"ddpm.denoiser", "controlnet.control"}),  # which starts from it
        ("controlnet", {"controlnet.control"}),
        ("unet", set()),
    ],
)
def test_a_learning_rate_moves_its_plugin_s_trainings_and_those_who_borrow(plugin: str, moved: set[str]) -> None:
    before = {node.key for node in nodes()}
    after = nodes({plugin: {"learning_rate": 0.005}})
    new = [node for node in after if node.key not in before]
    trained = {f"{n.spec['plugin']}.{n.spec['component']}" for n in new if n.stage == "train"}
    assert trained == moved
    rates = {n.spec["plugin"]: n.spec["training"]["learning_rate"] for n in after if n.stage in ("train", "fit")}
    preset = load_preset("smoke")
    for name, rate in rates.items():
        usual = preset.segmentation if name == "unet" else preset.training_for(name)
        assert rate == (0.005 if name == plugin else usual.learning_rate)


def test_the_rate_reaches_the_optimiser(tiny: Path, sketch: str, in_process: list[str], monkeypatch) -> None:
    """And the preset's does where none is set."""
    from pigbench import training
    from pigbench.api.request import Options, set_up
    from pigbench.tuning import trial

    rates: list[float] = []
    made = training._optimiser

    def watched(network: Any, settings: Any) -> Any:
        rates.append(settings.learning_rate)
        return made(network, settings)

    monkeypatch.setattr(training, "_optimiser", watched)
    for changes in ([], ["sketch.learning_rate=0.004"]):
        common = {"dataset": "tiny", "preset": "smoke", "workers": 1, "device": "cpu", "store": tiny}
        setup = set_up(Options(generator=sketch, segmenter=[], set=changes, **common))
        nodes = [node for node in make_plan(setup.request).nodes() if node.stage == "train" and node.spec["fold"] == 0]
        assert not trial.run_plan(nodes, setup.store, "tiny").failed
    assert rates == [load_preset("smoke").training.learning_rate, 0.004]


def test_tuning_and_the_run_share_no_split_and_no_test_patients() -> None:
    run, tuning = nodes(set_aside=0.2), nodes(set_aside=0.2, tuning=True)
    (split,), (inner) = ([node for node in of if node.stage == "split"] for of in (run, tuning))
    assert split.spec == {"dataset": "d", "folds": 2, "seed": 0, "set_aside": 0.2, "tuning": False}
    assert [node.spec for node in inner] == [{**split.spec, "folds": 3, "tuning": True}]
    shared = {node.key for node in run} & {node.key for node in tuning}
    of_the_whole_dataset = {"prepare", "truth", "embed", "ceiling"}
    assert {node.stage for node in run if node.key in shared} == of_the_whole_dataset
    assert all("reference" not in node.spec for node in tuning)  # the fresh patients judge runs
    assert any("reference" in node.spec for node in run)
