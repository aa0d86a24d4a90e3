from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pigbench.errors import PigbenchError
from pigbench.metrics import fidelity as module
from pigbench.metrics.fidelity import distance, fidelity, nearest_distance, real_statistics


def whitened(seed: int, count: int, dimension: int) -> np.ndarray:
    """Features whose sample mean is exactly 0 and whose sample covariance is exactly the identity."""
    raw = np.random.default_rng(seed).normal(size=(count, dimension))
    raw -= raw.mean(axis=0)
    return raw @ np.linalg.inv(np.linalg.cholesky(np.cov(raw, rowvar=False))).T


def unbiased_mmd2(x: np.ndarray, y: np.ndarray) -> float:
    """Eq. 4 of Bińkowski et al. with k(a, b) = (a·b / D + 1)^3, term by term."""

    def kernel(a, b):
        return (float(a @ b) / len(a) + 1) ** 3

    m, n = len(x), len(y)
    within_x = sum(kernel(x[i], x[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    within_y = sum(kernel(y[i], y[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    return within_x + within_y - 2 * sum(kernel(a, b) for a in x for b in y) / (m * n)


def draws(seed: int, count: int, dimension: int = 8, shift: float = 0.0) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=(count, dimension)) + shift).astype(np.float32)


@given(shift=st.lists(st.floats(-5, 5), min_size=4, max_size=4))
@settings(max_examples=20, deadline=None)
def test_equal_covariances_leave_the_squared_distance_of_the_means(shift):
    base = whitened(0, 50, 4) @ np.random.default_rng(1).normal(size=(4, 4))
    assert distance(base + np.array(shift), base, 0).fid == pytest.approx(np.square(shift).sum(), abs=1e-6)


@given(a=st.lists(st.floats(0.1, 5), min_size=4, max_size=4), b=st.lists(st.floats(0.1, 5), min_size=4, max_size=4))
@settings(max_examples=20, deadline=None)
def test_diagonal_covariances_have_their_closed_form(a, b):
    found = distance(whitened(2, 60, 4) * np.array(a) + 1, whitened(3, 60, 4) * np.array(b), 0).fid
    assert found == pytest.approx(4 + np.square(np.subtract(a, b)).sum(), rel=1e-6)


def test_equal_sets_are_at_distance_zero_even_with_fewer_images_than_dimensions():
    features = draws(0, 20, dimension=64)
    found = distance(features, features.copy(), 0)
    assert 0 <= found.fid < 1e-4
    assert found.kid <= 0  # the unbiased estimate leaves out the equal pairs only within a set


def test_fid_and_kid_do_not_depend_on_which_set_comes_first():
    a, b = draws(0, 40), draws(1, 40, shift=0.5)
    there, back = distance(a, b, 0), distance(b, a, 0)
    assert (there.fid, there.kid) == pytest.approx((back.fid, back.kid))


def test_kid_equals_the_estimator_written_out():
    a, b = draws(0, 30, 5), draws(1, 30, 5, shift=0.3)
    found = distance(a, b, 0)
    assert found.kid == pytest.approx(unbiased_mmd2(a.astype(np.float64), b.astype(np.float64)), rel=1e-9)
    assert found.kid_sd is None


def test_kid_is_unbiased_around_zero_where_fid_is_not():
    found = [distance(draws(2 * i, 20), draws(2 * i + 1, 20), 0) for i in range(300)]
    kid = np.array([each.kid for each in found])
    assert abs(kid.mean()) < 3 * kid.std() / np.sqrt(len(kid))
    assert (kid < 0).any()
    assert min(each.fid for each in found) > 0.1


def test_kid_of_many_images_is_the_mean_over_seeded_subsets(monkeypatch):
    a, b = draws(0, 60), draws(1, 60, shift=0.3)
    whole = distance(a, b, 0)
    monkeypatch.setattr(module, "KID_SUBSET_SIZE", 40)
    parts = distance(a, b, 0)
    assert parts.fid == whole.fid
    assert parts.kid_sd > 0
    assert parts.kid == pytest.approx(whole.kid, abs=4 * parts.kid_sd / np.sqrt(100) + 0.2 * parts.kid_sd)
    assert distance(a, b, 0) == parts
    assert distance(a, b, 1).kid != parts.kid


def test_fid_equals_torch_fidelitys_own_way_from_images_to_number():
    """Through `calculate_metrics` and its registered extractor, against `features` and `fidelity` here."""
    from torch_fidelity import calculate_metrics

    from pigbench.metrics.extractors import EXTRACTORS, features, find_weights, load_extractor

    class Grey(torch.utils.data.Dataset):
        def __init__(self, images):
            self.images = torch.from_numpy(np.rint((images + 1) * 127.5).astype(np.uint8)).repeat(1, 3, 1, 1)

        def __len__(self):
            return len(self.images)

        def __getitem__(self, index):
            return self.images[index]

    rng = np.random.default_rng(0)
    generated, real = (rng.uniform(-1, high, (12, 1, 16, 16)).astype(np.float32) for high in (0.5, 1))
    load_extractor("efficientnet-lite0")  # registers it
    theirs = calculate_metrics(
        input1=Grey(generated), input2=Grey(real), feature_extractor=EXTRACTORS["efficientnet-lite0"].registered,
        feature_extractor_weights_path=str(find_weights("efficientnet-lite0")),
        fid=True, kid=True, kid_subset_size=12, kid_subsets=1, cuda=False, cache=False, verbose=False, batch_size=12,
        save_cpu_ram=True,
    )  # fmt: skip
    ours = distance(features(generated, "efficientnet-lite0"), features(real, "efficientnet-lite0"), 0)
    assert ours.fid == pytest.approx(theirs["frechet_inception_distance"], rel=1e-3)
    assert ours.kid == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-3)


def test_m_is_the_smaller_of_generated_and_reference_and_the_floor_takes_what_training_has():
    found = fidelity(draws(0, 50), draws(1, 40), draws(2, 30), draws(3, 10), seed=0)
    assert (found.n, found.n_reference, found.m, found.floor_m) == (50, 40, 40, 30)
    found = fidelity(draws(0, 20), draws(1, 40), draws(2, 30), draws(3, 10), seed=0)
    assert (found.n, found.n_reference, found.m, found.floor_m) == (20, 40, 20, 20)


def test_surplus_generated_images_change_the_copying_column_only():
    generated, real = draws(0, 60), (draws(1, 40), draws(2, 30), draws(3, 10))
    surplus, exact = fidelity(generated, *real, seed=0), fidelity(generated[:40], *real, seed=0)
    assert (surplus.fid, surplus.kid, surplus.fid_floor) == (exact.fid, exact.kid, exact.fid_floor)


def test_a_surplus_of_real_images_is_cut_at_random_by_the_seed():
    sets = draws(0, 20), draws(1, 200), draws(2, 30), draws(3, 10)
    first = fidelity(*sets, seed=0)
    assert fidelity(*sets, seed=0) == first
    assert fidelity(*sets, seed=1).fid != first.fid
    cut = {tuple(row) for row in module._random_subset(sets[1], 20, 0, "reference")}
    assert cut < {tuple(row) for row in module._random_subset(sets[1], 50, 0, "reference")}
    assert cut != {tuple(row) for row in sets[1][:20]}


def test_fid_is_flagged_below_twice_the_dimension():
    real = draws(1, 40), draws(2, 30), draws(3, 10)
    assert fidelity(draws(0, 15), *real, seed=0).fid_biased
    assert not fidelity(draws(0, 16), *real, seed=0).fid_biased


def test_the_floor_is_lower_than_a_worse_generator():
    found = fidelity(draws(0, 200, shift=1), draws(1, 200), draws(2, 200), draws(3, 50), seed=0)
    assert found.fid_floor < 1 < 7 < found.fid
    assert abs(found.kid_floor) < 0.1 < found.kid


def test_statistics_of_the_real_sets_can_be_passed_in():
    sets = draws(0, 20), draws(1, 40), draws(2, 30), draws(3, 10)
    real = real_statistics(*sets[1:], m=20, seed=0)
    assert fidelity(*sets, seed=0, real=real) == fidelity(*sets, seed=0)
    with pytest.raises(ValueError, match="at 20 images, wanted at 10"):
        fidelity(sets[0][:10], *sets[1:], seed=0, real=real)


def test_copying_is_zero_for_copies_and_one_for_new_draws():
    training, heldout = draws(0, 300, 64), draws(1, 300, 64)
    copies = training[np.random.default_rng(2).integers(300, size=100)]
    near = copies + np.float32(0.1) * draws(3, 100, 64)
    found = {
        name: fidelity(generated, heldout, training, heldout, seed=0).copying
        for name, generated in {"copies": copies, "near": near, "new": draws(4, 100, 64)}.items()
    }
    assert found["copies"] == 0
    assert 0.05 < found["near"] < 0.2
    assert found["new"] == pytest.approx(1, abs=0.05)


def test_copying_has_no_scale_where_held_out_images_are_training_images():
    training = draws(0, 30)
    assert fidelity(draws(1, 20), draws(2, 20), training, training[:10], seed=0).copying is None


def test_the_nearest_distance_is_the_brute_force_median():
    a, b = draws(0, 11), draws(1, 17)
    expected = np.median([min(np.linalg.norm(x - y) for y in b) for x in a])
    assert nearest_distance(a, b) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", ["generated", "reference", "training", "heldout"])
def test_one_image_and_features_that_are_not_finite_are_refused_by_name(name):
    sets = {each: draws(i, 10) for i, each in enumerate(("generated", "reference", "training", "heldout"))}
    with pytest.raises(PigbenchError, match=f"at least 2 {name} images, got 1"):
        fidelity(**{**sets, name: sets[name][:1]}, seed=0)
    for bad in (np.nan, np.inf):
        spoilt = sets[name].copy()
        spoilt[3, 2] = bad
        with pytest.raises(PigbenchError, match=f"1 features of the {name} images are not finite"):
            fidelity(**{**sets, name: spoilt}, seed=0)


def test_features_of_two_extractors_do_not_mix():
    with pytest.raises(ValueError, match="features of shapes"):
        fidelity(draws(0, 10, 4), draws(1, 10, 8), draws(2, 10, 8), draws(3, 10, 8), seed=0)


def test_no_global_random_state_is_touched(monkeypatch):
    monkeypatch.setattr(module, "KID_SUBSET_SIZE", 10)
    before = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()
    fidelity(draws(0, 20), draws(1, 40), draws(2, 30), draws(3, 10), seed=0)
    assert random.getstate() == before[0]
    assert (np.random.get_state()[1] == before[1]).all()
    assert torch.equal(torch.get_rng_state(), before[2])


@pytest.mark.parametrize("sizes", [(50, 40, 30, 10), (20, 200, 30, 10), (20, 40, 10, 10)])
@pytest.mark.parametrize("subset", [1000, 12])
def test_the_metrics_of_their_own_files_give_the_same_to_the_last_digit(sizes, subset, monkeypatch):
    from pigbench import metrics
    from pigbench.contracts import Sets
    from pigbench.metrics import kid
    from pigbench.metrics.comparing import compare_sets, known_and_floors

    monkeypatch.setattr(module, "KID_SUBSET_SIZE", subset)
    monkeypatch.setattr(kid, "SUBSET_SIZE", subset)
    drawn = [draws(seed, size, shift=0.1 * seed) for seed, size in enumerate(sizes)]
    generated, reference, training, heldout = drawn
    old = fidelity(*drawn, seed=5)
    sets = Sets(generated, reference, training, training[:, ::-1].copy(), heldout, min(sizes[:2]), seed=5)
    both = {name: metrics.find(name) for name in ("kid", "fid")}
    real = known_and_floors(both, sets)
    assert (real.floor_m, real.floors) == (old.floor_m, {"kid": old.kid_floor, "fid": old.fid_floor})
    found = compare_sets(both, sets, real)
    assert found.values == {"kid": old.kid, "fid": old.fid}
    assert found.biased == ["fid"] * old.fid_biased
