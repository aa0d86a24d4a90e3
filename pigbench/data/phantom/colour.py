"""The built-in dataset in colour, with two classes: stained tissue sections with glands and nuclei, made by rule.

A patient has a few sections of one slide. Every patient is a pure function of (version, seed, role, index), so two labs
with one version have the same data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count, islice
from typing import Any

import numpy as np

from pigbench.data.phantom.fields import rendered_at
from pigbench.data.phantom.tissue_section import Section, draw_section, draw_slide, mask_of, render
from pigbench.data.source import CaseInfo, Source
from pigbench.randomness import numpy_generator

VERSION = 1  # raise it with every change, here or in tissue_section, that changes a pixel or an id
TRUTH = 512
"""The side of the masks that predictions are judged by."""
FEWEST, MOST = 4, 8
"""Sections of a patient."""
COUNTED_AT = 128


@dataclass(frozen=True)
class _Place:
    """Which section of which patient; it is drawn when it is looked at. path: of the patient's random numbers."""

    patient_id: str
    path: tuple[str | int, ...]
    number: int  # of the patient's, from 0

    @property
    def case_id(self) -> str:
        return f"{self.patient_id}-{self.number + 1}"

    def section(self) -> Section:
        return draw_section(draw_slide(*self.path), *self.path, self.number)


class _Drawn(Source):
    """The first `limit` sections of drawn patients."""

    name = "phantom-colour"
    has_patient_ids = True
    channels = 3
    classes = ("gland", "nucleus")

    def __init__(self, seed: int, role: str, indices: Iterable[int], limit: int | None = None) -> None:
        self.seed = seed
        self._sections = list(islice(chain.from_iterable(_places(seed, role, index) for index in indices), limit))

    def __len__(self) -> int:
        """How many cases; `cases` takes longer, as it draws every mask."""
        return len(self._sections)

    def cases(self) -> list[CaseInfo]:
        """Ids such as P017 and P017-2 (R… for reference patients)."""
        return self._cases

    def read(self, index: int, resolution: int) -> tuple[np.ndarray, np.ndarray]:
        """The section rendered finer than `resolution`, so that the preparation has pixels to average.

        Returns the image (S, S, 3) uint8 and the mask (S, S) uint8, where S is 4 times the resolution up to 64, 2 times
        up to 256, and above that the resolution itself.
        """
        return render(self._sections[index].section(), rendered_at(resolution))

    def read_truth(self, index: int) -> np.ndarray:
        """The mask on `TRUTH` x `TRUTH` pixels, whatever size networks work at."""
        return mask_of(self._sections[index].section(), TRUTH)

    @cached_property
    def _cases(self) -> list[CaseInfo]:
        return [
            CaseInfo(each.case_id, each.patient_id, float((mask_of(each.section(), COUNTED_AT) > 0).mean()))
            for each in self._sections
        ]


class PhantomColour(_Drawn):
    """The dataset `phantom-colour`: by default 60 patients, with about 360 sections."""

    def __init__(self, patients: int = 60, seed: int = 0) -> None:
        """patients: how many; the first ones are the same whatever the number. seed: another seed, other patients."""
        super().__init__(seed, "patient", range(patients))
        self.patients = patients

    def identity(self) -> dict[str, Any]:
        """Its version and parameters, not its bytes."""
        return {"name": self.name, "version": VERSION, "seed": self.seed, "patients": self.patients}

    def reference(self, count: int) -> Source:
        """`count` sections of fresh patients; a smaller count gives the first of them."""
        return _Reference(self.seed, count)


class _Reference(_Drawn):
    """Sections of patients whom no `PhantomColour` holds."""

    def __init__(self, seed: int, sections: int) -> None:
        super().__init__(seed, "reference", count(), limit=sections)

    def identity(self) -> dict[str, Any]:
        return {"name": self.name, "version": VERSION, "seed": self.seed, "reference": len(self._sections)}


def _places(seed: int, role: str, index: int) -> Iterator[_Place]:
    path = ("phantom-colour", VERSION, seed, role, index)
    for number in range(int(numpy_generator(*path, "sections").integers(FEWEST, MOST + 1))):
        yield _Place(f"{role[0].upper()}{index:03d}", path, number)
