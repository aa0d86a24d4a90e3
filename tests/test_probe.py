"""The probe: every kind of network is tried, and the estimate rests on what was tried."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pigbench.choices import choose_generator, choose_segmenter, with_masks
from pigbench.estimate import Probed, Seen, Size, alike, disk, estimator, memory, units
from pigbench.plan import Node, Request
from pigbench.planning import make_plan
from pigbench.probe import probe
from pigbench.protocol import Protocol, load_preset
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


def test_every_network_is_tried_borrowed_ones_too(nodes: list[Node]) -> None:
    found = probe(request(), nodes, seconds=60)
    assert set(found) == {alike(node) for node in nodes if node.stage in ("train", "sample", "segment")}
    assert {"train ddpm.denoiser", "sample pig", "segment unet"} < set(found)
    assert all(one.seconds > 0 and one.peak_mib > 50 and one.size > 0 for one in found.values())


def test_no_time_no_answer_and_nothing_wanted_nothing_started(nodes: list[Node]) -> None:
    assert probe(request(), nodes, seconds=0) == {}
    assert probe(request(), [node for node in nodes if node.stage == "embed"]) == {}


def test_an_estimate_is_the_work_times_what_a_unit_took(nodes: list[Node], tmp_path: Path) -> None:
    store = Store(tmp_path)
    train = next(node for node in nodes if alike(node) == "train pig.guider")
    probed = {"train pig.guider": Probed(seconds=0.5, peak_mib=1, size=1000)}
    assert train.spec["training"]["images"]
    steps = train.spec["training"]["images"] * train.spec["share"] / train.spec["training"]["batch"]
    assert units(train, SIZE) == steps
    assert estimator(PRESET, Seen(store), SIZE, probed)(train) == 0.5 * steps
    assert train not in Seen(store)
    assert memory([train], Seen(store), probed) == 1
    with store.building() as directory:
        cost = {"wall_s": 7.0, "peak_mib": 900.0}
        store.publish(train.stage, train.key, directory, {"spec": train.spec, "cost": cost})
    assert estimator(PRESET, Seen(store), SIZE, probed)(train) == pytest.approx(7.0)  # this store knows better
    assert train in Seen(store)
    assert memory([train], Seen(store), probed) == 900


def test_epochs_take_as_long_as_there_are_cases(nodes: list[Node], tmp_path: Path) -> None:
    """What was seen on one dataset tells of another by its steps, and of embedding by its images."""
    store = Store(tmp_path)
    train = next(node for node in nodes if alike(node) == "train pig.guider")
    spec = {**train.spec, "training": {**train.spec["training"], "images": None, "epochs": 3}}
    epochs = Node("train", "key", spec, {}, train.about)
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
    own = Node("embed", "own", embed.spec, {"images": Node("prepare", "p", {}, {}, {})}, {})
    fresh = Node("embed", "fresh", embed.spec, {"images": Node("prepare", "p", {"reference": 64}, {}, {})}, {})
    seconds = estimator(PRESET, Seen(store), Size(500, 400))
    assert (seconds(own), seconds(fresh)) == (250, 32)


def test_disk_counts_pixels_and_weights(nodes: list[Node]) -> None:
    side = PRESET.resolution
    chosen = [next(node for node in nodes if node.stage == stage) for stage in ("prepare", "sample", "train")]
    assert "reference" not in chosen[0].spec
    expected = 3 * side**2 * (100 + PRESET.sampling.chunk) + 1000
    assert disk(chosen, PRESET, {alike(chosen[2]): Probed(1, 1, 1000)}, all_cases=100) == expected
