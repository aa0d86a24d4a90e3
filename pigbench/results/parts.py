"""What the parts of a record have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer


class Part(BaseModel):
    """Types are taken strictly, and unknown keys are kept."""

    model_config = ConfigDict(extra="allow", strict=True)


class Sparse(Part):
    """A part of which a record holds many: what is at its default is not written."""

    @model_serializer(mode="wrap")
    def _told(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields = type(self).model_fields
        return {
            name: value
            for name, value in written(self).items()
            if name not in fields
            or fields[name].is_required()
            or value != fields[name].get_default(call_default_factory=True)
        }


def repeated(values: Iterable[Hashable]) -> list[Any]:
    """The values that come more than once."""
    return [value for value, times in Counter(values).items() if times > 1]
