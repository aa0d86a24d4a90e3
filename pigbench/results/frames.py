"""Records as polars frames: every case of every arm, and the numbers of the tables in long form."""

from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pigbench.counting import counted
from pigbench.errors import PigbenchError
from pigbench.results.classes import by_class as of_classes
from pigbench.results.files import load_records
from pigbench.results.group import Group
from pigbench.results.merge import merge
from pigbench.results.naming import way_of
from pigbench.results.rows import SCORE_COLUMNS, score_rows
from pigbench.results.summary import summarise

if TYPE_CHECKING:
    import polars

_OF_ARM = ("generator", "n", "arm", "train_patients", "use")
_OF_FIT = ("segmenter", "seed", "training", "fold")
_WHOLE = ("n", "train_patients", "seed", "training", "fold")


def cases(path: str | Path, by_class: bool = False) -> polars.DataFrame:
    """Every test case of every arm under `path` (a record or a directory of records), duplicates counted once.

    by_class: a row for each class of a case, with a column `class`. Otherwise scores of several classes are their
    means, and statistics, which are of one class, are null.

    Columns: protocol, dataset, preset, generator (null for `real`), n, arm, train_patients (null for all), use (`real`,
    `alone`, or as `--use` has it), segmenter, seed, training, fold, patient_id, case_id, area (of the lesion, 0 to 1),
    then every score and every statistic that the records hold, such as dice and tp; null where there is none. A
    statistic whose name is not its own alone is called by what it is kept under too: `overlap.tp`. Raises PigbenchError
    where there is no record.
    """
    import polars

    frames = []
    for group in groups(path):
        if by_class:
            parts = zip(group.dataset.classes, of_classes(group) or [group], strict=True)
            frames += [_cases_of(part).with_columns(polars.lit(name).alias("class")) for name, part in parts]
        else:
            frames.append(_cases_of(group))
    frame = polars.concat(frames, how="diagonal").with_columns(polars.selectors.float().fill_nan(None))
    return frame.rename(_short_names(frame.columns))


def scores(path: str | Path) -> polars.DataFrame:
    """Tables 1 to 3 of everything under `path` in long form: the rows of `score_rows`, null where no number is.

    Raises PigbenchError where there is no record.
    """
    import polars

    whole = {"table", "n", "train_patients", "folds", "seeds", "trainings", "patients"}
    real = {"mean", "sd", "delta", "ci_low", "ci_high", "together_low", "together_high"}
    schema = {
        column: polars.Int64 if column in whole else polars.Float64 if column in real else polars.String
        for column in SCORE_COLUMNS
    } | {"conditioned": polars.Boolean}
    return polars.DataFrame(
        [row for group in groups(path) for row in score_rows(summarise(group))], schema=schema, orient="row"
    )


def groups(path: str | Path) -> list[Group]:
    """The records under `path`, merged by protocol; files that are none are named in a warning.

    Raises PigbenchError where there is no record.
    """
    records, skipped = load_records([path])
    if skipped:
        named = "; ".join(f"{file.path}: {file.reason}" for file in skipped)
        warnings.warn(f"skipped {counted(len(skipped), 'file')} that cannot be read as a record: {named}", stacklevel=3)
    if not records:
        raise PigbenchError(f"no records under {path}: 'pigbench run' makes one")
    return merge(records)


def _cases_of(group: Group) -> polars.DataFrame:
    import polars

    trials = group.trials
    lengths = [len(trial.cases) for trial in trials]
    rows = np.concatenate([np.empty(0, int), *(trial.cases for trial in trials)])
    head = {"protocol": group.protocol_hash, "dataset": group.dataset.name, "preset": group.preset}
    columns: dict[str, Any] = {name: polars.Series([value], dtype=polars.String) for name, value in head.items()}
    of_trial = np.repeat(np.arange(len(trials)), lengths)
    for name in (*_OF_ARM, *_OF_FIT):
        told = [getattr(trial.arm if name in _OF_ARM else trial.run, name) for trial in trials]
        if name == "use":
            told = [way_of(trial.arm.use, trial.arm.share) for trial in trials]
        columns[name] = polars.Series(told, dtype=polars.Int64 if name in _WHOLE else polars.String)[of_trial]
    tested = group.tested
    columns["patient_id"] = polars.Series(tested.patients, dtype=polars.String)[tested.patient[rows]]
    columns["case_id"] = polars.Series(tested.ids, dtype=polars.String)[rows]
    columns["area"] = tested.area[rows]
    for part in ("scores", "statistics"):
        for name in dict.fromkeys(name for trial in trials for name in getattr(trial, part)):
            held = (getattr(trial, part).get(name) for trial in trials)
            filled = (
                np.full(length, np.nan) if column is None else column
                for column, length in zip(held, lengths, strict=True)
            )
            columns[name] = np.concatenate([np.empty(0), *filled])
    for name in head:
        columns[name] = columns[name][np.zeros(len(rows), int)]
    return polars.DataFrame(columns)


def _short_names(columns: list[str]) -> dict[str, str]:
    """The statistics' names without what they are kept under, where that leaves them apart from all others."""
    known = Counter(name.rpartition(".")[2] for name in columns)
    return {name: short for name in columns if (short := name.rpartition(".")[2]) != name and known[short] == 1}
