"""What there is to tune in a plugin: the fields that its Config marks, but for those that the user has set."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pigbench.contracts import Choices, Range, space
from pigbench.errors import PigbenchError
from pigbench.planning.configured import GeneratorChoice, SegmenterChoice
from pigbench.protocol import plugin_config

if TYPE_CHECKING:
    from optuna import Trial

Space = dict[str, Range | Choices]


def free_space(choice: GeneratorChoice | SegmenterChoice) -> Space:
    """The fields that a study of `choice` varies: all that its Config marks and the user has not set.

    Raises PigbenchError for a mark that does not fit its field.
    """
    marked = space(type(choice.config))
    for name, mark in marked.items():
        _check(choice, name, mark)
    return {name: mark for name, mark in marked.items() if name not in choice.changed}


def can_be_tuned(generator: GeneratorChoice) -> bool:
    """Whether it trains something of its own and has fields to vary."""
    return _trains(generator) and bool(free_space(generator))


def check_tunable(choice: GeneratorChoice | SegmenterChoice) -> None:
    """Raises PigbenchError where there is nothing to tune, naming what to tune instead if there is something."""
    if isinstance(choice, GeneratorChoice) and not _trains(choice):
        if not choice.lenders:
            raise PigbenchError(f"'{choice.name}' trains nothing: there is nothing to tune")
        lender = choice.lenders[0].name
        raise PigbenchError(
            f"'{choice.name}' trains nothing of its own, it samples what '{lender}' trained: tune that with "
            f"`pigbench tune generator {lender}`"
        )
    if not space(type(choice.config)):
        raise PigbenchError(
            f"'{choice.name}' declares nothing to tune: its Config marks a field by Annotated[float, Range(low, high)]"
        )
    if not free_space(choice):
        raise PigbenchError(f"--set leaves nothing of '{choice.name}' to tune: it fixes {', '.join(choice.changed)}")


def draw(trial: Trial, space: Space) -> dict[str, Any]:
    """A value of every field, from the study's sampler."""
    return {name: _draw(trial, name, mark) for name, mark in space.items()}


def described(space: Space) -> dict[str, Any]:
    """The space as JSON."""
    return {name: list(mark.values) if isinstance(mark, Choices) else asdict(mark) for name, mark in space.items()}


def _draw(trial: Trial, name: str, mark: Range | Choices) -> Any:
    if isinstance(mark, Choices):
        return trial.suggest_categorical(name, mark.values)
    if _whole(mark):
        return trial.suggest_int(name, int(mark.low), int(mark.high), log=mark.log)
    return trial.suggest_float(name, mark.low, mark.high, log=mark.log)


def _whole(mark: Range) -> bool:
    return isinstance(mark.low, int) and isinstance(mark.high, int)


def _trains(choice: GeneratorChoice) -> bool:
    return any(component.owner is None for component in choice.plugin.components)


def _check(choice: GeneratorChoice | SegmenterChoice, name: str, mark: Range | Choices) -> None:
    """Refuse what could not be drawn from, and what the field would not take."""
    where = f"'{choice.name}': {name}: {mark}"
    if isinstance(mark, Range) and not mark.low < mark.high:
        raise PigbenchError(f"{where} is empty")
    if isinstance(mark, Range) and mark.log and mark.low <= 0:
        raise PigbenchError(f"{where} has no logarithm at its lower end")
    if isinstance(mark, Choices) and not mark.values:
        raise PigbenchError(f"{where} is empty")
    for value in mark.values if isinstance(mark, Choices) else (mark.low, mark.high):
        if refusal := _refusal(choice, name, value):
            raise PigbenchError(f"{mark} is no space of {refusal}")
    if isinstance(mark, Range) and _whole(mark) and not _refusal(choice, name, mark.low + 0.5):
        raise PigbenchError(f"{where} gives whole numbers to a field of fractions: write {float(mark.low)}")


def _refusal(choice: GeneratorChoice | SegmenterChoice, name: str, value: Any) -> str:
    """Why the field does not take the value; empty if it does."""
    try:
        settings = choice.config.model_dump(mode="json") | {name: value}
        plugin_config(type(choice.config), choice.name, {}, settings)
    except PigbenchError as error:
        return str(error)
    return ""
