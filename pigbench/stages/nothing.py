"""Stage `nothing`: an empty artifact. What an engine itself takes is measured with it."""

from __future__ import annotations

from pigbench.stages import base
from pigbench.stages.job import Job


class NothingSpec(base.Spec):
    """number: tells one from another."""

    number: int


class Nothing(base.Stage):
    """No work."""

    name = "nothing"
    Spec = NothingSpec

    def run(self, job: Job[NothingSpec]) -> None:
        """Write no file."""


STAGE = Nothing()
