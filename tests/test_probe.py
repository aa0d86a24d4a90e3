"""The probe: every kind of network is tried, and the estimate rests on what was tried."""

from __future__ import annotations

from pathlib import Path

import pytest

from pigbench.choices import choose_generator, choose_segmenter, with_masks
from pigbench.estimate import Probed, alike, disk, estimator, units, unseen
from pigbench.plan import Node, Request
from pigbench.planning import make_plan
from pigbench.probe import probe
from pigbench.protocol import Protocol, load_preset
from pigbench.store import Store

PRESET = load_preset("smoke")


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
    assert units(train, cases=400) == steps
    assert estimator(PRESET, store, probed, cases=400)(train) == 0.5 * steps
    assert train in unseen(nodes, store)
    with store.building() as directory:
        store.publish(train.stage, train.key, directory, {"spec": train.spec, "cost": {"wall_s": 7.0}})
    assert estimator(PRESET, store, probed, cases=400)(train) == 7.0  # this store knows better
    assert train not in unseen(nodes, store)


def test_disk_counts_pixels_and_weights(nodes: list[Node]) -> None:
    side = PRESET.resolution
    chosen = [next(node for node in nodes if node.stage == stage) for stage in ("prepare", "sample", "train")]
    assert "reference" not in chosen[0].spec
    expected = 3 * side**2 * (100 + PRESET.sampling.chunk) + 1000
    assert disk(chosen, PRESET, {alike(chosen[2]): Probed(1, 1, 1000)}, all_cases=100) == expected
