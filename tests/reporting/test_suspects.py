"""Near-identical images of different patients: listed, and drawn side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pigbench.data import census
from pigbench.data.source import CaseInfo, Source
from pigbench.reporting import suspects
from pigbench.reporting.census import lines
from pigbench.reporting.contact_sheet import GAP, MARGIN, PANEL


class Pictures(Source):
    """Noise, 64 × 64, of `patients`; case number k shows picture `of[k]`."""

    name, has_patient_ids = "pictures", True

    def __init__(self, patients: str, of: str) -> None:
        self.patients, self.of = patients, of

    def identity(self) -> dict[str, Any]:
        return {}

    def cases(self) -> list[CaseInfo]:
        return [CaseInfo(f"{patient}-{number}", patient, 0.1) for number, patient in enumerate(self.patients)]

    def read(self, index: int, resolution: int) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng(ord(self.of[index]))
        image = random.integers(1, 200, (64, 64)) + index  # equal in bytes are none
        mask = np.zeros((64, 64), np.uint8)
        mask[4:9, 4:9] = 1
        return image.astype(np.uint8), mask


def test_only_images_alike_across_patients_are_suspects() -> None:
    """A and B share `x`; `y` is twice A's own; C's `z` occurs once."""
    taken = census.take(Pictures("AAABCC", of="xyyxzw"), folds=2)
    assert taken.duplicates == []
    assert taken.near_duplicates == [["A-0", "B-3"]]


def test_the_text_counts_in_words_and_never_says_to_merge_unseen() -> None:
    one = list(lines("p", census.take(Pictures("AB", of="xx"), folds=2)))
    two = list(
        lines("p", census.take(Pictures("ABCD", of="xyxy"), folds=2), drawn="2 groups of suspects drawn in f.png")
    )
    none = list(lines("p", census.take(Pictures("AB", of="xy"), folds=2)))
    assert "Careful: 1 group of nearly equal images is in more than one patient and can leak:" in one
    assert "Careful: 2 groups of nearly equal images are in more than one patient and can leak:" in two
    assert "look at them before you merge patients" in one[-2] and "--pictures" in one[-1]
    assert two[-1] == "2 groups of suspects drawn in f.png"
    assert none[-1] == "no nearly equal images in two patients"


def test_suspects_are_drawn_a_group_a_row(tmp_path: Path) -> None:
    source, file = Pictures("ABCDE", of="xyxyx"), tmp_path / "suspects.png"
    groups = census.take(source, folds=2).near_duplicates
    assert groups == [["A-0", "C-2", "E-4"], ["B-1", "D-3"]]
    assert suspects.draw(source, groups, file) == f"2 groups of suspects drawn in {file}"
    drawn = np.asarray(Image.open(file).convert("L")).astype(float)
    side = suspects.SIDE
    assert side >= PANEL and GAP < MARGIN
    head = drawn.shape[0] - 2 * (side + 16 + MARGIN)
    panels = [
        [drawn[top : top + side, left : left + side] for left in (MARGIN + n * (side + MARGIN) for n in range(3))]
        for top in (head, head + side + 16 + MARGIN)
    ]
    for row, members in zip(panels, (3, 2), strict=True):
        for panel in row[1:members]:
            assert np.corrcoef(row[0].ravel(), panel.ravel())[0, 1] > 0.99
    assert np.all(panels[1][2] == 255)
    assert abs(np.corrcoef(panels[0][0].ravel(), panels[1][0].ravel())[0, 1]) < 0.2


def test_what_is_left_out_is_said(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(suspects, "GROUPS", 1)
    monkeypatch.setattr(suspects, "MEMBERS", 2)
    source, file = Pictures("ABCDE", of="xyxyx"), tmp_path / "suspects.png"
    said = suspects.draw(source, [["A-0", "C-2", "E-4"], ["B-1", "D-3"]], file)
    assert said == f"1 of 2 groups of suspects drawn in {file}, the first 2 images of each"
