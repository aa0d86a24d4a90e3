"""The plan: equal work has an equal key, and what changes a number changes a key."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections import Counter

import pytest

from pigbench.errors import PigbenchError
from pigbench.planning.arms import Use
from pigbench.planning.configured import choose_generator, choose_metrics, choose_segmenter, with_masks
from pigbench.planning.plan import Plan, Request
from pigbench.planning.planner import make_plan
from pigbench.planning.trainings import Trainings
from pigbench.protocol import Protocol, load_preset
from pigbench.stages import find
from pigbench.stages.node import Node, ordered
from pigbench.stages.train import Train, steps_of


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
    real = {node.key for node in plan.measurements if node.purpose.arm == "real"}
    assert len(real) == 2  # one a fold
    assert real <= keys(make_plan(request("ddim")), "measure")


def test_more_samples_are_more_chunks_and_the_same_first_ones() -> None:
    fewer, more = make_plan(request("pig", samples=(16,))), make_plan(request("pig", samples=(24,)))
    assert keys(fewer, "sample") < keys(more, "sample")
    assert len(keys(more, "sample") - keys(fewer, "sample")) == 2  # one chunk of 8 a fold
    assert keys(fewer, "train") == keys(more, "train")


@pytest.mark.parametrize(
    ("setting", "retrained"),
    [
        ({"guide": "binary"}, set()),
        ({"steps": 8}, set()),
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
        for node in ordered([target]):
            assert node.purpose.fold in (None, target.purpose.fold)


@pytest.mark.parametrize("change", ["device", "seeds", "source", "version", "dataset", "resolution"])
def test_what_changes_a_number_changes_the_key(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    base = request("pig")
    before = make_plan(base)
    if change == "device":
        after = make_plan(dataclasses.replace(base, device="cuda"))
    elif change == "seeds":
        after = make_plan(dataclasses.replace(base, seeds=(1,)))
    elif change == "source":
        monkeypatch.setattr("pigbench.planning.configured.source_hash", lambda module: "another")
        after = make_plan(request("pig"))
    elif change == "version":
        monkeypatch.setattr(Train, "version", 999)
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
    assert "fit unet on real+pig_16, fold 0" in labels
    assert len(labels) == len(set(labels))


@pytest.mark.process
def test_planning_imports_no_torch() -> None:
    code = (
        "import sys; from pigbench.planning.planner import *; from pigbench.planning.configured import *\n"
        "from pigbench.protocol import *\n"
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


def test_controlnet_trains_its_control_alone_after_ddpm() -> None:
    base = keys(make_plan(request("ddpm")), "train")
    plan = make_plan(request("ddpm", "controlnet"))
    added = [node for node in plan.nodes() if node.stage == "train" and node.key not in base]
    assert {(node.spec["plugin"], node.spec["component"]) for node in added} == {("controlnet", "control")}
    assert base < keys(plan, "train")
    for node in added:
        assert node.inputs["trained:denoiser"].key in base


@pytest.mark.parametrize("preset", ["demo", "quick", "overnight", "small", "medium"])
def test_every_generator_trains_on_as_many_images(preset: str) -> None:
    loaded = load_preset(preset)
    for name in ("pig", "ddpm", "ldm", "segguided", "controlnet", "joint"):
        chosen = (choose_generator(name, loaded.diffusion, {}),)
        protocol = Protocol(preset=loaded, dataset="phantom", dataset_identity="d", folds=2)
        plan = make_plan(request("pig", protocol=protocol, generators=chosen, samples=(2,)))
        own = [n for n in plan.nodes() if n.stage == "train" and n.spec["plugin"] == name and n.spec["fold"] == 0]
        training = loaded.training
        assert sum(n.spec["training"]["images"] * n.spec["share"] for n in own) == training.images
        passes = sum(steps_of(training, n.spec["share"], 0) * training.batch for n in own)
        assert training.images <= passes < training.images + len(own) * training.batch


def test_masks_of_another_generator_are_its_samples() -> None:
    preset = load_preset("smoke")
    pig, ldm = (choose_generator(name, preset.diffusion, {}) for name in ("pig", "ldm"))
    crossed = make_plan(request("pig", generators=(with_masks(ldm, pig), with_masks(pig, "real"))))
    own = make_plan(request("pig", "ldm"))
    assert keys(crossed, "train") == keys(own, "train")
    arms = {node.purpose.arm for node in crossed.measurements}
    assert arms == {"real", "real+ldm(masks=pig)_16", "real+pig(masks=real)_16"}
    fed = [n for n in crossed.nodes() if n.stage == "sample" and n.purpose.what == "ldm(masks=pig)"]
    assert {node.inputs["masks"].key for node in fed} <= keys(own, "sample")
    assert {node.spec["masks"] for node in fed} == {"made"}


def test_masks_go_only_where_they_can() -> None:
    preset = load_preset("smoke")
    pig, joint, ddpm, ldm = (choose_generator(n, preset.diffusion, {}) for n in ("pig", "joint", "ddpm", "ldm"))
    assert with_masks(pig, pig) is pig
    assert with_masks(ddpm, pig) is ddpm
    assert with_masks(joint, "real") is joint
    assert with_masks(ldm, "real") is ldm
    assert with_masks(ldm, joint).label == "ldm(masks=joint)"
    assert with_masks(pig, joint).signature != pig.signature
    with pytest.raises(PigbenchError, match="--masks ddpm: that generator makes no masks"):
        with_masks(pig, ddpm)


def test_controls_add_arms_and_change_none() -> None:
    usual, more = make_plan(request("pig", "identity")), make_plan(request("pig", "identity", controls=True))
    assert keys(usual, "fit") < keys(more, "fit")
    added = {node.purpose.arm: node for node in more.measurements if node.key not in keys(usual, "measure")}
    assert set(added) == {"real_2x_steps", "pig_16", "real+pig_16_2x_steps"}  # a control's alone say nothing
    named = make_plan(request("pig", "identity", controls=True, named=frozenset({"identity"})))
    more_arms = {node.purpose.arm for node in named.measurements} - {node.purpose.arm for node in more.measurements}
    assert more_arms == {"real+identity_16_2x_steps"}
    assert added["real_2x_steps"].inputs["fit"].spec["training"]["steps"] == 2 * load_preset("smoke").segmentation.steps
    assert added["pig_16"].inputs["fit"].spec["alone"]


def test_every_training_has_a_number_and_the_first_is_what_one_alone_is() -> None:
    once = make_plan(request("pig"))
    often = make_plan(request("pig", trainings=Trainings(2, {"real": 3})))
    assert keys(once, "fit") < keys(often, "fit")
    assert keys(once, "train") == keys(often, "train") and keys(once, "sample") == keys(often, "sample")
    trained = Counter((node.purpose.arm, node.purpose.fold) for node in often.measurements)
    assert set(trained.values()) == {2, 3}
    assert {arm for (arm, _), times in trained.items() if times == 3} == {"real"}
    fits = [node.inputs["fit"] for node in often.measurements if node.purpose.arm == "real" and node.purpose.fold == 1]
    assert [node.spec.get("number", 0) for node in fits] == [0, 1, 2]
    assert [node.label.rpartition(", ")[2] for node in fits] == ["fold 1", "training 1", "training 2"]


def test_a_share_is_an_arms_own() -> None:
    plan = make_plan(request("pig", uses=(Use(), Use("mix", 0.25))))
    fits = {node.purpose.arm: node.inputs["fit"] for node in plan.measurements}
    assert {arm: node.spec.get("share") for arm, node in fits.items()} == {
        "real": None,
        "real+pig_16": None,
        "real+pig_16 (mix:0.25)": 0.25,
    }


def test_a_subset_is_all_that_anything_of_its_row_is_trained_on() -> None:
    usual, both = make_plan(request("pig")), make_plan(request("pig", train_patients=(4, None)))
    assert usual.key != both.key
    assert {node.key for node in usual.nodes()} < {node.key for node in both.nodes()}
    for target in both.targets:
        for node in ordered([target]):
            if "train_patients" in type(find(node.stage)).Spec.model_fields:
                assert node.spec.get("train_patients") == node.purpose.train_patients == target.purpose.train_patients
    arms = {node.purpose.arm for node in both.measurements}
    assert arms == {"real", "real+pig_16", "real (4 patients)", "real+pig_16 (4 patients)"}


WAYS = tuple(map(Use, ("mix", "pretrain", "filter", "filter+pretrain")))


def test_whatever_the_uses_a_generator_is_trained_once_and_real_only_shared() -> None:
    one, all_of_them = make_plan(request("pig")), make_plan(request("pig", uses=WAYS))
    assert keys(one, "train") == keys(all_of_them, "train")
    real = [{n.inputs["fit"].key for n in plan.measurements if n.purpose.arm == "real"} for plan in (one, all_of_them)]
    assert real[0] == real[1]


def test_pretraining_is_a_fit_on_pairs_and_one_on_real_cases_that_starts_from_it() -> None:
    steps = request("pig").protocol.preset.segmentation.steps
    plan = make_plan(request("pig", uses=(Use("pretrain"), Use("pretrain", 1 / steps))))
    for arm, on_pairs in (("real+pig_16 (pretrain)", steps // 2), (f"real+pig_16 (pretrain:{1 / steps:g})", 1)):
        then = next(node.inputs["fit"] for node in plan.measurements if node.purpose.arm == arm)
        first = then.inputs["start"]
        assert (first.spec["training"]["steps"], then.spec["training"]["steps"]) == (on_pairs, steps - on_pairs)
        assert (first.spec["n"], first.spec["alone"], then.spec["n"]) == (16, True, 0)
        assert not any(role.startswith("chunk") for role in then.inputs)
        assert first.purpose.arm == arm and first.purpose.what != then.purpose.what


def test_filtering_takes_twice_as_many_pairs_and_asks_segmenters_of_the_same_patients_alone() -> None:
    usual = request("pig", uses=WAYS, train_patients=(4,), trainings=Trainings(5))
    preset = usual.protocol.preset.model_copy(update={"trainings": 2})
    plan = make_plan(dataclasses.replace(usual, protocol=usual.protocol.model_copy(update={"preset": preset})))
    filtered = [
        node.inputs["fit"] for node in plan.measurements if node.purpose.arm == "real+pig_16 (4 patients, filter)"
    ]
    real = {node.inputs["fit"].key: node for node in plan.measurements if node.purpose.arm == "real (4 patients)"}
    for fit in filtered:
        chunks = [role for role in fit.inputs if role.startswith("chunk")]
        asked = fit.inputs["agreement"]
        judges = [node for role, node in asked.inputs.items() if role.startswith("fit")]
        assert len(chunks) * fit.inputs["chunk:0"].spec["size"] == 2 * 16 == asked.spec["n"]
        assert len(judges) == 2, "as many as the preset has"
        assert {node.key for node in judges} <= set(real)
        assert {node.purpose.fold for node in judges} == {fit.purpose.fold}


def test_what_filtering_keeps_does_not_depend_on_the_number_of_trainings() -> None:
    usual = request("pig", uses=WAYS)
    preset = usual.protocol.preset.model_copy(update={"trainings": 3})
    usual = dataclasses.replace(usual, protocol=usual.protocol.model_copy(update={"preset": preset}))
    once, often = (make_plan(dataclasses.replace(usual, trainings=Trainings(times))) for times in (1, 3))
    assert {node.key for node in once.measurements} < {node.key for node in often.measurements}


def test_masks_are_gated_and_compressions_measured() -> None:
    plan = make_plan(request("pig", "ddpm", "ldm"))
    assert {node.purpose.generator for node in plan.gates} == {"pig", "ldm"}
    assert {node.purpose.generator for node in plan.reconstructions} == {"ldm"}
    assert {tuple(sorted(node.inputs)) for node in plan.reconstructions} == {
        ("prepared", "split", "trained:autoencoder", "trained:denoiser")
    }


def test_a_further_metric_measures_again_and_computes_nothing_else() -> None:
    usual, more = make_plan(request("pig")), make_plan(request("pig", metrics=choose_metrics(["hd95"])))
    known = {node.key for node in usual.nodes()}
    new = {node.stage for node in more.nodes() if node.key not in known}
    assert new == {"measure", "ceiling"}


def test_predictions_are_scored_on_the_images_own_grid_unless_the_protocol_says_otherwise() -> None:
    preset = load_preset("smoke", {"scoring.grid": "working"})
    protocol = Protocol(preset=preset, dataset="phantom", dataset_identity="d", folds=2)
    native, working = make_plan(request("pig")), make_plan(request("pig", protocol=protocol))
    assert keys(native, "predict") == keys(working, "predict")
    assert keys(native, "measure").isdisjoint(keys(working, "measure"))
    assert not keys(working, "truth") | keys(working, "ceiling")
