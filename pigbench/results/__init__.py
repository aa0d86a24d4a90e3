"""The record of a run, and records as polars tables.

`cases(path)` and `scores(path)` are what a notebook wants. Reports are made of `load_records`, `merge`, `summarise` and
`score_rows`, in this order.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from pigbench.counting import counted
from pigbench.errors import PigbenchError
from pigbench.results.costs import CostRow, cost_rows
from pigbench.results.files import Skipped, load_records, read_record, record_name, write_record
from pigbench.results.find import find_record
from pigbench.results.merge import Group, Trial, merge
from pigbench.results.record import FORMAT, Record, same_numbers
from pigbench.results.rows import SCORE_COLUMNS, cost_score_rows, score_rows, signature
from pigbench.results.summary import ArmRow, Estimate, GeneratorRow, Progress, Summary, summarise

if TYPE_CHECKING:
    import polars

__all__ = [
    "FORMAT",
    "SCORE_COLUMNS",
    "ArmRow",
    "CostRow",
    "Estimate",
    "GeneratorRow",
    "Group",
    "Progress",
    "Record",
    "Skipped",
    "Summary",
    "Trial",
    "cases",
    "cost_rows",
    "cost_score_rows",
    "find_record",
    "groups",
    "load_records",
    "merge",
    "read_record",
    "record_name",
    "same_numbers",
    "score_rows",
    "scores",
    "signature",
    "summarise",
    "write_record",
]


def cases(path: str | Path) -> polars.DataFrame:
    """Every test case of every arm under `path` (a record or a directory of records), duplicates counted once.

    Columns: protocol, dataset, preset, generator (null for `real`), n, arm, segmenter, seed, fold, patient_id,
    case_id, and the pixel counts tp, fp, fn, tn. Raises PigbenchError where there is no record.
    """
    import polars

    text, whole = polars.String, polars.Int64
    schema = {"protocol": text, "dataset": text, "preset": text, "generator": text, "n": whole}
    schema |= {"arm": text, "segmenter": text, "seed": whole, "fold": whole, "patient_id": text, "case_id": text}
    schema |= {"tp": whole, "fp": whole, "fn": whole, "tn": whole}
    rows = []
    for group in groups(path):
        head = (group.protocol_hash, group.dataset.name, group.preset)
        for trial in group.trials:
            run = trial.run
            of_trial = (*head, run.generator, run.n, run.arm, run.segmenter, run.seed, run.fold)
            rows += [(*of_trial, *case) for case in trial.cases]
    return polars.DataFrame(rows, schema=schema, orient="row")


def scores(path: str | Path) -> polars.DataFrame:
    """Table 1 and Table 2 of everything under `path` in long form: the rows of `score_rows`, null where no number is.

    Raises PigbenchError where there is no record.
    """
    import polars

    whole, real = {"table", "n", "folds", "seeds", "patients"}, {"mean", "sd", "delta", "ci_low", "ci_high"}
    schema = {
        column: polars.Int64 if column in whole else polars.Float64 if column in real else polars.String
        for column in SCORE_COLUMNS
    }
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
