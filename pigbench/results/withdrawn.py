"""Records that are withdrawn as their numbers were wrong, and protocols that were superseded, which stay readable."""

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


_FOLDED = "its denoisers folded 2 × 2 pixels into channels, which made steps cheap and images poor"
_ONCE = "its segmenters were not trained out, and every arm was trained once"
SUPERSEDED = {
    "292bbd82bd3ba78c": _ONCE,
    "bf87da6de2c03762": _ONCE,
    "5aa91f53d5db2dc1": _FOLDED,
    "8ec44e0a24128fe1": _FOLDED,
}
"""Why a published protocol has a successor, by its hash."""


def why_withdrawn(record: Record) -> str:
    """The reason; empty for a record that is not withdrawn."""
    version = record.provenance.pigbench
    return next((of.reason for of in WITHDRAWN if record.key in of.keys or version in of.versions), "")
