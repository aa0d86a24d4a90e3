"""Whether a run already left its record."""

from __future__ import annotations

from pathlib import Path

from pigbench.results.files import read_record


def find_record(directory: Path, key: str) -> Path | None:
    """The record of the run with that key in `directory`; None if there is none that can be read."""
    for file in directory.glob(f"*-{key[:8]}.json"):
        try:
            if read_record(file).key == key:
                return file
        except (ValueError, OSError):
            continue  # `compare` names it; the run writes its own
    return None
