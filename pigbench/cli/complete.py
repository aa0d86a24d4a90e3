"""From a plan to its record: what `run` and `evaluate` do once they know what is wanted."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pigbench.cli.failures import print_prospects, print_reasons
from pigbench.cli.stages import compute

if TYPE_CHECKING:
    from pigbench.cli.setting_up import Setup
    from pigbench.engine.driver import Outcome
    from pigbench.planning.plan import Plan


def complete(setup: Setup, plan: Plan, records: Path) -> int:
    """Run what is missing, write the record into `records`, show its tables; the exit code."""
    from pigbench.results.find import find_record

    finished = find_record(records, plan.key)
    if finished and all(setup.store.has(node.stage, node.key) for node in plan.targets):
        print(f"Already computed: {finished}", file=sys.stderr)
        _show(finished)
        return 0
    tell_small_lesions(setup)
    outcome = compute(setup, plan)
    record, outcome = _write(setup, plan, records, outcome)
    if all(node.key in outcome.failed for node in plan.targets):
        print_reasons(plan.nodes(), outcome)
    else:
        _show(record)
    print_prospects(plan.nodes(), outcome)
    return 1 if outcome.failed else 0


def tell_small_lesions(setup: Setup) -> None:
    """Say so if the run's resolution leaves next to nothing of some lesions."""
    from pigbench.reporting.lesions import small_lesions

    fractions = [case.prepared_fraction for case in setup.source.cases()]
    if told := small_lesions(fractions, setup.request.protocol.preset.resolution):
        print(told, file=sys.stderr)


def _write(setup: Setup, plan: Plan, records: Path, outcome: Outcome) -> tuple[Path, Outcome]:
    """Make and write the record, and what it is of: an artifact found damaged on the way is computed again first."""
    from pigbench.results import write_record
    from pigbench.run_record import make_record
    from pigbench.store import Damaged

    command = "pigbench " + shlex.join(sys.argv[1:])
    try:
        record = make_record(setup.request, plan, setup.store, _facts(setup), outcome.failed, command)
    except Damaged as damaged:
        print(damaged, file=sys.stderr)
        return _write(setup, plan, records, compute(setup, plan))
    return write_record(record, records), outcome


def _facts(setup: Setup) -> dict[str, object]:
    cases = setup.source.cases()
    return {
        "name": setup.request.protocol.dataset,
        "patients": len({case.patient_id for case in cases}),
        "cases": len(cases),
        "has_patient_ids": setup.source.has_patient_ids,
        "pseudo_patients": setup.source.pseudo_patients,
    }


def _show(record: Path) -> None:
    """Show a record's tables, which hold the reasons of what failed, and where it is."""
    from pigbench.cli.compare import Format, compare

    compare([record], Format.rich)
    print(f"Record: {record}")
