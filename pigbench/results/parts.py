"""What the parts of a record have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer


class Part(BaseModel):
    """Types are taken strictly, and unknown keys are kept."""

    model_config = ConfigDict(extra="allow", strict=True, defer_build=True)


class Sparse(Part):
    """A part of which a record holds many: what is at its default is not written."""

    @model_serializer(mode="wrap")
    def _told(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        defaults = _defaults(type(self))
        return {name: value for name, value in written(self).items() if name not in defaults or value != defaults[name]}


@cache
def _defaults(part: type[BaseModel]) -> dict[str, Any]:
    fields = part.model_fields.items()
    return {name: field.get_default(call_default_factory=True) for name, field in fields if not field.is_required()}


def repeated(values: Iterable[Hashable]) -> list[Any]:
    """The values that come more than once."""
    return [value for value, times in Counter(values).items() if times > 1]
