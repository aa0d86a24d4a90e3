"""`pigbench.compare`: the tables of the records found, as frames and as the command line shows them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pigbench.api import frames
from pigbench.api.refusals import refusing
from pigbench.api.request import several
from pigbench.counting import counted
from pigbench.errors import PigbenchError, did_you_mean

if TYPE_CHECKING:
    import polars

    from pigbench.reporting.tables import Section
    from pigbench.results import Group, Record, Skipped, Summary

DEFAULT = Path("runs")


class Tables:
    """Table 1 and Table 2 of every protocol among some records, and their costs.

    Shown as tables by a notebook and by `print`.
    """

    def __init__(self, summaries: list[Summary]) -> None:
        self.summaries = summaries

    @cached_property
    def images(self) -> polars.DataFrame:
        """Table 1: a row for each generator, n and extractor.

        Columns: protocol, dataset, preset, generator, n, extractor, state, folds, seeds, patients, signature, and
        of each distance its mean and SD over folds: kid_mean, kid_sd, kid_floor_mean … Distances are as defined, not
        scaled; null where there is none.
        """
        return frames.images(self.summaries)

    @cached_property
    def segmentation(self) -> polars.DataFrame:
        """Table 2: a row for each arm and segmenter.

        Columns: protocol, dataset, preset, segmenter, arm, generator (null for real only), n, against, state, folds,
        seeds, patients, signature, and of each score dice_mean, dice_sd, dice_delta, dice_low, dice_high (the
        difference to the arm `against` and its interval), dice_by_patient_mean, iou_mean … Scores are 0 to 1; null
        where there is none.
        """
        return frames.segmentation(self.summaries)

    @cached_property
    def costs(self) -> polars.DataFrame:
        """What the rows cost, a fold: seconds of one worker, MiB, images a second, parameters; null if not measured."""
        return frames.costs(self.summaries)

    def sections(self, *, costs: bool = False) -> list[Section]:
        """The tables as they are shown, a section for each protocol."""
        from pigbench.reporting.tables import section

        return [section(summary, costs=costs) for summary in self.summaries]

    def markdown(self) -> str:
        """The tables as GitHub renders them."""
        from pigbench.reporting import render

        return render.markdown(self.sections())

    def __str__(self) -> str:
        from pigbench.reporting import render

        return render.text(self.sections())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from pigbench.reporting import render

        return render.html(self.sections())


@refusing()
def compare(
    path: str | Path | Sequence[str | Path] = DEFAULT,
    against: str | None = None,
    dataset: str | Sequence[str] | None = None,
) -> Tables:
    """Table 1 (images) and Table 2 (segmentation) of the records under `path`, one pair for each protocol.

    path: records, or directories of them. against: the row of Table 2 that differences are to (default: real only).
    dataset: only the records of these datasets. What is left out, such as files that are no records, is named in a
    warning. Raises PigbenchError where there is no record, and for an unknown row or dataset.
    """
    told: list[str] = []
    try:
        return read_tables(path, against, dataset, told.append)
    finally:
        for line in told:
            warnings.warn(line, stacklevel=3)  # beyond `refusing`


def read_tables(
    path: str | Path | Sequence[str | Path],
    against: str | None,
    dataset: str | Sequence[str] | None,
    tell: Callable[[str], None],
) -> Tables:
    """As `compare`, which see; `tell` is given what is left out."""
    from pigbench.results import load_records, merge, summarise

    places = [Path(place) for place in several(path)]
    if places == [DEFAULT] and not DEFAULT.exists():
        raise PigbenchError(_nothing(places))
    records, skipped = load_records(places)
    if skipped:
        tell(_named(skipped))
    if not records:
        raise PigbenchError(_nothing(places))
    groups = merge(_of_datasets(several(dataset), records))
    return Tables(_compared_with(against, groups, tell) if against else [summarise(group) for group in groups])


def _compared_with(row: str, groups: list[Group], tell: Callable[[str], None]) -> list[Summary]:
    """The groups that have the row of that name, with the differences to it; the others are told and left out."""
    from pigbench.reporting.notes import name_of
    from pigbench.results import summarise

    arms = [{name_of(trial.arm): trial.arm.arm for trial in group.trials} for group in groups]
    if not any(row in names for names in arms):
        known = dict.fromkeys(name for names in arms for name in names)
        raise PigbenchError(did_you_mean("row of Table 2", row, list(known)))
    for group, names in zip(groups, arms, strict=True):
        if row not in names:
            tell(f"left out: {group.dataset.name}, {group.preset}, without {row}")
    return [summarise(group, names[row]) for group, names in zip(groups, arms, strict=True) if row in names]


def _of_datasets(names: list[str], records: list[Record]) -> list[Record]:
    """The records of the datasets of those names, or all. Raises PigbenchError for one that no record is of."""
    known = {record.dataset.name for record in records}
    for name in names:
        if name not in known:
            raise PigbenchError(did_you_mean("dataset among the records", name, sorted(known)))
    return [record for record in records if not names or record.dataset.name in names]


def _nothing(places: Sequence[Path]) -> str:
    where = ", ".join(map(str, places))
    return f"no records under {where}: 'pigbench run --generator pig' makes one, or give the path of some"


def _named(skipped: list[Skipped], most: int = 10) -> str:
    """A line on what was skipped, and one for each of the first files."""
    lines = [f"skipped {counted(len(skipped), 'file')} that cannot be read as a record:"]
    lines += [f"  {file.path}: {file.reason}" for file in skipped[:most]]
    return "\n".join(lines + [f"  and {len(skipped) - most} more"] * (len(skipped) > most))
