"""`pigbench doctor`: what this installation is made of, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

from pigbench.cli import options


def doctor(store: options.StoreDir = Path("runs")) -> None:
    """Check versions, devices, plugins, extractors and the store; exit 1 if something is wrong."""
    from pigbench.reporting.health import examine

    wrong = 0
    for finding in examine(store):
        wrong += not finding.fine
        print(f"{'ok   ' if finding.fine else 'WRONG'} {finding.subject}: {finding.text}")
    raise SystemExit(1 if wrong else 0)
