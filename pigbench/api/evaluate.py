"""`pigbench.evaluate`: pairs that another tool made, in the same tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pigbench.api.complete import complete
from pigbench.api.refusals import refusing
from pigbench.api.request import Options, Setup, set_up
from pigbench.counting import counted
from pigbench.errors import PigbenchError

if TYPE_CHECKING:
    from pigbench.data.external_pairs import PairSet
    from pigbench.planning.external_pairs import GivenPairs
    from pigbench.results import Record


@refusing()
def evaluate(
    pairs: str | Path,
    name: str,
    *,
    fold_of: str | Path | None = None,
    as_is: bool = False,
    n: int | Sequence[int] | None = None,
    folds: int | None = None,
    set_aside: float | None = None,
    train_patients: int | str | None = None,
    dataset: str = "phantom",
    segmenter: str | Sequence[str] = "unet",
    metric: str | Sequence[str] | None = None,
    preset: str = "quick",
    seed: int = 0,
    seeds: int = 1,
    trainings: int | str | Sequence[int | str] | Mapping[str, int] | None = None,
    use: str | Sequence[str] | None = None,
    set: Mapping[str, Any] | Sequence[str] | None = None,
    workers: int | None = None,
    device: str = "auto",
    engine: str | None = None,
    scheduler: str | None = None,
    cluster: str | Path | None = None,
    store: str | Path = "runs",
    results: str | Path | None = None,
    progress: bool = True,
) -> Record:
    """Score the image/mask pairs of another tool, without a plugin.

    pairs: a directory that holds images/ and masks/, or fold-0/images, fold-0/masks, fold-1/… name: what the tables
    call them. fold_of: the manifest of the fold whose patients they were made from, by `pigbench split export`; pairs
    without one serve every fold and are marked UNSEALED. as_is: they are at the run's resolution already, 0 to full
    scale for -1 to 1. n: pairs per fold, one number or several (default: all that the fold with the fewest has; half of
    them where any arm filters). train_patients: of how many of the fold's patients they were made (default: all).
    Everything else is as in `pigbench.run`, and so are what is returned and raised.
    """
    own = {"pairs": pairs, "name": name, "fold_of": fold_of, "as_is": as_is}
    options = Options(**{argument: value for argument, value in locals().items() if argument not in (*own, "own")})
    setup, found = set_up_evaluation(options, Path(pairs), name, Path(fold_of) if fold_of else None, as_is)
    register_pairs(setup, found)
    return complete(setup, options.as_call("evaluate", **own)).record


def set_up_evaluation(
    options: Options, pairs: Path, name: str, fold_of: Path | None, as_is: bool
) -> tuple[Setup, list[PairSet]]:
    """A run in which the pairs stand in a generator's place, and where they lie. Raises PigbenchError for any fault."""
    setup = set_up(options)
    given, found = _read(setup, pairs, fold_of, name, as_is)
    filtered = any(use.filters for use in setup.request.uses)
    samples = _samples(setup.request.samples if options.n else None, given, filtered=filtered)
    setup = replace(setup, request=replace(setup.request, generators=(given,), samples=samples))
    _refuse_other_pairs(given, setup.request.protocol.signature, setup.records)
    _refuse_held_out(setup, given, found)
    return setup, found


def register_pairs(setup: Setup, found: list[PairSet]) -> None:
    """Note in the store where the pairs are, so that workers find them."""
    from pigbench.data.external_pairs import register

    for pairs in found:
        register(setup.store, pairs)


def _read(setup: Setup, pairs: Path, fold_of: Path | None, name: str, as_is: bool) -> tuple[GivenPairs, list[PairSet]]:
    from pigbench.data.fold_manifests import fold_seals
    from pigbench.planning.external_pairs import check_name, find_given
    from pigbench.planning.subsets import only_subset
    from pigbench.reporting.bar import reading

    check_name(name)
    protocol = setup.request.protocol
    patients = only_subset(setup.request.train_patients)
    seals = fold_seals(setup.source, protocol.folds, protocol.split_seed, protocol.set_aside, patients)
    with reading(setup.options.progress) as advance:
        given, found = find_given(pairs, fold_of, name, seals, protocol.task, as_is=as_is, progress=advance)
    return replace(given, train_patients=patients), found


def _refuse_held_out(setup: Setup, given: GivenPairs, found: list[PairSet]) -> None:
    """Raises PigbenchError where pairs hold (nearly) the images that they would be measured on."""
    from pigbench.data.leaks import refuse_copies
    from pigbench.reporting.bar import reading

    protocol = setup.request.protocol
    contents = {fold: of_fold.content for fold, of_fold in given.folds.items()}
    served = [(pairs, [fold for fold, content in contents.items() if content == pairs.content]) for pairs in found]
    with reading(setup.options.progress) as advance:
        refuse_copies(
            setup.source,
            served,
            protocol.preset.resolution,
            folds=protocol.folds,
            seed=protocol.split_seed,
            set_aside=protocol.set_aside,
            progress=advance,
        )


def _samples(asked: tuple[int, ...] | None, given: GivenPairs, *, filtered: bool) -> tuple[int, ...]:
    """The sizes to measure at; where arms filter, at most half of the pairs. Raises PigbenchError for too few pairs."""
    fewest = min(given.folds, key=lambda fold: given.folds[fold].count)
    count = given.folds[fewest].count
    each = 2 if filtered else 1
    if count < 2 * each:
        needs = f"a distance between sets needs at least 2{', chosen from 4' if filtered else ''}"
        raise PigbenchError(f"fold {fewest} has {counted(count, 'pair')}: {needs}")
    for n in asked or ():
        if each * n > count:
            why = f"--use filter chooses from twice as many pairs, {2 * n} for --n {n}" if filtered else f"--n {n}"
            raise PigbenchError(
                f"{why}: fold {fewest} has {count}, so {each * n - count} more are needed, or --n {count // each}"
            )
    return asked or (count // each,)


def _refuse_other_pairs(given: GivenPairs, protocol_hash: str, records: Path) -> None:
    """Raises PigbenchError if a record has other pairs for one of the folds under the same name: rows would mix."""
    from pigbench.contracts import Task
    from pigbench.results import load_records

    contents = given.info(Task(1))["config"]
    for record in load_records([records])[0] if records.is_dir() else []:
        known = record.generators.get(given.label)
        if known is None or (record.protocol_hash, known.signature) != (protocol_hash, given.signature):
            continue
        for fold, content in contents.items():
            if known.config.get(fold, content) != content:
                raise PigbenchError(
                    f"--name {given.name}: {records} has other pairs of that name for {fold}: choose another name, "
                    f"such as {given.name}-2"
                )
