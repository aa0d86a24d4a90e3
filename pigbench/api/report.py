"""`pigbench.report`: one HTML file of the records found, for people to send to each other."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pigbench.api.compare import DEFAULT, AllWithdrawn, NoRecords, found_records
from pigbench.api.refusals import refusing, require_known
from pigbench.api.request import several
from pigbench.errors import PigbenchError
from pigbench.privacy import without_files

if TYPE_CHECKING:
    from pigbench.reporting.report.chapters import Protocol
    from pigbench.reporting.report.pictures import Album
    from pigbench.reporting.report.private import Disguise
    from pigbench.results import Group, Record, Summary

QUESTION = "Does synthetic data help?"
NOTHING = "No records were found: verdicts, figures and tables would stand here. A run writes its record when it ends."


@dataclass(frozen=True)
class Wanted:
    """What goes into a report. The fields are those of `report`."""

    datasets: Sequence[str] = ()
    generator: str = ""
    images: bool = False
    withdrawn: bool = False
    store: Path = Path("runs")


@refusing()
def report(
    path: str | Path | Sequence[str | Path] = DEFAULT,
    out: str | Path = "report.html",
    *,
    dataset: str | Sequence[str] | None = None,
    generator: str | None = None,
    images: bool = False,
    withdrawn: bool = False,
    store: str | Path = "runs",
    force: bool = False,
) -> Path:
    """Write a report of the records under `path`: one HTML file that needs no network and no other file.

    path: records, or directories of them. out: the file; one that is there is replaced if a report wrote it, or with
    force. dataset: only the records of these datasets. generator: a card of this generator, in place of the report.
    store: where generated images are looked for. images: show real images too: real pairs, controls, the training
    images nearest to generated ones, and cases with their predictions. withdrawn: show records that were withdrawn as
    wrong, too. What is left out is named in a warning. Returns the file. Raises PigbenchError where there is nothing at
    a path, for an unknown dataset or generator, and for a file that is not to be replaced.
    """
    told: list[str] = []
    wanted = Wanted(several(dataset), generator or "", images, withdrawn, Path(store))
    try:
        return write_report(path, Path(out), wanted, told.append, force=force)
    finally:
        for line in told:
            warnings.warn(line, stacklevel=3)  # beyond `refusing`


def write_report(
    path: str | Path | Sequence[str | Path],
    out: Path,
    wanted: Wanted,
    tell: Callable[[str], None],
    *,
    force: bool = False,
) -> Path:
    """As `report`, which see; `tell` is given what is left out."""
    from pigbench.results.files import write_whole

    _check(out, force)
    made = _made(path, wanted, tell)
    try:
        write_whole(out, made)
    except OSError as error:
        raise PigbenchError(f"cannot write the report {out}: {error.strerror or error}") from error
    return out


def _made(path: str | Path | Sequence[str | Path], wanted: Wanted, tell: Callable[[str], None]) -> str:
    """The page; as it was kept in the store where nothing has changed. Figures take most of the time."""
    from pigbench.api.kept import About, Shelf, kept, key_of, record_facts
    from pigbench.reporting.report.page import page

    def make(tell: Callable[[str], None]) -> str:
        said: list[str] = []

        def remember(line: str) -> None:
            said.append(line.splitlines()[0].removesuffix(":"))  # file names stand below it
            tell(line)

        try:
            records = found_records(path, wanted.datasets, remember, withdrawn=wanted.withdrawn, statistics=True)
        except NoRecords as none:
            tell(str(none))
            return page(QUESTION, [], remarks=[*said, str(none) if isinstance(none, AllWithdrawn) else NOTHING])
        return _page(records, wanted, said)

    stages = sorted((wanted.store / "artifacts").glob("*"))
    try:
        facts = record_facts(path)
    except NoRecords:
        facts = []
    if not (stages and facts):
        return make(tell)
    key = key_of(list(map(str, vars(wanted).values())), facts, list(map(About.of, stages)))
    return kept(Shelf(wanted.store / "reports", str), key, make, tell)


def _check(out: Path, force: bool) -> None:
    """Raises PigbenchError for a file that is there and no report, unless it is to be replaced."""
    from pigbench.reporting.report.page import MARK

    if out.is_dir():
        raise PigbenchError(f"{out} is a directory: give the name of a file, such as {out / 'report.html'}")
    if force or not out.exists():
        return
    with out.open("rb") as file:
        if MARK.encode() not in file.read(4096):
            raise PigbenchError(f"{out} is there and no report: give another name, or --force to replace it")


def _page(records: Sequence[Record], wanted: Wanted, remarks: Sequence[str]) -> str:
    """remarks: what was left out."""
    from pigbench.reporting.report.card import card
    from pigbench.reporting.report.chapters import chapter
    from pigbench.reporting.report.overview import overview
    from pigbench.reporting.report.page import card_page, page
    from pigbench.reporting.report.private import shown_label

    if wanted.generator:
        known = sorted({label for record in records for label in record.generators})
        require_known("generator among the records", [wanted.generator], known)
        own = {_protocol_of(record) for record in records if wanted.generator in record.generators}
        records = [record for record in records if _protocol_of(record) in own]  # the others of these decide intervals
    found = sorted(protocols(records, wanted), key=_newest, reverse=True)
    found.sort(key=lambda of: of.summary.group.dataset.name)  # of each dataset the newest first
    if wanted.generator:
        return card_page(card(shown_label(wanted.generator), found), images=wanted.images, remarks=remarks)
    names = ", ".join(dict.fromkeys(of.summary.group.dataset.name for of in found))
    return page(
        f"{QUESTION} {names}",
        [chapter(of) for of in found],
        overview([of.summary for of in found]),
        images=wanted.images,
        remarks=remarks,
    )


def protocols(records: Iterable[Record], wanted: Wanted) -> Iterator[Protocol]:
    """What a report is made of: the records of each protocol, with their summary, whole and in parts."""
    from pigbench.reporting.report.chapters import Protocol
    from pigbench.reporting.report.private import disguises
    from pigbench.results import merge, summarise
    from pigbench.results.classes import by_class
    from pigbench.results.sizes import by_size

    originals = list(records)
    of_datasets = disguises(originals)
    whole = [of_datasets[record.dataset.identity].record(record) for record in originals]

    def summaries(parts: Sequence[Group]) -> tuple[Summary, ...]:
        return tuple(summarise(part) for part in parts)

    for group in merge(whole):
        identity = group.protocol_hash, group.folds, group.dataset.identity
        own = tuple(record for record in whole if _protocol_of(record) == identity)
        disguise = of_datasets[group.dataset.identity]
        albums = [_album(record, wanted, disguise) for record in originals if _protocol_of(record) == identity]
        yield Protocol(
            summarise(group),
            own,
            summaries(by_size(group)),
            summaries(by_class(group)),
            tuple(album for album in albums if not isinstance(album, str)),
            tuple(dict.fromkeys(why for why in albums if isinstance(why, str))),
        )


def _newest(of: Protocol) -> str:
    """When the last of its records was written."""
    return max(record.provenance.created for record in of.records)


def _protocol_of(record: Record) -> tuple[str, int, str]:
    """What records of one group share."""
    return record.protocol_hash, record.folds, record.dataset.identity


def _album(record: Record, wanted: Wanted, disguise: Disguise) -> Album | str:
    """The artifacts of a record's run; or why there are none that are known."""
    from pigbench.api.last_run import whole_run
    from pigbench.api.request import without_networks
    from pigbench.planning.planner import make_plan
    from pigbench.reporting.report.pictures import Album

    if not (wanted.store / "artifacts").is_dir():
        return "there is no store (--store)"
    try:
        setup = without_networks(whole_run(record, wanted.store))
        told = record.provenance.model_extra or {}
        request = replace(setup.request, device=told.get("device", "cpu"))  # keyed; perhaps another machine's
        signatures = {generator.label: generator.signature for generator in request.generators}
        plan, about = make_plan(request), record.dataset
        return Album(plan, setup.store, about.name, about.classes, signatures, disguise, wanted.images)
    except PigbenchError as error:  # a dataset or a plugin that is gone
        return without_files(str(error))
    except KeyError:  # of format 1
        return "their records are of an earlier version"
