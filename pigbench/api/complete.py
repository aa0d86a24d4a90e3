"""From a plan to its record: what `run` and `evaluate` do once they know what is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pigbench.api.compute import compute

if TYPE_CHECKING:
    from pigbench.api.request import Setup
    from pigbench.engine.driver import Outcome
    from pigbench.planning.plan import Plan
    from pigbench.results import Record


@dataclass(frozen=True)
class Completed:
    """A run that has ended: the file that holds its record, and what came of the plan."""

    path: Path
    plan: Plan
    outcome: Outcome

    @property
    def record(self) -> Record:
        """As it is written."""
        from pigbench.results import read_record

        return read_record(self.path)

    @property
    def failed_as_a_whole(self) -> bool:
        """Whether nothing that a table could show was reached."""
        return all(node.key in self.outcome.failed for node in self.plan.targets)


def complete(setup: Setup, command: str) -> Completed:
    """Compute what is missing, and write the record; parts that fail stand in it.

    command: what the user typed, for the record. KeyboardInterrupt passes through.
    """
    from pigbench.engine.driver import Outcome
    from pigbench.results import find_record

    plan = setup.plan
    finished = find_record(setup.records, plan.key)
    if finished and all(setup.store.has(node.stage, node.key) for node in plan.targets):
        setup.options.say(f"Already computed: {finished}")
        return Completed(finished, plan, Outcome())
    tell_small_lesions(setup)
    path, outcome = _write(setup, command, compute(setup, plan))
    return Completed(path, plan, outcome)


def tell_small_lesions(setup: Setup) -> None:
    """Say so if the run's resolution leaves next to nothing of some lesions."""
    from pigbench.reporting.lesions import small_lesions

    fractions = [case.prepared_fraction for case in setup.source.cases()]
    protocol = setup.request.protocol
    if told := small_lesions(fractions, protocol.preset.resolution, len(protocol.classes)):
        setup.options.say(told)


def _write(setup: Setup, command: str, outcome: Outcome) -> tuple[Path, Outcome]:
    """Make and write the record, and what it is of: an artifact found damaged on the way is computed again first."""
    from pigbench.results import write_record
    from pigbench.run_record import make_record
    from pigbench.store import Damaged

    try:
        record = make_record(setup.request, setup.plan, setup.store, _facts(setup), outcome.failed, command)
    except Damaged as damaged:
        setup.options.say(str(damaged))
        return _write(setup, command, compute(setup, setup.plan))
    return write_record(record, setup.records), outcome


def _facts(setup: Setup) -> dict[str, object]:
    cases = setup.source.cases()
    return {
        "name": setup.request.protocol.dataset,
        "patients": len({case.patient_id for case in cases}),
        "cases": len(cases),
        "has_patient_ids": setup.source.has_patient_ids,
        "pseudo_patients": setup.source.pseudo_patients,
        "classes": list(setup.source.classes),
    }
