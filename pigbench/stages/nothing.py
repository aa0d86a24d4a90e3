"""Stage `nothing`: an empty artifact. What an engine itself takes is measured with it."""

from __future__ import annotations

from pigbench.stages.job import Job


def run(job: Job) -> None:
    """Writes no file."""
