from __future__ import annotations

import random
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pigbench.data.source import CaseInfo
from pigbench.data.splits import INNER, make_folds, part, set_aside, subset
from pigbench.errors import PigbenchError


def cases(sizes: list[int], seed: int = 0) -> list[CaseInfo]:
    """sizes[i] cases of patient i."""
    stream = np.random.default_rng(seed)
    return [
        CaseInfo(f"{patient:03}-{index}", f"p{patient:03}", float(stream.random() ** 3))
        for patient, size in enumerate(sizes)
        for index in range(size)
    ]


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.sampled_from([1, 1, 2, 7, 300]), min_size=2, max_size=40),
    folds=st.integers(2, 8),
    seed=st.integers(0, 5),
)
def test_folds_are_disjoint_not_empty_and_cover_every_patient(sizes, folds, seed):
    folds = min(folds, len(sizes))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        held_out = make_folds(cases(sizes, seed), folds, seed)
    assert len(held_out) == folds and all(held_out)
    everyone = [patient for fold in held_out for patient in fold]
    assert sorted(everyone) == [f"p{patient:03}" for patient in range(len(sizes))]


def test_the_order_of_the_cases_does_not_matter_and_the_seed_does():
    known = cases([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8])
    shuffled = known.copy()
    random.Random(0).shuffle(shuffled)
    assert make_folds(shuffled, 4, 7) == make_folds(known, 4, 7)
    assert make_folds(known, 4, 8) != make_folds(known, 4, 7)


def test_lesion_sizes_and_cases_are_spread_evenly():
    known = [
        CaseInfo(f"{patient}-{index}", f"p{patient:03}", 0.001 * 2 ** (patient % 10))
        for patient in range(100)
        for index in range(4)
    ]
    size = {case.patient_id: case.lesion_fraction for case in known}
    folds = make_folds(known, 5, 0)
    assert [len(fold) for fold in folds] == [20] * 5
    means = [np.mean([size[patient] for patient in fold]) for fold in folds]
    by_chance = [
        np.std([np.mean(part) for part in np.split(np.random.default_rng(seed).permutation(list(size.values())), 5)])
        for seed in range(50)
    ]
    assert np.std(means) < 0.5 * np.median(by_chance)


def test_too_few_patients_names_both_numbers():
    with pytest.raises(PigbenchError, match="3 patients for 5 folds: choose --folds 3 or fewer"):
        make_folds(cases([4, 4, 4]), 5, 0)
    with pytest.raises(PigbenchError, match="1 patient for 2 folds"):
        make_folds(cases([9]), 2, 0)
    with pytest.raises(PigbenchError, match="--folds 1"):
        make_folds(cases([1, 1]), 1, 0)
    assert sorted(make_folds(cases([2, 2, 2]), 3, 0)) == [["p000"], ["p001"], ["p002"]]


@settings(max_examples=40, deadline=None)
@given(
    patients=st.integers(16, 60),
    share=st.sampled_from([0.2, 0.5, 0.75]),
    folds=st.integers(2, 4),
    seed=st.integers(0, 5),
)
def test_tuning_patients_are_in_no_fold_whatever_their_number(patients, share, folds, seed):
    known = cases([1 + patient % 3 for patient in range(patients)], seed)
    try:
        aside = set_aside(known, share, seed)
    except PigbenchError:
        assert round(share * patients) < 2 * INNER
        return
    rest = part(known, share, seed, tuning=False)
    held_out = [patient for fold in make_folds(rest, folds, seed) for patient in fold]
    assert len(aside) == round(share * patients)
    assert aside.isdisjoint(held_out)
    assert aside | set(held_out) == {case.patient_id for case in known}
    inner = make_folds(part(known, share, seed, tuning=True), INNER, seed)
    assert sorted(patient for fold in inner for patient in fold) == sorted(aside)


def test_who_is_set_aside_depends_on_the_seed_and_not_on_the_order():
    known = cases([2] * 40)
    shuffled = known.copy()
    random.Random(0).shuffle(shuffled)
    assert set_aside(shuffled, 0.2, 0) == set_aside(known, 0.2, 0)
    assert set_aside(known, 0.2, 1) != set_aside(known, 0.2, 0)


def test_tuning_patients_have_lesions_of_every_size():
    known = [CaseInfo(str(patient), f"p{patient:03}", patient / 100) for patient in range(100)]
    size = {case.patient_id: case.lesion_fraction for case in known}
    means = [np.mean([size[patient] for patient in set_aside(known, 0.2, seed)]) for seed in range(20)]
    assert np.std(means) < 0.02  # 0.06 by chance alone
    assert abs(np.mean(means) - np.mean(list(size.values()))) < 0.02


def test_too_few_to_tune_on_says_how_many_and_the_way_out():
    with pytest.raises(PigbenchError, match=r"--set-aside 0.2: 4 of 20 patients, and 3 inner folds need 6: .*0\.3 or"):
        set_aside(cases([1] * 20), 0.2, 0)
    assert len(set_aside(cases([1] * 20), 0.3, 0)) == 6
    with pytest.raises(PigbenchError, match="add patients"):
        set_aside(cases([1] * 5), 0.9, 0)


@given(count=st.integers(1, 40), seed=st.integers(0, 5), fold=st.integers(0, 4), mixed=st.randoms())
def test_subsets_are_nested_and_depend_on_no_order(count, seed, fold, mixed):
    patients = [f"p{number:03}" for number in range(40)]
    chosen = subset(patients, count, seed, fold)
    assert len(chosen) == len(set(chosen)) == count and chosen == sorted(chosen)
    assert set(chosen) <= set(subset(patients, min(count + 1, 40), seed, fold))
    mixed.shuffle(patients)
    assert subset(patients, count, seed, fold) == chosen
    assert subset(patients, None, seed, fold) == subset(patients, 40, seed, fold) == sorted(patients)


def test_a_subset_is_another_in_each_fold_and_with_each_seed():
    patients = [f"p{number:03}" for number in range(40)]
    chosen = {tuple(subset(patients, 8, seed, fold)) for seed in range(3) for fold in range(3)}
    assert len(chosen) == 9
