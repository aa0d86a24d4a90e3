"""No leak by accident: a TrainView cannot yield a held-out patient, and a foreign seal is refused."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pigbench.contracts import TrainView, seal
from pigbench.data.datasets import open_dataset
from pigbench.data.prepare import Prepared
from pigbench.data.source import CaseInfo
from pigbench.data.splits import make_folds
from pigbench.stages import base, split
from pigbench.stages.fit import load_synthetic
from pigbench.stages.job import Job, StageFailed
from pigbench.stages.sample import Samples
from pigbench.store import Entry


def prepared(directory: Path, patients: list[str]) -> Prepared:
    """A prepared directory whose every pixel says which patient it is of."""
    numbers = np.array([int(patient[1:]) for patient in patients], dtype=np.uint16)
    images = np.broadcast_to(numbers[:, None, None, None], (len(patients), 1, 4, 4))
    np.save(directory / "images.npy", images)
    np.save(directory / "masks.npy", np.ones(images.shape, np.uint8))
    rows = "\n".join(f"c{i},{patient},0.5,4,4,0,4,0,4,," for i, patient in enumerate(patients))
    named = "case_id,patient_id,lesion_fraction,height,width,top,bottom,left,right,mm_down,mm_across"
    (directory / "index.csv").write_text(f"{named}\n{rows}\n")
    return Prepared(directory)


def test_a_view_holds_its_patients_and_nothing_of_the_others(tmp_path: Path) -> None:
    patients = [f"p{i % 10}" for i in range(40)]
    data = prepared(tmp_path, patients)
    cases = [CaseInfo(f"c{i}", patient, 0.1) for i, patient in enumerate(patients)]
    for held_out in make_folds(cases, 5, 0):
        view = data.view(sorted(set(patients) - set(held_out)), "d")
        everything = [value for value in vars(view).values() if isinstance(value, np.ndarray)]
        for array in everything:
            assert array.base is None or not isinstance(array.base, np.memmap)  # nothing to climb back by
        pixels = np.rint((view.pairs(np.arange(len(view))).images + 1) * 65535 / 2).astype(int)
        assert set(np.unique(pixels)) == {int(p[1:]) for p in set(patients) - set(held_out)}
        assert set(view.patients).isdisjoint(held_out)
        with pytest.raises(IndexError):
            view.pairs([len(view)])


@pytest.mark.parametrize("folds", [2, 5, 8])
def test_tuning_patients_are_trained_on_and_tested_on_in_no_fold(folds: int, tmp_path: Path) -> None:
    everyone = {case.patient_id for case in open_dataset("phantom", tmp_path).cases()}
    inner = split_jobs(tmp_path / "tuning", 3, tuning=True)
    tuning = set(inner[0].held_out + inner[0].train_patients)
    assert len(tuning) == len(everyone) // 5
    for job in split_jobs(tmp_path / "run", folds, tuning=False):
        assert tuning.isdisjoint(job.train_patients)
        assert tuning.isdisjoint(job.held_out)
        assert set(job.train_patients) | set(job.held_out) == everyone - tuning


def test_a_subset_is_of_the_folds_training_patients(tmp_path: Path) -> None:
    few = split_jobs(tmp_path / "few", 5, tuning=False, patients=8)
    more = split_jobs(tmp_path / "more", 5, tuning=False, patients=16)
    for eight, sixteen, everyone in zip(few, more, split_jobs(tmp_path / "all", 5, tuning=False), strict=True):
        assert len(eight.train_patients) == 8
        assert set(eight.train_patients) < set(sixteen.train_patients) < set(everyone.train_patients)


def split_jobs(directory: Path, folds: int, *, tuning: bool, patients: int | None = None) -> list[Job]:
    """A later stage's job in each fold of the phantom, of which a fifth is set aside."""
    directory.mkdir()

    def job(spec: Any, **inputs: Entry) -> Job:
        return Job(spec, inputs, "phantom", directory, directory, directory, 60.0, lambda share, text: None)

    spec = split.SplitSpec(dataset="d", folds=folds, seed=0, set_aside=0.2, tuning=tuning)
    split.STAGE.run(job(spec))
    (directory / "manifest.json").write_text(json.dumps({"spec": spec.keyed()}))
    entry = Entry("split", "key", directory)
    return [job(base.FoldSpec(fold=fold, train_patients=patients), split=entry) for fold in range(folds)]


@given(st.sets(st.sampled_from([f"p{i}" for i in range(9)]), min_size=1), st.sampled_from(["a", "b"]))
def test_a_seal_says_which_patients_of_which_dataset(patients: set[str], dataset: str) -> None:
    ordered = sorted(patients)
    assert seal(dataset, ordered) == seal(dataset, ordered[::-1] + ordered)
    assert seal(dataset, ordered) != seal(dataset, [*ordered, "another"])
    assert seal(dataset, ordered) != seal(dataset + "'", ordered)


def synthetic_job(directory: Path, mark: str, empty: int, n: int = 10) -> SimpleNamespace:
    masks = np.ones((n, 1, 4, 4), np.uint8)
    masks[:empty] = 0
    np.save(directory / "images.npy", np.zeros((n, 1, 4, 4), np.uint16))
    np.save(directory / "masks.npy", masks)
    (directory / "chunk.json").write_text(json.dumps({"seal": mark, "clipped_fraction": 0.0}))
    spec = SimpleNamespace(n=n, filtered=False, unsealed=False)
    return SimpleNamespace(spec=spec, results=lambda role: [Samples(directory)])


def test_pairs_made_from_other_patients_are_refused(tmp_path: Path) -> None:
    own = TrainView(np.zeros((2, 1, 4, 4), np.uint16), np.zeros((2, 1, 4, 4), np.uint8), ["a", "b"], "d").seal
    assert len(load_synthetic(synthetic_job(tmp_path, own, 0), own).images) == 10
    foreign = seal("d", ["a", "c"])
    with pytest.raises(StageFailed, match=f"sealed {foreign} met a fold sealed {own}"):
        load_synthetic(synthetic_job(tmp_path, foreign, 0), own)


def test_empty_masks_are_left_out_and_too_many_fail_the_arm(tmp_path: Path) -> None:
    pairs = load_synthetic(synthetic_job(tmp_path, "s", 2), "s")
    assert (len(pairs.images), pairs.empty) == (8, 2)
    with pytest.raises(StageFailed, match=r"3 of 10 generated masks are empty"):
        load_synthetic(synthetic_job(tmp_path, "s", 3), "s")
    half = load_synthetic(synthetic_job(tmp_path, "s", 7), "s", healthy=0.5)  # where half of the real cases are healthy
    assert half.empty == 7
    with pytest.raises(StageFailed, match=r"more than 20%, and 50% of the real ones are"):
        load_synthetic(synthetic_job(tmp_path, "s", 8), "s", healthy=0.5)
