"""Pairs that another tool made, in the place of a generator: which fold each folder of them serves, and who says so."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from pigbench import registry
from pigbench.contracts import Task
from pigbench.data.external_pairs import PairSet, read_folder
from pigbench.data.file_dataset import check_characters
from pigbench.data.fold_manifests import UNSEALED, Manifest, read_manifest
from pigbench.errors import PigbenchError
from pigbench.protocol import digest
from pigbench.results.described import EXTERNAL
from pigbench.results.naming import of_patients


@dataclass(frozen=True)
class GivenFold:
    """The pairs that serve one fold. content: the hash of their bytes. seal: None where nobody vouches for them.

    as_is: whether they are taken as they are, not prepared as real cases are. draws: whether their order is one of
    chance, or else one is made.
    """

    content: str
    count: int
    seal: str | None
    as_is: bool
    draws: bool = False


@dataclass(frozen=True)
class GivenPairs:
    """What stands in a generator's place in plans and records: a name, and the pairs of each fold that has some.

    train_patients: how many of a fold's they were made from; None for all.
    """

    name: str
    folds: Mapping[int, GivenFold]
    train_patients: int | None = None

    gives_masks: ClassVar[bool] = True
    is_control: ClassVar[bool] = False

    @property
    def sealed(self) -> bool:
        """Whether manifests say for which fold the pairs were made; either of all of them or of none."""
        return all(fold.seal for fold in self.folds.values())

    @property
    def label(self) -> str:
        """The name, marked if nobody vouches for the pairs: every table shows it."""
        return self.name if self.sealed else f"{self.name} ({UNSEALED})"

    @property
    def signature(self) -> str:
        """Name and hash: of the content if unsealed, else of the name, so that folds evaluated apart fill one row.

        What the pairs of each fold are, the record says.
        """
        told_by: Any = [fold.as_is for fold in self.folds.values()][:1] if self.sealed else self._contents("")
        return f"{self.name}@{digest([self.name, told_by])[:8]}"

    def info(self, task: Task) -> dict[str, Any]:
        """What a record says of them."""
        claim = "whoever handed them in says that no held-out patient was trained on"
        doubt = f"{UNSEALED}: nobody vouches that no held-out patient was trained on"
        return {
            "label": self.label,
            "plugin": self.name,
            "signature": self.signature,
            "kind": "pairs",
            "config": self._contents(of_patients(self.train_patients)),
            "origin": EXTERNAL,
            "sealed": self.sealed,
            "control": self.is_control,
            "note": f"pairs of another tool, {self._taken(task)}; {claim if self.sealed else doubt}",
        }

    def _taken(self, task: Task) -> str:
        """What was done to them before they were measured."""
        if {fold.as_is for fold in self.folds.values()} == {True}:
            return "taken as they are"
        return f"cropped, resized{' and windowed' if task.channels == 1 else ''} as real images are"

    def _contents(self, subset: str) -> dict[str, Any]:
        return {f"fold-{number}{subset}": asdict(fold) for number, fold in sorted(self.folds.items())}


def check_name(name: str) -> None:
    """Raises PigbenchError for a name that is a generator's, or that tables and file names cannot bear."""
    check_characters(name)
    if name == "real":
        raise PigbenchError("--name 'real' is what tables call the real cases: choose another")
    if name in registry.plugins("generators"):
        raise PigbenchError(f"--name '{name}' is an installed generator: choose another")


