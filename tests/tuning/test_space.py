"""What can be tuned, what cannot, and marks that make no sense."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import pytest
from pydantic import Field

from pigbench.contracts import Choices, Config, Range, TrainedConfig, space
from pigbench.errors import PigbenchError
from pigbench.planning.configured import choose_generator, choose_segmenter, with_values
from pigbench.protocol import load_preset
from pigbench.tuning.space import can_be_tuned, check_tunable, free_space

SMOKE = load_preset("smoke")


def chosen(name: str, **own: Any) -> Any:
    return choose_generator(name, SMOKE.diffusion, {name: own})


def with_config(config: type[Config]) -> Any:
    return replace(chosen("ddpm"), config=config())


@pytest.mark.parametrize("name", ["pig", "ddpm", "joint", "ldm", "segguided", "controlnet"])
def test_every_generator_that_trains_has_a_small_space_around_its_learning_rate(name: str) -> None:
    check_tunable(chosen(name))
    assert 1 <= len(free_space(chosen(name))) <= 4
    assert "learning_rate" in free_space(chosen(name))
    assert set(free_space(chosen(name))) <= set(type(chosen(name).config).model_fields)


@pytest.mark.parametrize("name", ["unet", "unetplusplus", "deeplabv3plus", "segformer"])
def test_every_segmenter_has_one(name: str) -> None:
    choice = choose_segmenter(name, SMOKE.segmentation.network, {})
    check_tunable(choice)
    assert list(free_space(choice)) == ["learning_rate"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ddim", "samples what 'ddpm' trained: tune that with `pigbench tune generator ddpm`"),
        ("identity", "'identity' trains nothing: there is nothing to tune"),
        ("copy-paste", "'copy-paste' trains nothing"),
    ],
)
def test_what_trains_nothing_says_what_to_tune_instead(name: str, said: str) -> None:
    assert not can_be_tuned(chosen(name))
    with pytest.raises(PigbenchError, match=said):
        check_tunable(chosen(name))


def test_what_the_user_sets_is_not_varied() -> None:
    assert "loss_weight" not in free_space(chosen("pig", loss_weight="sigmoid"))
    with pytest.raises(PigbenchError, match="--set leaves nothing of 'ddpm' to tune: it fixes learning_rate"):
        check_tunable(chosen("ddpm", learning_rate=1e-3))


class Unmarked(Config):
    width: int = 3


class TwiceMarked(TrainedConfig):
    learning_rate: Annotated[float | None, Range(1e-5, 1e-4, log=True)] = None
    guide: Annotated[str, Choices("a", "b")] = "a"


def test_a_config_s_marks_are_its_space_and_can_be_narrowed() -> None:
    assert space(Unmarked) == {}
    assert space(TwiceMarked) == {"learning_rate": Range(1e-5, 1e-4, log=True), "guide": Choices("a", "b")}
    with pytest.raises(PigbenchError, match="'ddpm' declares nothing to tune"):
        check_tunable(with_config(Unmarked))


class Empty(Config):
    width: Annotated[int, Range(8, 8)] = 8


class NoLogarithm(Config):
    width: Annotated[float, Range(0.0, 1.0, log=True)] = 0.5


class NoChoice(Config):
    guide: Annotated[str, Choices()] = "a"


class TooLow(Config):
    width: Annotated[int, Range(0, 8)] = Field(4, gt=0)


class WrongKind(Config):
    width: Annotated[int, Choices(4, "wide")] = 4


class Fractions(Config):
    share: Annotated[float, Range(0, 1)] = 0.5


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (Empty, r"width: Range\(low=8, high=8, log=False\) is empty"),
        (NoLogarithm, "no logarithm at its lower end"),
        (NoChoice, "is empty"),
        (TooLow, r"Range\(low=0, high=8, log=False\) is no space of 'ddpm': width: .*greater than 0, got 0"),
        (WrongKind, "is no space of 'ddpm': width: .*got 'wide'"),
        (Fractions, r"gives whole numbers to a field of fractions: write 0\.0"),
    ],
)
def test_a_mark_that_does_not_fit_its_field_is_named(config: type[Config], said: str) -> None:
    with pytest.raises(PigbenchError, match=said):
        free_space(with_config(config))


def test_values_of_a_study_are_shown_and_those_of_the_user_stay() -> None:
    values = {"pig": {"learning_rate": 5e-3, "loss_weight": "sigmoid"}, "ddpm": {"learning_rate": 1e-3}}
    tuned = with_values(chosen("pig", learning_rate=2e-3), values)
    assert (tuned.config.learning_rate, tuned.config.loss_weight) == (2e-3, "sigmoid")
    assert tuned.label == "pig(tuned,learning_rate=0.002)"
    assert with_values(chosen("pig"), values).label == "pig(tuned)"
    assert with_values(chosen("pig"), values).signature != chosen("pig").signature
    assert with_values(chosen("ddim"), values).label == "ddim(ddpm.tuned)"
    assert with_values(chosen("ddim"), values).signature != chosen("ddim").signature
    assert with_values(chosen("segguided"), values).label == "segguided"
    assert not with_values(chosen("ddpm", learning_rate=2e-3), values).tuned  # nothing of the study is left
    with pytest.raises(PigbenchError, match="setting of 'pig'"):
        with_values(chosen("pig"), {"pig": {"widht": 3}})
