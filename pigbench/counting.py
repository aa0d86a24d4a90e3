"""Numbers with their nouns."""

from __future__ import annotations


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """A number with its noun: "1 case", "1,373 cases"."""
    return f"{number:,} {singular}" if number == 1 else f"{number:,} {plural or singular + 's'}"
