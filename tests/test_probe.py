"""The probe: every kind of network is tried, and the estimate rests on what was tried."""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pigbench import stages
from pigbench.planning.configured import choose_generator, choose_segmenter, with_masks
from pigbench.planning.estimate import Probed, Seen, Size, alike, disk, estimator, memory, units
from pigbench.planning.plan import Request
from pigbench.planning.planner import make_plan
from pigbench.planning.untrained import build
from pigbench.probe import IMAGES, probe, probed
from pigbench.protocol import Protocol, load_preset
from pigbench.stages.node import Node, Purpose
from pigbench.store import Store

PRESET = load_preset("smoke")
SIZE = Size(every=500, training=400)


def request() -> Request:
    pig, controlnet = (choose_generator(name, PRESET.diffusion, {}) for name in ("pig", "controlnet"))
    return Request(
        protocol=Protocol(preset=PRESET, dataset="phantom", dataset_identity="d", folds=3),
        generators=(pig, with_masks(controlnet, pig)),
        samples=(16,),
        segmenters=(choose_segmenter("unet", PRESET.segmentation.network, {}),),
        seeds=(0,),
        makes_reference=True,
    )


@pytest.fixture(scope="module")
def nodes() -> list[Node]:
    return make_plan(request()).nodes()


@pytest.mark.process
def test_every_network_is_tried_borrowed_ones_too_and_a_fault_costs_no_other(
    nodes: list[Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An extractor whose weights are missing is not found, the rest is."""
    monkeypatch.setenv("PIGBENCH_INCEPTION", "/nowhere")
    missing = [replace(node, spec=node.spec | {"extractor": "inception"}) for node in nodes if node.stage == "embed"]
    found = probe([*missing, *(node for node in nodes if node.stage != "embed")], seconds=60)
    assert set(found) == {alike(node) for node in nodes if stages.find(node.stage).probed} - {"embed"}
    assert {"train ddpm.denoiser", "sample pig", "fit unet"} < set(found)
    assert all(one.seconds > 0 and one.peak_mib > 50 for one in found.values())


@pytest.mark.process
def test_no_time_no_answer_and_nothing_wanted_nothing_started(nodes: list[Node]) -> None:
    assert probe(nodes, seconds=0) == {}
    assert probe(node for node in nodes if not stages.find(node.stage).probed) == {}


def kinds(nodes: list[Node], stage: str) -> list[Node]:
    return list({alike(node): node for node in nodes if node.stage == stage}.values())


def test_a_training_is_told_by_the_step_and_its_network_by_its_bytes(
    nodes: list[Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a clock that gains a second at every look: three steps from the first one's end on."""
    ticks = itertools.count()
    monkeypatch.setattr("pigbench.probe.time", SimpleNamespace(perf_counter=lambda: float(next(ticks))))
    for node in [*kinds(nodes, "train"), *kinds(nodes, "segment")]:
        found = probed(node)
        assert found.seconds == 1.0
        assert found.size == sum(value.nbytes for value in build(node)[1].state_dict().values())


def test_samples_and_features_are_told_by_the_image(nodes: list[Node], monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count(step=IMAGES)
    monkeypatch.setattr("pigbench.probe.time", SimpleNamespace(perf_counter=lambda: float(next(ticks))))
    for node in [*kinds(nodes, "sample"), *kinds(nodes, "embed")]:
        found = probed(node)
        assert found.seconds == 1.0
        assert found.size == (4 * 1280 if node.stage == "embed" else 0)


def test_an_estimate_is_the_work_times_what_a_unit_took(nodes: list[Node], tmp_path: Path) -> None:
    store = Store(tmp_path)
    train = next(node for node in nodes if alike(node) == "train pig.guider")
    probed = {"train pig.guider": Probed(seconds=0.5, peak_mib=1, size=1000)}
    assert train.spec["training"]["images"]
    steps = train.spec["training"]["images"] * train.spec["share"] / train.spec["training"]["batch"]
    assert units(train, SIZE) == steps
    assert estimator(PRESET, Seen(store), SIZE, probed)(train) == 0.5 * steps
    assert train not in Seen(store)
    assert memory([train], Seen(store), probed) == (1, 0)
    with store.building() as directory:
        cost = {"wall_s": 7.0, "peak_mib": 900.0}
        store.publish(train.stage, train.key, directory, {"spec": train.spec, "cost": cost})
    assert estimator(PRESET, Seen(store), SIZE, probed)(train) == pytest.approx(7.0)  # this store knows better
    assert train in Seen(store)
    assert memory([train], Seen(store), probed) == (900, 0)


def test_epochs_take_as_long_as_there_are_cases(nodes: list[Node], tmp_path: Path) -> None:
    """What was seen on one dataset tells of another by its steps, and of embedding by its images."""
    store = Store(tmp_path)
    train = next(node for node in nodes if alike(node) == "train pig.guider")
    spec = {**train.spec, "training": {**train.spec["training"], "images": None, "epochs": 3}}
    epochs = Node("train", "key", spec, {}, train.purpose)
    with store.building() as directory:
        (directory / "training.json").write_text('{"steps": 50}')
        store.publish("train", "key", directory, {"spec": spec, "cost": {"wall_s": 100.0, "peak_mib": 1.0}})
    batch = spec["training"]["batch"]
    small, large = (estimator(PRESET, Seen(store), Size(0, cases))(epochs) for cases in (100 * batch, 200 * batch))
    assert small == pytest.approx(2.0 * 3 * 100)
    assert large == pytest.approx(2 * small)

    embed = next(node for node in nodes if node.stage == "embed" and node.inputs["images"].stage == "prepare")
    with store.building() as directory:
        np.save(directory / "features.npy", np.zeros((20, 2)))
        store.publish("embed", "key", directory, {"spec": embed.spec, "cost": {"wall_s": 10.0, "peak_mib": 1.0}})
    own = Node("embed", "own", embed.spec, {"images": Node("prepare", "p", {}, {})}, {})
    fresh = Node("embed", "fresh", embed.spec, {"images": Node("prepare", "p", {"reference": 64}, {})}, {})
    given = Node("embed", "given", embed.spec, {"images": Node("adopt", "a", {}, {}, Purpose(count=7))})
    assert units(given, Size(500, 400)) == 7
    seconds = estimator(PRESET, Seen(store), Size(500, 400))
    assert (seconds(own), seconds(fresh)) == (250, 32)


def test_memory_of_a_gpu(nodes: list[Node], tmp_path: Path) -> None:
    store = Store(tmp_path)
    guider, denoiser = (
        next(n for n in nodes if alike(n) == f"train {name}") for name in ("pig.guider", "ddpm.denoiser")
    )
    probed = {alike(denoiser): Probed(1, peak_mib=10, size=1, gpu_peak_mib=70)}
    with store.building() as directory:
        cost = {"wall_s": 7.0, "peak_mib": 900.0, "gpu_peak_mib": 40.0}
        store.publish(guider.stage, guider.key, directory, {"spec": guider.spec, "cost": cost})
    assert Seen(store).gpu_peak_mib(guider) == 40
    assert memory([guider], Seen(store), probed) == (900, 40)
    assert memory([guider, denoiser], Seen(store), probed) == (900, 70)
    assert memory([], Seen(store), probed) == (0, 0)


def test_a_damaged_artifact_is_left_out_and_breaks_nothing(nodes: list[Node], tmp_path: Path) -> None:
    store = Store(tmp_path)
    embed = next(node for node in nodes if node.stage == "embed" and node.inputs["images"].stage == "prepare")
    train = next(node for node in nodes if alike(node) == "train pig.guider")
    manifest = {"spec": embed.spec, "cost": {"wall_s": 10.0, "peak_mib": 1.0}}
    for name, count in (("whole", 20), ("cut", 20), ("empty", 0)):
        with store.building() as directory:
            np.save(directory / "features.npy", np.zeros((count, 2), np.float32))
            store.publish("embed", name, directory, manifest)
    os.truncate(store.entry("embed", "cut").path / "features.npy", 0)
    for name, content in (("list", []), ("no-cost", {"spec": {}}), ("text", {"spec": {}, "cost": "much"})):
        with store.building() as directory:
            store.publish("split", name, directory, {})
        (store.entry("split", name).path / "manifest.json").write_text(json.dumps(content))
    assert estimator(PRESET, Seen(store), Size(100, 80))(embed) == pytest.approx(100 * 10 / 20)
    assert train not in Seen(store)


def test_disk_counts_pixels_weights_and_features(nodes: list[Node], tmp_path: Path) -> None:
    store = Store(tmp_path)
    side = PRESET.resolution
    chosen = [next(node for node in nodes if node.stage == stage) for stage in ("prepare", "sample", "train")]
    assert "reference" not in chosen[0].spec
    pixels = 3 * side**2 * (100 + PRESET.sampling.chunk)
    cases = Size(every=100, training=80)
    probed = {alike(chosen[2]): Probed(1, 1, 1000), "embed": Probed(1, 1, 4 * 1280)}
    assert disk(chosen, Seen(store), probed, cases) == pixels + 1000
    embed = next(node for node in nodes if node.stage == "embed" and node.inputs["images"] is chosen[0])
    assert disk([embed], Seen(store), probed, cases) == 4 * 1280 * 100
    assert disk([embed], Seen(store), {}, cases) == 0
    in_colour = replace(cases, channels=3)  # two bytes a channel, a mask's one: 7 in place of 3
    assert disk(chosen, Seen(store), {}, in_colour) == pixels / 3 * 7

    cost = {"wall_s": 1.0, "peak_mib": 1.0}
    with store.building() as directory:
        (directory / "weights.safetensors").write_bytes(bytes(50_000))
        seen = store.publish("train", chosen[2].key, directory, {"spec": chosen[2].spec, "cost": cost})
    assert 50_000 < disk(chosen, Seen(store), {}, cases) - pixels == seen.size < 52_000
    with store.building() as directory:
        np.save(directory / "features.npy", np.zeros((40, 1280), np.float32))
        store.publish("embed", "another", directory, {"spec": embed.spec, "cost": cost})
    assert disk([embed], Seen(store), {}, cases) == pytest.approx(4 * 1280 * 100, rel=0.02)


def test_disk_counts_predictions_of_held_out_cases(nodes: list[Node], tmp_path: Path) -> None:
    predict = next(node for node in nodes if node.stage == "predict")
    fewer, more = (disk([predict], Seen(Store(tmp_path)), {}, Size(every, 80)) for every in (100, 120))
    assert 0 < fewer == more / 2 < 20 * PRESET.resolution**2
