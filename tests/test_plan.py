"""The plan: equal work has an equal key, and what changes a number changes a key."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from pigbench.choices import choose_generator, choose_segmenter
from pigbench.plan import Node, Plan, Request, make_plan
from pigbench.protocol import Protocol, load_preset


def request(*names: str, own: dict | None = None, **changes: object) -> Request:
    preset = load_preset("smoke")
    usual = {
        "protocol": Protocol(preset=preset, dataset="phantom", dataset_identity="d", folds=2),
        "generators": tuple(choose_generator(name, preset.diffusion, {name: own or {}}) for name in names),
        "samples": (16,),
        "segmenters": (choose_segmenter("unet", preset.segmentation.network, {}),),
        "seeds": (0,),
        "makes_reference": True,
    }
    return Request(**(usual | changes))


def keys(plan: Plan, stage: str) -> set[str]:
    return {node.key for node in plan.nodes() if node.stage == stage}


def test_inputs_come_before_what_uses_them() -> None:
    seen: set[str] = set()
    for node in make_plan(request("pig", "ddim")).nodes():
        assert {other.key for other in node.inputs.values()} <= seen
        assert node.key not in seen
        seen.add(node.key)


def test_ddim_trains_nothing_after_ddpm() -> None:
    alone = keys(make_plan(request("ddpm")), "train")
    assert len(alone) == 2
    assert keys(make_plan(request("ddpm", "ddim")), "train") == alone
    assert keys(make_plan(request("ddim")), "train") == alone


def test_the_real_arm_is_one_node_for_all_generators_and_sizes() -> None:
    plan = make_plan(request("pig", "ddpm", samples=(8, 16)))
    real = {node.key for node in plan.segmentations if node.about["arm"] == "real"}
    assert len(real) == 2  # one a fold
    assert real <= keys(make_plan(request("ddim")), "segment")


def test_more_samples_are_more_chunks_and_the_same_first_ones() -> None:
    fewer, more = make_plan(request("pig", samples=(16,))), make_plan(request("pig", samples=(24,)))
    assert keys(fewer, "sample") < keys(more, "sample")
    assert len(keys(more, "sample") - keys(fewer, "sample")) == 2  # one chunk of 8 a fold
    assert keys(fewer, "train") == keys(more, "train")


@pytest.mark.parametrize(
    ("setting", "retrained"),
    [
        ({"guide": "binary"}, set()),
        ({"ddim_steps": 8}, set()),
        ({"loss_weight": "sigmoid"}, {"conditional"}),
        ({"timestep_sampling": "antithetic"}, {"guider", "conditional"}),
        ({"channels": [16, 16]}, {"guider", "conditional"}),
    ],
)
def test_a_setting_retrains_what_reads_it_and_nothing_else(setting: dict, retrained: set[str]) -> None:
    base, changed = make_plan(request("pig")), make_plan(request("pig", own=setting))
    new = {n.spec["component"] for n in changed.nodes() if n.stage == "train" and n.key not in keys(base, "train")}
    assert new == retrained
    assert keys(base, "sample").isdisjoint(keys(changed, "sample"))


def test_everything_rests_on_the_training_patients_of_its_own_fold() -> None:
    for target in make_plan(request("pig", "ddim")).targets:
        for node in Plan([target], []).nodes():
            assert node.about.get("fold", target.about["fold"]) == target.about["fold"]


@pytest.mark.parametrize("change", ["device", "seeds", "source", "version", "dataset", "resolution"])
def test_what_changes_a_number_changes_the_key(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    base = request("pig")
    before = make_plan(base)
    if change == "device":
        after = make_plan(dataclasses.replace(base, device="cuda"))
    elif change == "seeds":
        after = make_plan(dataclasses.replace(base, seeds=(1,)))
    elif change == "source":
        monkeypatch.setattr("pigbench.registry.source_hash", lambda module: "another")
        after = make_plan(request("pig"))
    elif change == "version":
        monkeypatch.setitem(__import__("pigbench.stages").stages.VERSIONS, "train", 999)
        after = make_plan(base)
    elif change == "dataset":
        after = make_plan(request("pig", protocol=base.protocol.model_copy(update={"dataset_identity": "e"})))
    else:
        preset = base.protocol.preset.model_copy(update={"resolution": 32})
        after = make_plan(request("pig", protocol=base.protocol.model_copy(update={"preset": preset})))
    assert keys(before, "fidelity").isdisjoint(keys(after, "fidelity"))
    assert before.key != after.key


def test_the_names_of_things_are_not_in_the_key() -> None:
    renamed = request("pig").protocol.model_copy(update={"dataset": "another name"})
    assert make_plan(request("pig", protocol=renamed)).key == make_plan(request("pig")).key


def test_a_label_tells_what_a_node_is_for() -> None:
    labels = [node.label for node in make_plan(request("pig")).nodes()]
    assert "train pig.guider, fold 1" in labels
    assert "sample pig, chunk 1, fold 0" in labels
    assert "segment unet on real+pig_16, fold 0" in labels
    assert len(labels) == len(set(labels))


def test_planning_imports_no_torch() -> None:
    code = (
        "import sys; from pigbench.plan import *; from pigbench.choices import *; from pigbench.protocol import *\n"
        "p = load_preset('quick'); g = choose_generator('pig', p.diffusion, {})\n"
        "r = Request(Protocol(preset=p, dataset='x', dataset_identity='x', folds=5), (g,), (2048,),"
        " (choose_segmenter('unet', {}, {}),), (0,))\n"
        "assert len(make_plan(r).nodes()) > 50\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_nodes_are_plain_data() -> None:
    node = make_plan(request("pig")).targets[0]
    assert isinstance(node, Node)
    assert len(node.key) == 32
