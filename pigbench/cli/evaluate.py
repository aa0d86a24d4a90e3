"""`pigbench evaluate`: pairs that another tool made, in the same tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pigbench.cli import options
from pigbench.cli.bar import reading
from pigbench.cli.complete import complete
from pigbench.cli.engines import ClusterFile, Engine, SchedulerAddress, chosen_place, print_job
from pigbench.cli.setting_up import Options, set_up
from pigbench.cli.tuned import SetAsideInRun
from pigbench.errors import PigbenchError

if TYPE_CHECKING:
    from pigbench.cli.setting_up import Setup
    from pigbench.data.pairs import PairSet
    from pigbench.given import GivenPairs


def evaluate(
    pairs: Annotated[
        Path, typer.Option(metavar="DIR", help="Holds images/ and masks/, or fold-0/images, fold-0/masks, fold-1/…")
    ],
    name: Annotated[str, typer.Option(help="What the tables call them: the tool, best with its version.")],
    fold_of: Annotated[
        Path | None,
        typer.Option(
            metavar="MANIFEST", help="The fold whose patients they were made from: its file of `pigbench split export`."
        ),
    ] = None,
    as_is: Annotated[
        bool, typer.Option("--as-is", help="They are at the run's resolution already, 0 to full scale for -1 to 1.")
    ] = False,
    n: Annotated[
        list[int] | None,
        typer.Option("--n", help="Pairs per fold; repeat for several. (default: all; the fewest of the folds)"),
    ] = None,
    folds: options.Folds = None,
    set_aside: SetAsideInRun = None,
    dataset: options.Dataset = "phantom",
    segmenter: options.Segmenters = ["unet"],  # noqa: B006
    preset: options.PresetName = "quick",
    seed: options.Seed = 0,
    seeds: options.Seeds = 1,
    set_: options.Changes = None,
    workers: options.Workers = None,
    device: options.Device = "auto",
    engine: Engine = None,
    scheduler: SchedulerAddress = None,
    cluster: ClusterFile = None,
    store: options.StoreDir = Path("runs"),
    results: Annotated[Path | None, typer.Option(help="Where the record goes (default: STORE/records).")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan, what is there, and an estimate.")] = False,
) -> None:
    """Score image/mask pairs of any tool in the same tables as the generators, with no plugin written.

    Give the tool one fold's training patients (`pigbench split export` says which), and hand in what it makes with that
    fold's manifest: as manifest.json in each fold-K folder, or by --fold-of, one fold a call and always the same --n,
    which fills one row. Pairs without a manifest serve every fold and are marked UNSEALED in every table: nobody
    vouches that no held-out patient was trained on. The pairs are prepared as real images are (cropped, resized, their
    intensities windowed), unless --as-is or their own manifest.json says that they are ready; they stay in their place.
    """
    from pigbench.planning import make_plan

    setup = set_up(
        Options(
            samples=n,
            folds=folds,
            set_aside=set_aside,
            dataset=dataset,
            segmenters=segmenter,
            preset=preset,
            seed=seed,
            seeds=seeds,
            changes=set_,
            workers=workers,
            device=device,
            place=chosen_place(engine, scheduler, cluster, workers),
            store=store,
        )
    )
    given, found = _read(setup, pairs, fold_of, name, as_is)
    samples = _samples(setup.request.samples if n else None, given)
    setup = replace(setup, request=replace(setup.request, generators=(given,), samples=samples))
    records = results or setup.store.root / "records"
    _refuse_other_pairs(given, setup.request.protocol.signature, records)
    _refuse_held_out(setup, given, found)
    plan = make_plan(setup.request)
    if dry_run:
        from pigbench.report.plan import print_plan

        print_plan(plan, setup.request, setup.store, setup.workers, setup.size)
        print_job(setup.place)
        return
    _register(setup, found)
    raise SystemExit(complete(setup, plan, records))


def _read(setup: Setup, pairs: Path, fold_of: Path | None, name: str, as_is: bool) -> tuple[GivenPairs, list[PairSet]]:
    from pigbench.data.manifests import fold_seals
    from pigbench.given import check_name, find_given

    check_name(name)
    protocol = setup.request.protocol
    seals = fold_seals(setup.source, protocol.folds, protocol.split_seed, protocol.set_aside)
    with reading() as advance:
        return find_given(pairs, fold_of, name, seals, protocol.preset.resolution, as_is=as_is, progress=advance)


def _refuse_held_out(setup: Setup, given: GivenPairs, found: list[PairSet]) -> None:
    """Raises PigbenchError where pairs hold (nearly) the images that they would be measured on."""
    from pigbench.data.leaks import refuse_copies

    protocol = setup.request.protocol
    contents = {fold: of_fold.content for fold, of_fold in given.folds.items()}
    served = [(pairs, [fold for fold, content in contents.items() if content == pairs.content]) for pairs in found]
    with reading() as advance:
        refuse_copies(
            setup.source,
            served,
            protocol.preset.resolution,
            folds=protocol.folds,
            seed=protocol.split_seed,
            set_aside=protocol.set_aside,
            progress=advance,
        )


def _samples(asked: tuple[int, ...] | None, given: GivenPairs) -> tuple[int, ...]:
    """The sizes to measure at. Raises PigbenchError where a fold has fewer pairs."""
    fewest = min(given.folds, key=lambda fold: given.folds[fold].count)
    count = given.folds[fewest].count
    if count < 2:
        raise PigbenchError(f"fold {fewest} has 1 pair: a distance between sets needs at least 2")
    for n in asked or ():
        if n > count:
            raise PigbenchError(f"--n {n}: fold {fewest} has only {count} pairs")
    return asked or (count,)


def _refuse_other_pairs(given: GivenPairs, protocol_hash: str, records: Path) -> None:
    """Raises PigbenchError if a record has other pairs for one of the folds under the same name: rows would mix."""
    from pigbench.results import load_records

    contents = given.info(0)["config"]
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


def _register(setup: Setup, found: list[PairSet]) -> None:
    from pigbench.data.pairs import register

    for pairs in found:
        register(setup.store, pairs)
