"""Records that are withdrawn because their numbers were wrong. What was merely superseded is not: it stays readable."""

from __future__ import annotations

from dataclasses import dataclass

from pigbench.results.record import Record


@dataclass(frozen=True)
class Withdrawal:
    """Which records are withdrawn and why: those that these versions of pigbench made, and those of these keys.

    reason: a sentence without a full stop.
    """

    reason: str
    versions: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()


WITHDRAWN: tuple[Withdrawal, ...] = ()
"""None so far. An entry stays for good: records live long in other people's folders."""


def why_withdrawn(record: Record) -> str:
    """The reason; empty for a record that is not withdrawn."""
    version = record.provenance.pigbench
    return next((of.reason for of in WITHDRAWN if record.key in of.keys or version in of.versions), "")
