"""`pigbench store`: what is kept, whether it is whole, and what can go."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Annotated

import typer

from pigbench.cli import options

app = typer.Typer(help="Look after the store: list it, verify it, drop what is not needed.", no_args_is_help=True)


@app.command("ls")
def ls(store: options.StoreDir = Path("runs")) -> None:
    """List the stages with their artifacts and sizes."""
    from pigbench.store import Store

    sizes: dict[str, list[int]] = defaultdict(list)
    for entry in Store(store).entries():
        sizes[entry.stage].append(entry.size)
    for stage, each in sorted(sizes.items()):
        print(f"{stage:10} {len(each):5} artifacts {sum(each) / 2**20:10.1f} MiB")
    print(f"{'total':10} {sum(map(len, sizes.values())):5} artifacts {sum(map(sum, sizes.values())) / 2**20:10.1f} MiB")


@app.command("verify")
def verify(store: options.StoreDir = Path("runs")) -> None:
    """Compare every artifact with its hashes; exit 1 if one is damaged. The next run computes it again."""
    from pigbench.store import Store

    faults = checked = 0
    for entry, fault in Store(store).verify():
        checked += 1
        if fault:
            faults += 1
            print(f"{entry.stage} {entry.key}: {fault}")
    print(f"{checked} artifacts verified, {faults} damaged")
    raise SystemExit(1 if faults else 0)


@app.command("gc")
def gc(
    store: options.StoreDir = Path("runs"),
    stage: Annotated[list[str] | None, typer.Option(help="Also drop all artifacts of this stage.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Delete; without it, only say what would be.")] = False,
) -> None:
    """Drop what crashes left behind, and the artifacts of the stages you name. Records and datasets stay."""
    from pigbench.errors import PigbenchError, did_you_mean
    from pigbench.stages import VERSIONS
    from pigbench.store import Store

    for name in stage or []:
        if name not in VERSIONS:
            raise PigbenchError(did_you_mean("stage", name, list(VERSIONS)))
    opened = Store(store)
    doomed = opened.rubbish() + [entry.path for entry in opened.entries() if entry.stage in (stage or [])]
    for path in doomed:
        print(f"{'deleted' if yes else 'would delete'} {path}")
        if yes:
            opened.remove(path)
    if doomed and not yes:
        print("nothing was deleted: repeat with --yes")
