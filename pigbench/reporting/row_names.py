"""How rows are named in tables and notes."""

from __future__ import annotations

from pigbench.reporting.numbers import number
from pigbench.results import ArmRow, GeneratorRow, Group, Progress
from pigbench.results.naming import of_patients, row_name


def shown(row: ArmRow) -> str:
    """An arm as its row is named: `real only`, `real only, 2x steps`, `+pig_2048`, `pig_2048 only`."""
    return row_name(row.about)


def full_name(row: ArmRow) -> str:
    """The name with what its row adds to it."""
    return shown(row) + partly(row.progress) + unconditioned(row)


def made_by(row: GeneratorRow | ArmRow) -> str:
    """Whose images these are and how many, such as `pig_512 (16 patients)`."""
    return f"{row.generator}_{row.n}{of_patients(row.train_patients)}"


def unconditioned(row: ArmRow) -> str:
    """What is added to the name of a row whose lesions are not where its masks are."""
    return " NOT CONDITIONED" if row.conditioned is False else ""


def partly(progress: Progress) -> str:
    """What is added to the name of a row that lacks folds."""
    return f" ({progress.folds}/{progress.of} folds)" if progress.state == "partial" else ""


def of_part(group: Group) -> str:
    """Which cases a table is of, where it is of some of them."""
    if not (part := group.part):
        return ""
    if part.areas is None:
        return f", class {part.name}"
    low, high = (number(area, 100) for area in part.areas)
    return f", {part.name} lesions: {part.cases} of {part.of} cases, area {low} to {high} % of the image"
