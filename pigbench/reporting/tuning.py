"""How the studies behind tuned rows are put into words."""

from __future__ import annotations

from collections.abc import Iterable

from pigbench.counting import counted
from pigbench.results import Group


def tuning_notes(label: str, group: Group) -> Iterable[str]:
    """Where tuned settings come from, and what they cost."""
    for study in group.tuning.get(label, ()):
        whose = "" if label.startswith(f"{study.plugin}(") else f"{study.plugin} is the "
        yield (
            f"{label}: {whose}best of {counted(study.trials, 'trial')} on tuning patients "
            f"({counted(study.patients, 'patient')}, in no fold), {hours(study.wall_s)}"
        )


def hours(seconds: float) -> str:
    """A cost in words: "40 s", "12 min", "1.2 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"
