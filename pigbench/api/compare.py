"""`pigbench.compare`: the tables of the records found, as frames and as the command line shows them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pigbench.api.refusals import refusing, require_known
from pigbench.api.request import several
from pigbench.counting import counted
from pigbench.errors import PigbenchError

if TYPE_CHECKING:
    import polars

    from pigbench.reporting.tables import Section
    from pigbench.results import Group, Record, Skipped, Summary

DEFAULT = Path("runs")
PICTURES = (".svg", ".png", ".pdf")
BY = ("size", "class")
"""What cases can be told apart by."""


class NoRecords(PigbenchError):
    """There are no records where they were looked for."""


class AllWithdrawn(NoRecords):
    """There are records, all of them withdrawn; the message names no path."""


class Tables:
    """The tables of every protocol among some records, and their costs.

    Shown as tables by a notebook and by `print`.
    """

    def __init__(self, summaries: list[Summary], metrics: Sequence[str] = ()) -> None:
        self.summaries, self.metrics = summaries, tuple(metrics)

    @cached_property
    def images(self) -> polars.DataFrame:
        """Table 1: a row for each generator, n and extractor.

        Columns: protocol, dataset, preset, generator, n, train_patients (null for all), extractor, state, folds, seeds,
        trainings, patients, signature, and of each metric that the records hold its mean and SD over folds: kid_mean,
        kid_sd, kid_floor_mean … Values are as defined, not scaled; null where there is none.
        """
        from pigbench.api import frames  # imports polars, which takes half a second

        return frames.images(self.summaries)

    @cached_property
    def segmentation(self) -> polars.DataFrame:
        """Table 2: a row for each arm and segmenter, and for each part of the cases where they are told apart (`by`).

        Columns: protocol, dataset, preset, segmenter, arm, generator (null for real only), n, train_patients (null for
        all), use (`real`, `alone`, or as `--use` has it), against, verdict, conditioned (false for NOT CONDITIONED,
        null where nothing can be told), dice_together_low and dice_together_high (the simultaneous interval that
        decides the verdict), state, folds, seeds, trainings, patients, signature, and of each
        metric that the records hold dice_mean, dice_sd, dice_delta, dice_low, dice_high (the difference to the arm
        `against` and its interval), dice_by_patient_mean, iou_mean …; where there is a learning curve, worth_mean,
        worth_low, worth_high (patients; 0 for fewer than it has, null for more). Scores are as defined, not scaled;
        null where there is none.
        """
        from pigbench.api import frames  # imports polars, which takes half a second

        return frames.segmentation(self.summaries)

    @cached_property
    def costs(self) -> polars.DataFrame:
        """What the rows cost, a fold: seconds of one worker, MiB, images a second, parameters; null if not measured."""
        from pigbench.api import frames  # imports polars, which takes half a second

        return frames.costs(self.summaries)

    def sections(self, *, costs: bool = False) -> list[Section]:
        """The tables as they are shown, a section for each protocol."""
        from pigbench.reporting.tables import sections

        return sections(self.summaries, costs=costs, metrics=self.metrics)

    def plot(self, path: str | Path) -> None:
        """Write the learning curves (Table 3) as a figure, an SVG, PNG or PDF file.

        Raises PigbenchError for another ending, and where no record has several numbers of training patients.
        """
        from pigbench.reporting.learning import draw_curves

        path = Path(path)
        if path.suffix.lower() not in PICTURES:
            raise PigbenchError(f"{path}: a figure's name ends in {' or '.join(PICTURES)}")
        if not any(summary.curves for summary in self.summaries):
            raise PigbenchError(
                "no learning curve to draw: it takes records of several --train-patients, such as 8,16,all"
            )
        draw_curves(self.summaries, path)

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
    metric: str | Sequence[str] | None = None,
    by: str | None = None,
    withdrawn: bool = False,
) -> Tables:
    """Table 1 (images) and Table 2 (segmentation) of the records under `path`, one pair for each protocol.

    path: records, or directories of them. against: the row of Table 2 that differences are to (default: real only).
    dataset: only the records of these datasets. metric: metrics to show besides the default ones; the frames have all.
    by: `size` for a Table 2 of each third of the cases by their lesion's area, `class` for one of each class, and no
    Table 1. withdrawn: show records that were withdrawn as wrong, too. What is left out, such as these and files that
    are no records, is named in a warning. Raises PigbenchError where there is no record, and for an
    unknown row, dataset or metric.
    """
    told: list[str] = []
    try:
        return read_tables(path, Choice(against, several(dataset), several(metric), by, withdrawn), told.append)
    finally:
        for line in told:
            warnings.warn(line, stacklevel=3)  # beyond `refusing`


@dataclass(frozen=True)
class Choice:
    """What of the records is shown, and how. The fields are those of `compare`."""

    against: str | None = None
    datasets: Sequence[str] = ()
    metrics: Sequence[str] = ()
    by: str | None = None
    withdrawn: bool = False


def places_of(path: str | Path | Sequence[str | Path]) -> list[Path]:
    """Where to look for records. Raises PigbenchError where the default place is not there."""
    places = [Path(place) for place in several(path)]
    if places == [DEFAULT] and not DEFAULT.exists():
        raise NoRecords(_nothing(places))
    return places


def read_tables(path: str | Path | Sequence[str | Path], choice: Choice, tell: Callable[[str], None]) -> Tables:
    """As `compare`, which see; `tell` is given what is left out."""
    from pigbench.results import merge
    from pigbench.results.withdrawn import SUPERSEDED

    require_known("way to tell cases apart", several(choice.by), BY)
    groups = merge(found_records(path, choice.datasets, tell, withdrawn=choice.withdrawn))
    groups.sort(key=lambda group: group.protocol_hash in SUPERSEDED)
    held = dict.fromkeys(name for group in groups for kind in ("case", "set") for name in group.held(kind))
    require_known("metric among the records", choice.metrics, held)
    if choice.by:
        groups = _in_parts(groups, choice.by, tell)
    return Tables(list(_summaries(groups, choice, tell)), choice.metrics)


def found_records(
    path: str | Path | Sequence[str | Path],
    datasets: Sequence[str],
    tell: Callable[[str], None],
    *,
    withdrawn: bool = False,
    statistics: bool = False,
) -> list[Record]:
    """The records under `path`, of these datasets if any are named; `tell` is given what is left out.

    withdrawn: those, too, that are withdrawn. Raises PigbenchError where there is no record, and for an unknown
    dataset.
    """
    from pigbench.results import load_records

    places = places_of(path)
    records, skipped = load_records(places, statistics=statistics)
    if skipped:
        tell(_named(skipped))
    if not withdrawn:
        records = _standing(records, tell)
    if not records:
        raise NoRecords(_nothing(places))
    require_known("dataset among the records", datasets, sorted({record.dataset.name for record in records}))
    return [record for record in records if not datasets or record.dataset.name in datasets]


def _standing(records: list[Record], tell: Callable[[str], None]) -> list[Record]:
    """Those that are not withdrawn. Raises PigbenchError where there were some, and all are."""
    from pigbench.results.withdrawn import why_withdrawn

    wrong = {record.key: reason for record in records if (reason := why_withdrawn(record))}
    if not wrong:
        return records
    reasons = "; ".join(f"{key[:8]}: {reason}" for key, reason in wrong.items())
    left = [record for record in records if not why_withdrawn(record)]
    told = f"left out, as withdrawn (--withdrawn shows them): {reasons}"
    if not left:
        raise AllWithdrawn(f"no other records: {told}")
    tell(told)
    return left


def _in_parts(groups: list[Group], by: str, tell: Callable[[str], None]) -> list[Group]:
    """The groups in parts. Raises PigbenchError where none can be."""
    from pigbench.results.classes import by_class
    from pigbench.results.sizes import by_size

    cut, lacking, none = {
        "size": (
            by_size,
            "with too few lesions whose area is known",
            "no record tells the area of three lesions, so there are no thirds of the cases",
        ),
        "class": (by_class, "of one class", "no record has several classes"),
    }[by]
    found = []
    for group in groups:
        parts = cut(group)
        if not parts:
            tell(f"left out: {group.dataset.name}, {group.preset}, {lacking}")
        found += parts
    if not found:
        raise PigbenchError(none)
    return found


def _summaries(groups: list[Group], choice: Choice, tell: Callable[[str], None]) -> Iterator[Summary]:
    """Each group's, but for those that lack the row that differences are to, which are told."""
    from pigbench.results import summarise
    from pigbench.results.naming import row_name

    arms = [{row_name(trial.arm): trial.arm.arm for trial in group.trials} for group in groups]
    row = choice.against
    require_known("row of Table 2", [row] if row else [], dict.fromkeys(name for names in arms for name in names))
    for group, names in zip(groups, arms, strict=True):
        if row and row not in names:
            tell(f"left out: {group.dataset.name}, {group.preset}, without {row}")
        else:
            yield summarise(group, names[row] if row else "")


def _nothing(places: Sequence[Path]) -> str:
    where = ", ".join(map(str, places))
    if any((place / "artifacts").is_dir() for place in places):
        return f"no records under {where}: a run writes its record when it ends; repeat its command to go on with it"
    return f"no records under {where}: 'pigbench run --generator pig' makes one, or give the path of some"


def _named(skipped: list[Skipped], most: int = 10) -> str:
    """A line on what was skipped, and one for each of the first files."""
    lines = [f"skipped {counted(len(skipped), 'file')} that cannot be read as a record:"]
    lines += [f"  {file.path}: {file.reason}" for file in skipped[:most]]
    return "\n".join(lines + [f"  and {len(skipped) - most} more"] * (len(skipped) > most))
