"""The built-in grey dataset: slices like those of breast tomosynthesis, each with a mass, made by rule at any size.

A patient has a CC and an MLO view of one breast, with one mass in three dimensions. Each view gives a few slices that
cut the mass at different heights, and the mass's exact cross-section is the mask. Some masses are plain, some as dense
as the tissue that hides them. The chest wall is always on the left.

Every patient is a pure function of (version, seed, role, index), so two labs with one version have the same data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count, islice
from typing import Any

import numpy as np

from pigbench.data.phantom.anatomy import Patient, View, cross_section, draw_patient, lesion_fraction, render
from pigbench.data.phantom.fields import rendered_at
from pigbench.data.source import CaseInfo, Source

PHANTOM_VERSION = 1  # raise it with every change, here or in this package, that changes a pixel or an id
TRUTH = 512
"""The side of the masks that predictions are judged by: as fine as the paper's images."""


@dataclass(frozen=True)
class _Slice:
    patient_id: str
    patient: Patient
    view: View
    number: int  # within the view, from 0


class _Drawn(Source):
    """The first `limit` slices of drawn patients, in the order of patients, views and heights."""

    name = "phantom"
    has_patient_ids = True
    flips = "vertical"  # the chest wall is always on the left

    def __init__(self, seed: int, role: str, indices: Iterable[int], limit: int | None = None) -> None:
        self.seed = seed
        self._slices = list(islice(chain.from_iterable(_slices(seed, role, index) for index in indices), limit))

    def __len__(self) -> int:
        """How many cases; `cases` takes longer, as it draws every lesion."""
        return len(self._slices)

    def cases(self) -> list[CaseInfo]:
        """Ids such as P017 and P017-CC-2 (R… for reference patients)."""
        return self._cases

    def read(self, index: int, resolution: int) -> tuple[np.ndarray, np.ndarray]:
        """The slice rendered finer than `resolution`, so that the preparation has pixels to average.

        Returns the image (S, S) float32, 0 in air and up to about 1, and the mask (S, S) uint8, where S is 4 times
        the resolution up to 64, 2 times up to 256, and above that the resolution itself.
        """
        which = self._slices[index]
        return render(which.patient, which.view, which.number, rendered_at(resolution))

    def read_truth(self, index: int) -> np.ndarray:
        """The exact cross-section on `TRUTH` x `TRUTH` pixels, uint8, 0 or 1, whatever size networks work at."""
        which = self._slices[index]
        return cross_section(which.patient, which.view, which.number, TRUTH)

    @cached_property
    def _cases(self) -> list[CaseInfo]:
        return [
            CaseInfo(
                case_id=f"{each.patient_id}-{each.view.name}-{each.number + 1}",
                patient_id=each.patient_id,
                lesion_fraction=lesion_fraction(each.patient, each.view, each.number),
            )
            for each in self._slices
        ]


class Phantom(_Drawn):
    """The dataset `phantom`: by default 80 patients, with about 500 slices."""

    def __init__(self, patients: int = 80, seed: int = 0) -> None:
        """patients: how many; the first ones are the same whatever the number. seed: another seed, other patients."""
        super().__init__(seed, "patient", range(patients))
        self.patients = patients

    def identity(self) -> dict[str, Any]:
        """Its version and parameters, not its bytes: a library's rounding does not make it another dataset."""
        return {"name": self.name, "version": PHANTOM_VERSION, "seed": self.seed, "patients": self.patients}

    def reference(self, count: int) -> Source:
        """`count` slices of fresh patients; a smaller count gives the first of them."""
        return _Reference(self.seed, count)


class _Reference(_Drawn):
    """Slices of patients whom no `Phantom` holds."""

    def __init__(self, seed: int, slices: int) -> None:
        super().__init__(seed, "reference", count(), limit=slices)

    def identity(self) -> dict[str, Any]:
        return {"name": self.name, "version": PHANTOM_VERSION, "seed": self.seed, "reference": len(self._slices)}


def _slices(seed: int, role: str, index: int) -> Iterator[_Slice]:
    patient = draw_patient("phantom", PHANTOM_VERSION, seed, role, index)
    patient_id = f"{role[0].upper()}{index:03d}"
    for view in patient.views:
        for number in range(len(view.heights)):
            yield _Slice(patient_id, patient, view, number)
