"""What a dataset holds, class by class."""

from __future__ import annotations

from typing import Any

import numpy as np

from pigbench.data import census
from pigbench.data.source import CaseInfo, Source
from pigbench.reporting.census import lines


class Squares(Source):
    """Two images of 10 × 10: of class 1 two regions of 4 % and 1 % beside class 2's 1 %; nothing but class 1's 9 %."""

    name, has_patient_ids, classes = "squares", True, ("gland", "nucleus")

    def identity(self) -> dict[str, Any]:
        return {}

    def cases(self) -> list[CaseInfo]:
        return [CaseInfo("a", "A", 0.06), CaseInfo("b", "B", 0.09), CaseInfo("c", "C", 0)]

    def read(self, index: int, resolution: int) -> tuple[np.ndarray, np.ndarray]:
        mask = np.zeros((10, 10), np.uint8)
        if index == 0:
            mask[0:2, 0:2] = mask[5, 5] = 1
            mask[5, 6] = 2  # touches class 1, and is a region of its own
        elif index == 1:
            mask[3:6, 3:6] = 1
        return np.random.default_rng(index).integers(0, 255, (10, 10, 3), dtype=np.uint8), mask


def test_regions_and_shares_are_counted_class_by_class() -> None:
    taken = census.take(Squares(), folds=2)
    gland, nucleus = taken.classes["gland"], taken.classes["nucleus"]
    assert gland.regions == {2: 1, 1: 1, 0: 1}
    np.testing.assert_allclose(gland.fractions, (0.05, 0.06, 0.07, 0.08, 0.09))
    assert nucleus.regions == {0: 2, 1: 1}
    np.testing.assert_allclose(nucleus.fractions, 0.01)
    np.testing.assert_allclose(taken.shares, (0.06, 0.09, 0))
    assert taken.empty == 1
    assert (gland.patients, nucleus.patients) == (2, 1)
    assert len(nucleus.unlearnt) == 1, "the patient who has it is tested in one of the folds"


def test_the_text_has_lines_for_each_class() -> None:
    told = list(lines("squares", census.take(Squares(), folds=2)))
    assert "gland, separate regions in an image: 2 (1), 1 (1), 0 (1)" in told
    assert "gland: in 2 of 3 images, of 2 patients" in told and "nucleus: in 1 of 3 images, of 1 patient" in told
    assert [line for line in told if line.startswith("Careful: no training patient of fold ") and "nucleus" in line]
    assert "nucleus, separate regions in an image: 0 (2), 1 (1)" in told
    assert "nucleus, % of the image: 1.00 to 1.00, median 1.00, quartiles 1.00 and 1.00" in told
