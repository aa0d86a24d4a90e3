"""The record of a run, and records as polars tables.

`cases(path)`, `scores(path)` and `difference(cases, arm, base)` are what a notebook wants. Reports are made of
`load_records`, `merge`, `summarise` and `score_rows`, in this order.
"""

from __future__ import annotations

from pigbench.results.arm_rows import ArmRow
from pigbench.results.costs import CostRow, cost_rows
from pigbench.results.files import Skipped, load_records, read_record, record_name, write_record
from pigbench.results.find import find_record
from pigbench.results.frames import cases, groups, scores
from pigbench.results.generator_rows import GeneratorRow
from pigbench.results.group import Group, Trial
from pigbench.results.intervals import Interval, difference
from pigbench.results.merge import merge
from pigbench.results.pool import Estimate
from pigbench.results.progress import Progress
from pigbench.results.record import FORMAT, Record
from pigbench.results.rows import SCORE_COLUMNS, cost_score_rows, score_rows, signature
from pigbench.results.same import same_numbers
from pigbench.results.summary import Summary, summarise

__all__ = [
    "FORMAT",
    "SCORE_COLUMNS",
    "ArmRow",
    "CostRow",
    "Estimate",
    "GeneratorRow",
    "Group",
    "Interval",
    "Progress",
    "Record",
    "Skipped",
    "Summary",
    "Trial",
    "cases",
    "cost_rows",
    "cost_score_rows",
    "difference",
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
