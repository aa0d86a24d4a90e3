"""Held-out images that come back as synthetic ones are refused, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pigbench.data.external_pairs import PairSet, read_folder
from pigbench.data.leaks import refuse_copies
from pigbench.data.phantom.dataset import Phantom
from pigbench.data.prepare import prepare_case
from pigbench.data.source import CaseInfo, Source
from pigbench.data.splits import make_folds
from pigbench.errors import PigbenchError

RESOLUTION, FOLDS = 32, 3
SPLIT = {"folds": FOLDS, "seed": 0}
Picture = tuple[np.ndarray, np.ndarray]


class Stored(Source):
    """Cases that are there already."""

    name, has_patient_ids = "stored", True

    def __init__(self, cases: Sequence[CaseInfo], pictures: Sequence[Picture]) -> None:
        self._cases, self.pictures = list(cases), list(pictures)

    def identity(self) -> dict[str, Any]:
        return {}

    def cases(self) -> list[CaseInfo]:
        return self._cases

    def read(self, index: int, resolution: int) -> Picture:
        return self.pictures[index]


@pytest.fixture(scope="module")
def source() -> Stored:
    """9 patients of the phantom, 128 × 128."""
    drawn = Phantom(9)
    return Stored(drawn.cases(), [drawn.read(row, RESOLUTION) for row in range(len(drawn.cases()))])


@pytest.fixture(scope="module")
def held_out(source: Stored) -> list[Picture]:
    """Those of fold 1."""
    return part_of(source, held_out=True)


def part_of(source: Stored, *, held_out: bool) -> list[Picture]:
    patients = set(make_folds(source.cases(), FOLDS, 0)[1])
    cases = zip(source.cases(), source.pictures, strict=True)
    return [picture for case, picture in cases if (case.patient_id in patients) == held_out]


def prepared(pictures: Sequence[Picture]) -> list[Picture]:
    return [prepare_case(*picture, RESOLUTION) for picture in pictures]


def scaled(image: np.ndarray, to: int) -> np.ndarray:
    return np.rint((image - image.min()) / (image.max() - image.min()) * to)


def write(folder: Path, pictures: Sequence[Picture], suffix: str = ".png", change: Callable = lambda i: i) -> PairSet:
    """As 8-bit JPEG, or PNG at 16 bits."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number, (image, mask) in enumerate(pictures):
        pixels = scaled(image, 255).astype(np.uint8) if suffix == ".jpg" else scaled(image, 65535).astype(np.uint16)
        Image.fromarray(np.ascontiguousarray(change(pixels))).save(folder / f"images/{number}{suffix}")
        Image.fromarray(np.ascontiguousarray(change(mask * 255))).save(folder / f"masks/{number}.png")
    return read_folder(folder)


def counted(source: Source, pairs: PairSet, folds: Sequence[int] = (1,)) -> dict[int, int]:
    """How many images are refused, fold by fold."""
    try:
        refuse_copies(source, [(pairs, folds)], RESOLUTION, **SPLIT)
    except PigbenchError as refusal:
        lines = [line.split() for line in str(refusal).splitlines()]
        assert all(words[3] == "of" and int(words[4]) == len(pairs) for words in lines)
        return {int(words[1].rstrip(":")): int(words[2]) for words in lines}
    return {}


CHANGES: dict[str, dict[str, Any]] = {
    "the same": {},
    "as JPEG": {"suffix": ".jpg"},
    "mirrored": {"change": lambda image: image[:, ::-1]},
    "halved": {"change": lambda image: image[::2, ::2]},
}


@pytest.mark.parametrize("how", CHANGES)
def test_held_out_images_are_refused_at_their_own_size(source, held_out, tmp_path, how):
    assert counted(source, write(tmp_path, held_out, **CHANGES[how]))[1] >= 0.9 * len(held_out)


@pytest.mark.parametrize("how", [how for how in CHANGES if how != "halved"])
def test_held_out_images_are_refused_as_prepared_for_a_run(source, held_out, tmp_path, how):
    assert counted(source, write(tmp_path, prepared(held_out), **CHANGES[how]))[1] >= 0.8 * len(held_out)


@pytest.mark.parametrize("as_prepared", [False, True])
def test_copies_of_training_images_and_fresh_patients_are_not_refused(source, tmp_path, as_prepared):
    training = part_of(source, held_out=False)
    reference = Phantom(9).reference(40)
    fresh = [reference.read(row, RESOLUTION) for row in range(40)]
    for number, pictures in enumerate((training, fresh)):
        pairs = write(tmp_path / str(number), prepared(pictures) if as_prepared else pictures)
        assert counted(source, pairs) == {}


def test_each_fold_is_named_and_a_tool_that_saw_all_patients_is_refused_in_all(source, tmp_path):
    pairs = write(tmp_path, source.pictures)
    found = counted(source, pairs, range(FOLDS))
    assert list(found) == [0, 1, 2] and sum(found.values()) == len(source.pictures)


def test_one_copy_among_many_is_enough_and_the_sentence_says_one(source, held_out, tmp_path):
    pairs = write(tmp_path, [*part_of(source, held_out=False), held_out[3]])
    with pytest.raises(PigbenchError, match=f"fold 1: 1 of {len(pairs)} images equals or nearly equals a held-out one"):
        refuse_copies(source, [(pairs, (1,))], RESOLUTION, **SPLIT)


def test_a_dataset_whose_training_images_equal_held_out_ones_is_not_the_tools_fault(source, held_out, tmp_path):
    cases, patients = source.cases(), set(make_folds(source.cases(), FOLDS, 0)[1])
    pictures, copies = list(source.pictures), iter(held_out)
    for row, case in enumerate(cases):
        if case.patient_id not in patients:
            pictures[row] = next(copies, pictures[row])
    assert counted(Stored(cases, pictures), write(tmp_path, held_out)) == {}


def test_progress_counts_every_file(source, held_out, tmp_path):
    told: list[tuple[int, int]] = []
    pairs = write(tmp_path, part_of(source, held_out=False))
    refuse_copies(source, [(pairs, (1,))], RESOLUTION, **SPLIT, progress=lambda *done: told.append(done))
    total = len(source.pictures) + len(pairs)
    assert told == [(number, total) for number in range(1, total + 1)]