def find_given(
    directory: Path,
    fold_of: Path | None,
    name: str,
    seals: Sequence[str],
    task: Task,
    as_is: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[GivenPairs, list[PairSet]]:
    """The pairs under `directory` by the fold that each serves, and where their files are.

    fold_of: the manifest of pairs that lie in `directory` itself. seals: of the run's folds, in order; a manifest with
    one of them decides the fold. Pairs without any manifest serve the fold that their folder is named after, or all.
    as_is: take all of them as they are, as a manifest can say of its own. progress: told (pairs read, all pairs) of
    each folder. Raises PigbenchError for manifests that do not fit the run or
    one another, for pairs `as_is` of another resolution, for colour where the dataset is grey, and for what is wrong
    with the files.
    """
    folders = _folders(directory)
    if fold_of and None not in folders:
        raise PigbenchError(f"--fold-of is for a folder with images/ and masks/; {directory} has its folds' own")
    manifests = {number: _manifest(folder, fold_of) for number, folder in folders.items()}
    served = _served(folders, manifests, seals)
    folds: dict[int, GivenFold] = {}
    sets = []
    for number, folder in folders.items():
        manifest, found = manifests[number], read_folder(folder, task.classes, progress)
        _check_colour(found, task)
        ready = as_is or (manifest is not None and manifest.as_is)
        if ready:
            _check_size(found, task.resolution)
        given = GivenFold(
            content=found.content,
            count=len(found),
            seal=manifest.seal if manifest else None,
            as_is=ready,
            draws=manifest is not None and manifest.draws,
        )
        folds |= dict.fromkeys(served[number], given)
        sets.append(found)
    return GivenPairs(name, folds), sets


def _folders(directory: Path) -> dict[int | None, Path]:
    """The folder that holds images/ and masks/ by the fold it is named after; None where that is `directory` itself."""
    if not directory.is_dir():
        raise PigbenchError(f"--pairs {directory}: no such directory")
    matches = [(re.fullmatch(r"fold-(\d+)", child.name), child) for child in directory.iterdir()]
    named = {int(match[1]): child for match, child in matches if match}
    if named and (directory / "images").exists():
        raise PigbenchError(f"--pairs {directory} holds images/ and {named[min(named)].name}/: which of them is meant?")
    return dict(sorted(named.items())) if named else {None: directory}


def _manifest(folder: Path, fold_of: Path | None) -> Manifest | None:
    """The folder's own manifest, or what `fold_of` says of the seal; None if there is neither."""
    beside = folder / "manifest.json"
    own = read_manifest(beside) if beside.exists() else None
    if fold_of is None:
        return own
    told = read_manifest(fold_of)
    if own and own.seal != told.seal:
        raise PigbenchError(f"{beside} and {fold_of} have different seals: the pairs were made for another fold")
    return own or Manifest(seal=told.seal)


def _served(
    folders: Mapping[int | None, Path], manifests: Mapping[int | None, Manifest | None], seals: Sequence[str]
) -> dict[int | None, list[int]]:
    """The folds that each folder's pairs are for."""
    bare = [folders[number].name for number, manifest in manifests.items() if manifest is None]
    if bare and len(bare) < len(folders):
        raise PigbenchError(f"{bare[0]} has no manifest.json, other folds have: seal all of them or none")
    served: dict[int | None, list[int]] = {}
    for number, manifest in manifests.items():
        if manifest is not None:
            served[number] = [_fold_of(manifest.seal, seals, folders[number])]
        else:
            served[number] = list(range(len(seals))) if number is None else [number]
    of_all = [fold for folds in served.values() for fold in folds]
    if max(of_all) >= len(seals):
        raise PigbenchError(f"fold-{max(of_all)}: the folds are 0 to {len(seals) - 1}; give --folds")
    if len(set(of_all)) < len(of_all):
        twice = max(of_all, key=of_all.count)
        raise PigbenchError(f"more than one folder has the seal of fold {twice}")
    return served


def _fold_of(seal: str, seals: Sequence[str], folder: Path) -> int:
    if seal not in seals:
        raise PigbenchError(
            f"the manifest of the pairs in {folder} is of no fold of this run (seal {seal}): give the --dataset, "
            "--folds, --set-aside and --train-patients of its split, or the pairs were made from other patients"
        )
    return seals.index(seal)


def _check_colour(found: PairSet, task: Task) -> None:
    coloured = [pair.stem for pair, fact in zip(found.pairs, found.facts, strict=True) if fact.in_colour]
    if coloured and task.channels == 1:
        raise PigbenchError(f"{found.directory}: '{coloured[0]}' is in colour, and the dataset's images are grey")


def _check_size(found: PairSet, resolution: int) -> None:
    for pair, fact in zip(found.pairs, found.facts, strict=True):
        if (fact.height, fact.width) != (resolution, resolution):
            raise PigbenchError(
                f"{found.directory}: to be taken as they are, but '{pair.stem}' is {fact.width}×{fact.height} and "
                f"the run's resolution {resolution}: choose the preset that they were made for"
            )
