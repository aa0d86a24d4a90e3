"""`pigbench store`: what is kept, whether it is whole, and what can go."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pigbench.cli import options
from pigbench.counting import counted

if TYPE_CHECKING:
    from pigbench.store import Entry, Store
    from pigbench.uses import Use

app = typer.Typer(help="Inspect, verify and clean the store (the cache).", no_args_is_help=True)
UNKNOWN = "unknown"
"""In place of a dataset or a preset, for the artifacts of runs that left no list of them."""


class By(StrEnum):
    """How artifacts are grouped."""

    stage = "stage"
    dataset = "dataset"
    preset = "preset"


@dataclass(frozen=True)
class Filter:
    """Artifacts by stage, dataset and preset; each by any of the names, or all where none is given."""

    stages: tuple[str, ...]
    datasets: tuple[str, ...]
    presets: tuple[str, ...]

    @classmethod
    def of(
        cls,
        stages: list[str] | None,
        datasets: list[str] | None,
        presets: list[str] | None,
        uses: Mapping[str, set[Use]],
    ) -> Filter:
        """The filter of these names. Raises PigbenchError for one that no stage, or no run on this store, has."""
        from pigbench.api.refusals import require_known
        from pigbench.stages import NAMES

        known = {use for of_one in uses.values() for use in of_one}
        require_known("stage", stages or (), NAMES)
        require_known("dataset in this store", datasets or (), {use.dataset for use in known})
        require_known("preset in this store", presets or (), {use.preset for use in known})
        return cls(tuple(stages or ()), tuple(datasets or ()), tuple(presets or ()))

    @property
    def by_use(self) -> bool:
        """Whether it asks for more than stages."""
        return bool(self.datasets or self.presets)

    def has_stage(self, entry: Entry) -> bool:
        """Whether the artifact is of one of the stages."""
        return not self.stages or entry.stage in self.stages

    def has_use(self, use: Use) -> bool:
        """Whether the use is of one of the datasets and of one of the presets."""
        return (not self.datasets or use.dataset in self.datasets) and (not self.presets or use.preset in self.presets)


Datasets = Annotated[
    list[str] | None, typer.Option("--dataset", metavar="NAME", help="Only what this dataset's runs use.")
]
Presets = Annotated[
    list[str] | None, typer.Option("--preset", metavar="NAME", help="Only what this preset's runs use.")
]


@app.command("ls")
def ls(
    store: options.StoreDir = Path("runs"),
    by: Annotated[By, typer.Option(help="How artifacts are grouped.")] = By.stage,
    stage: Annotated[list[str] | None, typer.Option(help="Only this stage's artifacts.")] = None,
    dataset: Datasets = None,
    preset: Presets = None,
) -> None:
    """List the stages, datasets or presets with their artifacts and sizes; then the compiled code of networks."""
    from pigbench.compiled_code import archives
    from pigbench.store import Store
    from pigbench.uses import uses

    opened = Store(store)
    used = uses(opened.root)
    wanted = Filter.of(stage, dataset, preset, used)
    sizes: dict[str, list[int]] = defaultdict(list)
    for entry in filter(wanted.has_stage, opened.entries()):
        of_entry = used.get(entry.key, set())
        if not wanted.by_use or any(map(wanted.has_use, of_entry)):
            sizes[_group(entry, by, of_entry)].append(entry.size)
    rows = [*sorted(sizes.items()), ("total", [size for each in sizes.values() for size in each])]
    width = max(10, *(len(group) for group, _ in rows))
    for group, each in rows:
        number = counted(len(each), "artifact ", "artifacts")
        print(f"{group:{width}} {number:>16} {sum(each) / 2**20:10.1f} MiB")
    compiled = [file.stat().st_size for file in archives(opened.root)]
    if compiled and not (stage or wanted.by_use):
        number = counted(len(compiled), "network ", "networks")
        print(f"{'compiled':{width}} {number:>16} {sum(compiled) / 2**20:10.1f} MiB")


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
    print(f"{counted(checked, 'artifact')} verified, {faults} damaged")
    raise SystemExit(1 if faults else 0)


@app.command("gc")
def gc(
    store: options.StoreDir = Path("runs"),
    stage: Annotated[list[str] | None, typer.Option(help="Also drop the artifacts of this stage.")] = None,
    dataset: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Also drop what runs on this dataset alone use.")
    ] = None,
    preset: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Also drop what runs of this preset alone use.")
    ] = None,
    compiled: Annotated[
        bool, typer.Option("--compiled", help="Also drop the compiled code of networks, of all machines.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Delete; without it, only list.")] = False,
) -> None:
    """Drop what crashes left behind, and the artifacts that you name. Records and datasets stay.

    Of --stage, --dataset and --preset together, what answers to all of them goes; of one repeated, what answers to any.
    With --dataset or --preset, what a run of another uses too stays, and so does what is of no known run.
    """
    from pigbench.compiled_code import root
    from pigbench.store import Store
    from pigbench.uses import forget_uses, uses

    opened = Store(store)
    used = uses(opened.root)
    wanted = Filter.of(stage, dataset, preset, used)
    doomed = opened.rubbish() + [entry.path for entry in _doomed(opened, wanted, used)]
    if compiled and root(opened.root).exists():
        doomed.append(root(opened.root))
    for path in doomed:
        print(f"{'deleted' if yes else 'would delete'} {path}")
        if yes:
            opened.remove(path)
    if yes and wanted.by_use and not wanted.stages:
        forget_uses(opened.root, wanted.has_use)
    if doomed and not yes:
        print("nothing was deleted: repeat with --yes")


def _doomed(store: Store, wanted: Filter, used: Mapping[str, set[Use]]) -> list[Entry]:
    """The artifacts that may go; what must stay, though it was asked for, is told."""
    if not (wanted.stages or wanted.by_use):
        return []
    entries = list(filter(wanted.has_stage, store.entries()))
    if not wanted.by_use:
        return entries
    wants = {entry.key: {wanted.has_use(use) for use in used.get(entry.key, ())} for entry in entries}
    shared = [entry for entry in entries if wants[entry.key] == {True, False}]
    if shared:
        others = sorted({str(use) for entry in shared for use in used[entry.key] if not wanted.has_use(use)})
        print(f"kept: {counted(len(shared), 'artifact')} used by other runs too ({'; '.join(others)})", file=sys.stderr)
    if unknown := [entry for entry in entries if not wants[entry.key]]:
        print(f"kept: {counted(len(unknown), 'artifact')} of unknown dataset and preset", file=sys.stderr)
    return [entry for entry in entries if wants[entry.key] == {True}]


def _group(entry: Entry, by: By, uses: Iterable[Use]) -> str:
    """The row that an artifact is counted in; one that several datasets or presets use is in a row of theirs."""
    if by == By.stage:
        return entry.stage
    return ", ".join(sorted({getattr(use, by.value) for use in uses})) or UNKNOWN
