"""A plugin's settings, and what of them `pigbench tune` may choose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, SerializerFunctionWrapHandler, model_serializer


class Config(BaseModel):
    """A plugin's settings: typed, frozen, unknown names refused.

    A field whose name stands in the preset's `[diffusion]` table (generators) or `[segmentation.network]` (segmenters)
    takes its default from there; `--set NAME.field=value` overrides both.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True)
class Range:
    """Where `pigbench tune` looks for a number: `width: Annotated[int, Range(8, 64)] = 16` in a Config.

    low, high: both belong to it; two ints give ints. log: evenly over orders of magnitude.
    """

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True, init=False)
class Choices:
    """Among what `pigbench tune` chooses: `guide: Annotated[str, Choices("raw", "binary")] = "raw"` in a Config."""

    values: tuple[str | float | bool | None, ...]

    def __init__(self, *values: str | float | bool | None) -> None:
        object.__setattr__(self, "values", values)


def space(config: type[Config]) -> dict[str, Range | Choices]:
    """What a Config gives to tuning: its marked fields, in their order."""
    marked = {
        name: [mark for mark in field.metadata if isinstance(mark, Range | Choices)]
        for name, field in config.model_fields.items()
    }
    return {name: marks[-1] for name, marks in marked.items() if marks}


class TrainedConfig(Config):
    """The settings of a plugin that trains. Its learning rate, where one is set, takes the place of the preset's."""

    learning_rate: Annotated[PositiveFloat | None, Range(3e-4, 1e-2, log=True)] = Field(
        None, description="of its own trainings; none: the preset's"
    )

    @model_serializer(mode="wrap")
    def _without_an_unset_rate(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """So that keys and signatures are those of a Config that has no such field."""
        return {name: value for name, value in dump(self).items() if (name, value) != ("learning_rate", None)}
