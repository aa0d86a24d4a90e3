"""The cases of a group by the size of their lesion, in thirds of the dataset."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pigbench.results.group import Group, Part, Trial, cut

THIRDS = ("small", "medium", "large")


def by_size(group: Group) -> list[Group]:
    """The group cut down to the cases of each third, smallest lesions first; none where no area is known.

    Cases without a lesion are in none of them. Lesions of one area stay together only as far as the thirds are equal:
    the order is by area, then by the case's id.
    """
    area = group.tested.area
    with_lesion = np.flatnonzero(area > 0)  # NaN is not
    if len(with_lesion) < len(THIRDS):
        return []
    parts = np.array_split(with_lesion[np.argsort(area[with_lesion], kind="stable")], len(THIRDS))
    return [_cut(group, name, cases, len(area)) for name, cases in zip(THIRDS, parts, strict=True)]


def _cut(group: Group, name: str, cases: np.ndarray, of: int) -> Group:
    kept = np.zeros(len(group.tested.ids), bool)
    kept[cases] = True
    area = group.tested.area[cases]
    part = Part(f"size:{name}", name, len(cases), of, (float(area.min()), float(area.max())))
    return replace(group, part=part, fidelity=(), ceiling={}, trials=tuple(_of(trial, kept) for trial in group.trials))


def _of(trial: Trial, kept: np.ndarray) -> Trial:
    rows = kept[trial.cases]
    classes = tuple(_of(each, kept) for each in trial.classes)
    scores, statistics = cut(trial.scores, rows), cut(trial.statistics, rows)
    return replace(trial, cases=trial.cases[rows], scores=scores, statistics=statistics, classes=classes)
