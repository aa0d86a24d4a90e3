"""Folds of patients, made from ids and lesion sizes alone: the same at every resolution, in whatever order cases come.

No patient is ever in two folds. Patients with large and with small lesions are spread evenly, as far as it goes. Those
set aside for tuning are drawn before any fold is made, and are in none.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Sequence

import numpy as np

from pigbench.counting import counted
from pigbench.data.source import CaseInfo
from pigbench.errors import PigbenchError
from pigbench.randomness import seed_for

STRATA = 5  # of lesion size, where there are patients enough for each to reach every fold

INNER = 3
"""The folds of the tuning patients, whatever the number of folds of the others."""


def make_folds(cases: Sequence[CaseInfo], folds: int, seed: int) -> list[list[str]]:
    """The held-out patients of each fold, sorted: disjoint, none empty, together every patient.

    Depends on nothing but (cases, folds, seed), and not on the cases' order. Raises PigbenchError for fewer than two
    folds, and for fewer patients than folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    _check(len({case.patient_id for case in cases}), folds)
    ordered = sorted(cases, key=lambda case: (case.patient_id, case.case_id))
    patients = np.array([case.patient_id for case in ordered])
    strata = _strata(ordered, folds)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed_for(seed, "split") % 2**32)
    # Every stratum has at least `folds` patients, and a fold with none of it is filled first: no fold stays empty.
    return [sorted(set(patients[test].tolist())) for _, test in splitter.split(patients, strata, patients)]


def subset(patients: Collection[str], count: int | None, seed: int, fold: int) -> list[str]:
    """The first `count` of a fold's training patients in their seeded order, sorted; all of them for None.

    A smaller subset is part of every larger one. Depends on nothing but the arguments.
    """
    if count is None:
        return sorted(patients)
    ordered = sorted(patients, key=lambda patient: (seed_for(seed, "subset", fold, patient), patient))
    return sorted(ordered[:count])


def check_subset(count: int, split: Sequence[Sequence[str]]) -> None:
    """Raises PigbenchError if a fold of these held-out patients has fewer than `count` to train on."""
    most = sum(map(len, split)) - max(map(len, split))
    if count > most:
        raise PigbenchError(
            f"--train-patients {count}: the smallest training set has {counted(most, 'patient')}; take {most} or "
            "fewer, or all"
        )


def part(cases: Sequence[CaseInfo], share: float, seed: int, *, tuning: bool) -> list[CaseInfo]:
    """The cases of the patients set aside for tuning, or of all the others. share: none are set aside if 0."""
    aside = set_aside(cases, share, seed) if share else set()
    return [case for case in cases if (case.patient_id in aside) == tuning]


def set_aside(cases: Sequence[CaseInfo], share: float, seed: int) -> set[str]:
    """The patients kept for tuning, about `share` of all: one of each group of neighbours in lesion size.

    Depends on nothing but (cases, share, seed). Raises PigbenchError where they are too few for `INNER` folds of two.
    """
    ranked = _by_lesion_size(cases)
    count, least = round(share * len(ranked)), 2 * INNER
    if count < least:
        enough = math.ceil(100 * least / len(ranked)) / 100
        way_out = f"set aside {enough:g} or more" if enough < 1 else "add patients"
        raise PigbenchError(
            f"--set-aside {share:g}: {count} of {len(ranked)} patients, and {INNER} inner folds need {least}: {way_out}"
        )
    groups = [ranked[number * len(ranked) // count : (number + 1) * len(ranked) // count] for number in range(count)]
    return {group[seed_for(seed, "set aside", number) % len(group)] for number, group in enumerate(groups)}


def _check(patients: int, folds: int) -> None:
    if folds < 2:
        raise PigbenchError(f"--folds {folds}: at least 2 are needed to test on patients that were not trained on")
    if patients < folds:
        way_out = f"choose --folds {patients} or fewer" if patients > 1 else "add patients"
        raise PigbenchError(f"{patients} {'patients' if patients != 1 else 'patient'} for {folds} folds: {way_out}")


def _strata(cases: Sequence[CaseInfo], folds: int) -> list[int]:
    """For each case, the quantile bin of its patient's mean lesion size; one bin for all where patients are few."""
    ranked = _by_lesion_size(cases)
    bins = max(1, min(STRATA, len(ranked) // folds))
    stratum = {patient: rank * bins // len(ranked) for rank, patient in enumerate(ranked)}
    return [stratum[case.patient_id] for case in cases]


def _by_lesion_size(cases: Sequence[CaseInfo]) -> list[str]:
    """The patients, from the smallest mean lesion to the largest."""
    sizes: dict[str, list[float]] = defaultdict(list)
    for case in sorted(cases, key=lambda case: case.case_id):
        sizes[case.patient_id].append(case.lesion_fraction)
    return sorted(sizes, key=lambda patient: (float(np.mean(sizes[patient])), patient))
