"""What a run takes from studies, and the studies it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pigbench.errors import PigbenchError
from pigbench.planning.configured import choose_generator, choose_segmenter, with_masks
from pigbench.planning.plan import Request
from pigbench.planning.planner import make_plan
from pigbench.protocol import Protocol, load_preset
from pigbench.store import Store
from pigbench.tuning.chosen import OWN, with_studies
from pigbench.tuning.storage import studies_in
from pigbench.tuning.study import default_name, open_study
from pigbench.tuning.trial import Evaluation, on_tuning_patients


def request(*names: str, **changes: Any) -> Request:
    preset = load_preset("smoke", changes)
    return Request(
        Protocol(preset=preset, dataset="phantom", dataset_identity="d" * 16, folds=2),
        tuple(choose_generator(name, preset.diffusion, {}) for name in names),
        (8,),
        (choose_segmenter("unet", preset.segmentation.network, {}),),
        (0,),
    )


@pytest.fixture
def studies(tmp_path: Path) -> Any:
    with studies_in(f"journal:{tmp_path / 'studies'}", tmp_path) as studies:
        yield studies


def given(studies: Any, name: str, values: Sequence[float], share: float = 0.2, title: str = "", **params: Any) -> None:
    """A study of that plugin with a complete trial of each of these values; the first has these params."""
    import optuna

    asked = request() if name == "unet" else replace(request(name), segmenters=())
    evaluation = Evaluation(on_tuning_patients(asked, share), Store(Path(studies._backend._file_path).parent), 1, 60.0)
    study = open_study(studies, title or default_name(name, "smoke", "d" * 16), evaluation, 0, 16)
    for number, value in enumerate(values):
        drawn = {"learning_rate": 0.001 * (number + 1)} | (params if number == 0 else {})
        distributions = {field: optuna.distributions.CategoricalDistribution([value]) for field, value in drawn.items()}
        costs = {"costs": {f"{name} {number}": [10.0, 20.0, 5.0], "shared": [1.0, 1.0]}}
        study.add_trial(
            optuna.trial.create_trial(value=value, params=drawn, distributions=distributions, user_attrs=costs)
        )


def command(name: str, trials: int) -> str:
    return f"tune {name} to {trials}"


def test_the_best_configuration_is_what_is_trained(studies: Any) -> None:
    given(studies, "pig", [1.0, 2.0, 3.0], loss_weight="sigmoid", learning_rate=0.004)
    given(studies, "unet", [1.0, 2.0, 3.0])  # here the most is best
    before = request("pig", "segguided")
    after = with_studies(before, ["pig-smoke-dddddddd", "unet-smoke-dddddddd"], studies, command)
    assert [generator.label for generator in after.generators] == ["pig(tuned)", "segguided"]
    assert [segmenter.label for segmenter in after.segmenters] == ["unet(tuned)"]
    nodes = make_plan(after).nodes()
    rates = {
        (node.spec["plugin"], node.spec["training"]["learning_rate"])
        for node in nodes
        if node.stage in ("train", "fit")
    }
    assert rates == {("pig", 0.004), ("segguided", load_preset("smoke").training.learning_rate), ("unet", 0.003)}
    (split,) = [node for node in nodes if node.stage == "split"]
    assert (split.spec["set_aside"], split.spec["tuning"]) == (0.2, False)
    pig, unet = after.tuned
    assert (pig.trials, pig.value, pig.patients, pig.set_aside) == (3, 1.0, 16, 0.2)
    assert (pig.wall_s, pig.cpu_s, pig.gpu_s) == (31.0, 61.0, 15.0)  # what trials share counts once
    assert (unet.value, unet.objective) == (3.0, "Dice, %")
    assert {arm.purpose.arm for arm in make_plan(after).measurements} >= {"real", "real+pig(tuned)_8"}


def test_a_run_of_more_trials_is_told_from_the_one_before(studies: Any) -> None:
    given(studies, "ddpm", [1.0])
    first = make_plan(with_studies(request("ddpm"), [OWN], studies, command)).key
    given(studies, "ddpm", [2.0])
    assert make_plan(with_studies(request("ddpm"), [OWN], studies, command)).key != first


def test_without_a_name_every_generator_gets_its_own_study(studies: Any) -> None:
    for name in ("pig", "ddpm"):
        given(studies, name, [1.0, 2.0])
    chosen = with_studies(request("pig", "ddim", "identity"), [OWN], studies, command)
    assert [generator.label for generator in chosen.generators] == ["pig(tuned)", "ddim(ddpm.tuned)", "identity"]
    assert [study.plugin for study in chosen.tuned] == ["pig", "ddpm"]
    assert [chosen.rows_of(study) for study in chosen.tuned] == [["pig(tuned)"], ["ddim(ddpm.tuned)"]]


def test_masks_of_a_tuned_generator_are_those_of_the_tuned(studies: Any) -> None:
    given(studies, "pig", [1.0])
    pig, ldm = request("pig", "ldm").generators
    fed = replace(request("ldm"), generators=(with_masks(ldm, pig),))  # type: ignore[arg-type]
    chosen = with_studies(fed, ["pig-smoke-dddddddd"], studies, command)
    assert chosen.generators[0].label == "ldm(masks=pig(tuned))"
    assert chosen.rows_of(chosen.tuned[0]) == ["ldm(masks=pig(tuned))"]


@pytest.mark.parametrize(
    ("trials", "said"),
    [
        ({"pig": 3, "ddpm": 1}, "ddpm lacks 2 of 3, ldm lacks 3 of 3. Run: tune ddpm to 3; tune ldm to 3"),
        ({"pig": 3, "ddpm": 3}, "ldm lacks 3 of 3. Run: tune ldm to 3"),
        ({}, "pig lacks 20 of 20, ddpm lacks 20 of 20, ldm lacks 20 of 20. Run: tune pig to 20"),
    ],
)
def test_unequal_budgets_are_refused_with_who_lacks_how_many(studies: Any, trials: dict[str, int], said: str) -> None:
    for name, count in trials.items():
        given(studies, name, [1.0] * count)
    with pytest.raises(PigbenchError, match="--tuned gives every generator as many trials") as refused:
        with_studies(request("pig", "ddim", "ldm"), [OWN], studies, command)
    assert said in str(refused.value)


def test_named_studies_may_have_had_unequal_trials(studies: Any) -> None:
    given(studies, "pig", [1.0, 2.0])
    given(studies, "ddpm", [1.0])
    names = ["pig-smoke-dddddddd", "ddpm-smoke-dddddddd"]
    assert len(with_studies(request("pig", "ddpm"), names, studies, command).tuned) == 2
    with pytest.raises(PigbenchError, match="ddpm lacks 1 of 2"):
        with_studies(request("pig", "ddpm"), [names[0], OWN], studies, command)


@pytest.mark.parametrize(
    ("names", "asked", "said"),
    [
        (["absent"], {}, "unknown study 'absent'"),
        ([OWN], {"names": ("identity",)}, "no generator of this run has anything to tune"),
        (["mine"], {"names": ("ddpm",)}, "--tuned mine: this run uses no value of it; it is of generator 'pig'"),
        (["mine", "mine2"], {}, "two studies are of generator 'pig': give one"),
        (["mine", "other share"], {"names": ("pig", "ddpm")}, "several shares of the patients, 0.2, 0.3"),
        (["mine"], {"training.images": 128}, "of another protocol: preset.training.images is 64 there, 128 here"),
        (["empty"], {}, "study 'empty' has no complete trial yet"),
    ],
)
def test_studies_that_do_not_fit_are_refused(studies: Any, names: list[str], asked: dict[str, Any], said: str) -> None:
    for title in ("mine", "mine2"):
        given(studies, "pig", [1.0], title=title)
    given(studies, "pig", [], title="empty")
    given(studies, "ddpm", [1.0], share=0.3, title="other share")
    wanted = request(*asked.pop("names", ("pig",)), **asked)
    with pytest.raises(PigbenchError, match=said):
        with_studies(wanted, names, studies, command)


def test_a_study_of_other_settings_is_refused_but_one_of_its_own_field_set_by_hand_is_not(studies: Any) -> None:
    given(studies, "pig", [1.0], title="mine", loss_weight="sigmoid")
    preset = load_preset("smoke")
    for settings, fits in (({"guide": "binary"}, False), ({"learning_rate": 1e-3}, True)):
        asked = replace(request("pig"), generators=(choose_generator("pig", preset.diffusion, {"pig": settings}),))
        if fits:
            assert with_studies(asked, ["mine"], studies, command).tuned
        else:
            with pytest.raises(PigbenchError, match="tuned another 'pig'"):
                with_studies(asked, ["mine"], studies, command)


def test_another_share_than_the_study_s_is_refused(studies: Any) -> None:
    given(studies, "pig", [1.0], title="mine")
    asked = request("pig")
    aside = replace(asked, protocol=asked.protocol.model_copy(update={"set_aside": 0.4}))
    with pytest.raises(PigbenchError, match=r"several shares of the patients, 0\.2, 0\.4"):
        with_studies(aside, ["mine"], studies, command)
