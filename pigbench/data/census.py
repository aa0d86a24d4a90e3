"""What a dataset holds, counted by reading all of it once; and whether all of it can still be read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from pigbench.data.duplicates import Link, links, numbered, signature
from pigbench.data.file_dataset import ImportedSource
from pigbench.data.importers.base import Problems
from pigbench.data.lesions import prepared_fraction
from pigbench.data.source import Progress, Source
from pigbench.data.splits import make_folds

BINS = 16
QUARTILES = (0, 0.25, 0.5, 0.75, 1)
DRAWN_AT = 128
"""The resolution at which a procedural source draws for a census."""


@dataclass(frozen=True)
class ClassCensus:
    """The counts of one class in a dataset.

    patients: who have it in some image. unlearnt: the folds none of whose training patients has it. regions: cases by
    their number of separate (4-connected) regions of the class. fractions: the least, the quartiles and the greatest
    share of an image that is of the class, images without it aside; () if none has it.
    """

    patients: int
    unlearnt: list[int]
    regions: dict[int, int]
    fractions: tuple[float, ...]


@dataclass(frozen=True)
class Census:
    """The counts of one dataset.

    grouped_by: `patient`, `pseudo-patient`, or `case` where nobody knows. empty: cases with an empty mask. shares,
    prepared_shares: of every case, how much of its image, and of the square that a run prepares, is of any class.
    sizes: cases by (width, height). classes: the counts of each, by name. depths: cases by the type of their pixels.
    intensities: (BINS,) share of all pixels by intensity, from each image's least to its greatest. duplicates,
    near_duplicates: ids of cases whose image is (nearly) another patient's, group by group; if these are copies, they
    leak. folds: (patients, cases) of each.
    """

    grouped_by: str
    patients: int
    cases: int
    empty: int
    shares: list[float]
    prepared_shares: list[float]
    sizes: dict[tuple[int, int], int]
    depths: dict[str, int]
    classes: dict[str, ClassCensus]
    intensities: np.ndarray
    duplicates: list[list[str]]
    near_duplicates: list[list[str]]
    folds: list[tuple[int, int]]


def take(source: Source, folds: int = 5, progress: Progress | None = None) -> Census:
    """Count everything in `source`. One case is in memory at a time."""
    cases = source.cases()
    sizes: Counter[tuple[int, int]] = Counter()
    depths: Counter[str] = Counter()
    shares, prepared_shares, histograms, hashes, signatures = [], [], [], [], []
    found: dict[str, list[tuple[int, float]]] = {name: [] for name in source.classes}
    for index in range(len(cases)):
        image, mask = source.read(index, DRAWN_AT)
        sizes[image.shape[1], image.shape[0]] += 1
        depths[str(image.dtype)] += 1
        for value, name in enumerate(source.classes, start=1):
            found[name].append(_regions_and_share(mask == value))
        shares.append(float((mask != 0).mean()))
        prepared_shares.append(prepared_fraction(image, mask))
        histograms.append(_histogram(image))
        hashes.append(hash(image.tobytes()))
        signatures.append(signature(image))
        if progress:
            progress(index + 1, len(cases))
    patients = [case.patient_id for case in cases]
    ids = [case.case_id for case in cases]
    owners, held = Counter(patients), _held_out(source, folds)
    return Census(
        grouped_by=source.grouped_by,
        patients=len(set(patients)),
        cases=len(cases),
        empty=shares.count(0),
        shares=shares,
        prepared_shares=prepared_shares,
        sizes=dict(sizes.most_common()),
        depths=dict(depths.most_common()),
        classes={name: _class_census(counts, patients, held) for name, counts in found.items()},
        intensities=np.mean(histograms, axis=0),
        duplicates=_across_patients(hashes, patients, ids),
        near_duplicates=_suspects(links(signatures), patients, ids),
        folds=[(len(of_fold), sum(owners[patient] for patient in of_fold)) for of_fold in held],
    )


def validate(source: Source, progress: Progress | None = None) -> Problems:
    """Read all of `source` again and gather every fault, with its file where there is one."""
    problems = Problems()
    if not isinstance(source, ImportedSource):
        return problems
    for index in range(len(source.rows)):
        problems.add("gone, or not as it was imported", source.faults(index))
        if progress:
            progress(index + 1, len(source.rows))
    return problems


def _regions_and_share(mask: np.ndarray) -> tuple[int, float]:
    """How many separate regions a mask (h, w) has, and its share of the image."""
    from scipy.ndimage import label

    return int(label(mask)[1]), float(mask.mean())


def _class_census(counts: list[tuple[int, float]], patients: list[str], held: Sequence[Collection[str]]) -> ClassCensus:
    """counts: the regions and the share of every case. patients: whose it is. held: the test patients of each fold."""
    fractions = [share for _, share in counts if share]
    having = {patient for (_, share), patient in zip(counts, patients, strict=True) if share}
    return ClassCensus(
        patients=len(having),
        unlearnt=[number for number, of_fold in enumerate(held) if having <= set(of_fold)],
        regions=dict(Counter(regions for regions, _ in counts).most_common()),
        fractions=tuple(np.quantile(fractions, QUARTILES).tolist()) if fractions else (),
    )


def _histogram(image: np.ndarray) -> np.ndarray:
    counts, _ = np.histogram(image, bins=BINS, range=(float(image.min()), float(image.max()) or 1.0))
    return counts / image.size


def _across_patients(group_of: list[int], patients: list[str], ids: list[str]) -> list[list[str]]:
    """The groups that more than one patient has a part in, as case ids."""
    members: dict[int, list[int]] = defaultdict(list)
    for index, group in enumerate(group_of):
        members[group].append(index)
    shared = [indices for indices in members.values() if len({patients[index] for index in indices}) > 1]
    return [[ids[index] for index in indices] for indices in shared]


def _suspects(found: list[Link], patients: list[str], ids: list[str]) -> list[list[str]]:
    """The cases that such links between two patients join, group by group; other slices of the same patients are not.

    Links within a patient play no part: through a series of slices they would join whole patients.
    """
    across = [link for link in found if patients[link.one] != patients[link.other]]
    return _across_patients(numbered(len(ids), across), patients, ids)


def _held_out(source: Source, folds: int) -> Sequence[Collection[str]]:
    """The test patients of each fold; none where there are fewer patients than folds."""
    cases = source.cases()
    return make_folds(cases, folds, 0) if len({case.patient_id for case in cases}) >= folds else []
