"""`pigbench.report`: one HTML file of the records found, for people to send to each other."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pigbench.api.compare import DEFAULT, found_records
from pigbench.api.refusals import refusing
from pigbench.api.request import several
from pigbench.errors import PigbenchError

if TYPE_CHECKING:
    from pigbench.reporting.report.chapters import Protocol
    from pigbench.results import Group, Record, Summary


@refusing()
def report(
    path: str | Path | Sequence[str | Path] = DEFAULT,
    out: str | Path = "report.html",
    *,
    dataset: str | Sequence[str] | None = None,
    force: bool = False,
) -> Path:
    """Write a report of the records under `path`: one HTML file that needs no network and no other file.

    path: records, or directories of them. out: the file; one that is there is replaced if a report wrote it, or with
    force. dataset: only the records of these datasets. What is left out is named in a warning. Returns the file. Raises
    PigbenchError where there is no record, for an unknown dataset, and for a file that is not to be replaced.
    """
    told: list[str] = []
    try:
        return write_report(path, Path(out), several(dataset), told.append, force=force)
    finally:
        for line in told:
            warnings.warn(line, stacklevel=3)  # beyond `refusing`


def write_report(
    path: str | Path | Sequence[str | Path],
    out: Path,
    datasets: Sequence[str],
    tell: Callable[[str], None],
    *,
    force: bool = False,
) -> Path:
    """As `report`, which see; `tell` is given what is left out."""
    from pigbench.reporting.report.chapters import chapter
    from pigbench.reporting.report.overview import overview
    from pigbench.reporting.report.page import page
    from pigbench.results.files import write_whole

    _check(out, force)
    found = list(protocols(found_records(path, datasets, tell, statistics=True)))
    names = ", ".join(dict.fromkeys(of.summary.group.dataset.name for of in found))
    text = page(
        f"Does synthetic data help? {names}",
        [chapter(of) for of in found],
        overview([of.summary for of in found]),
    )
    try:
        write_whole(out, text)
    except OSError as error:
        raise PigbenchError(f"cannot write the report {out}: {error.strerror or error}") from error
    return out


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


def protocols(records: Iterable[Record]) -> Iterator[Protocol]:
    """What a report is made of: the records of each protocol, with their summary, whole and in parts."""
    from pigbench.reporting.report.chapters import Protocol
    from pigbench.results import merge, summarise
    from pigbench.results.classes import by_class
    from pigbench.results.sizes import by_size

    whole = list(records)

    def summaries(parts: Sequence[Group]) -> tuple[Summary, ...]:
        return tuple(summarise(part) for part in parts)

    for group in merge(whole):
        own = [record for record in whole if _is_of(record, group)]
        yield Protocol(summarise(group), tuple(own), summaries(by_size(group)), summaries(by_class(group)))


def _is_of(record: Record, group: Group) -> bool:
    ours = record.protocol_hash, record.folds, record.dataset.identity
    return ours == (group.protocol_hash, group.folds, group.dataset.identity)
