from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
from scipy import ndimage

from pigbench.data.phantom.anatomy import draw_patient, render
from pigbench.data.phantom.dataset import PHANTOM_VERSION, Phantom
from pigbench.data.phantom.fields import Spectrum, draw_field

DIGEST = """
import hashlib, sys
from pigbench.data.phantom.dataset import Phantom
phantom = Phantom(patients=4)
for index in map(int, sys.argv[1:]):
    image, mask = phantom.read(index, 16)
    print(index, hashlib.sha256(image.tobytes() + mask.tobytes()).hexdigest())
"""


@pytest.fixture(scope="module")
def phantom():
    return Phantom()


@pytest.fixture(scope="module")
def slices(phantom):
    """Every image and mask of the default phantom, rendered for a resolution of 32."""
    return [phantom.read(index, 32) for index in range(len(phantom.cases()))]


def slope(image: np.ndarray, band: tuple[float, float], frames: float) -> float:
    """Exponent of the radially averaged power of an image `frames` wide, between two frequencies in cycles a frame."""
    size = len(image)
    window = np.outer(np.hanning(size), np.hanning(size))
    power = np.abs(np.fft.fft2((image - np.average(image, weights=window)) * window)) ** 2
    frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(size, frames / size)] * 2))
    edges = np.geomspace(*band, 9)
    ring = np.digitize(frequency, edges)
    averages = [(frequency[ring == i].mean(), power[ring == i].mean()) for i in range(1, len(edges))]
    return float(np.polyfit(*np.log(averages).T, 1)[0])


def area_mean(image: np.ndarray, times: int) -> np.ndarray:
    size = len(image) // times
    return image.reshape(size, times, size, times).mean(axis=(1, 3))


def surroundings(mask: np.ndarray, image: np.ndarray) -> np.ndarray:
    """A ring of breast about the mass, as wide as the mass's radius."""
    distance = ndimage.distance_transform_edt(mask == 0)
    return (distance > 3) & (distance < 3 + np.sqrt(mask.sum() / np.pi)) & (image > 0.1)


# --- the dataset


def test_it_has_the_size_that_the_name_promises(phantom):
    cases = phantom.cases()
    assert len({case.patient_id for case in cases}) == 80
    assert 450 <= len(cases) <= 550
    assert len({case.case_id for case in cases}) == len(cases)
    assert phantom.has_patient_ids and cases[0].case_id == "P000-CC-1"


def test_every_patient_has_two_views_of_two_to_four_slices(phantom):
    counts: dict[str, int] = {}
    for case in phantom.cases():
        patient, view, _ = case.case_id.split("-")
        assert patient == case.patient_id
        counts[f"{patient}-{view}"] = counts.get(f"{patient}-{view}", 0) + 1
    assert len(counts) == 2 * 80
    assert set(counts.values()) == {2, 3, 4}


def test_more_patients_leave_the_first_ones_as_they_are():
    few, more = Phantom(patients=3), Phantom(patients=6)
    assert more.cases()[: len(few.cases())] == few.cases()
    assert np.array_equal(few.read(4, 16)[0], more.read(4, 16)[0])


def test_identity_is_what_makes_the_pixels():
    phantom = Phantom(patients=3, seed=5)
    assert phantom.identity() == {"name": "phantom", "version": PHANTOM_VERSION, "seed": 5, "patients": 3}
    others = [Phantom(patients=4, seed=5), Phantom(patients=3, seed=6), phantom.reference(3), phantom.reference(4)]
    assert len({source.fingerprint() for source in [phantom, *others]}) == 5
    json.dumps(phantom.reference(3).identity())


@pytest.mark.parametrize(("resolution", "size"), [(16, 64), (64, 256), (128, 256), (512, 512)])
def test_slices_are_rendered_finer_than_they_are_needed(resolution, size):
    image, mask = Phantom(patients=1).read(0, resolution)
    assert image.shape == mask.shape == (size, size)
    assert image.dtype == np.float32 and mask.dtype == np.uint8
    assert np.isfinite(image).all() and set(np.unique(mask)) == {0, 1}


@pytest.mark.process
def test_a_slice_is_the_same_in_every_process_and_order():
    def digests(order: list[str]) -> list[str]:
        command = [sys.executable, "-c", DIGEST, *order]
        return sorted(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines())

    here = []
    for index in (0, 7, 13):
        image, mask = Phantom(patients=4).read(index, 16)
        here.append(f"{index} {hashlib.sha256(image.tobytes() + mask.tobytes()).hexdigest()}")
    assert digests(["13", "0", "7"]) == digests(["0", "7", "13"]) == sorted(here)


def test_a_changed_picture_needs_a_new_version(phantom):
    """If this fails and the change was meant, raise PHANTOM_VERSION and put the new figures here."""
    image, mask = phantom.read(100, 16)
    assert PHANTOM_VERSION == 1
    assert len(phantom.cases()) == 503
    assert [image.mean(), image.std()] == pytest.approx([0.3974, 0.1994], abs=1e-4)
    assert mask.sum() == pytest.approx(179, abs=1)


# --- fresh patients


def test_reference_has_exactly_as_many_cases_as_asked_for(phantom):
    reference = phantom.reference(4096)
    assert len(reference.cases()) == 4096
    assert phantom.reference(100).cases() == reference.cases()[:100]
    assert reference.reference(10) is None


def test_reference_patients_are_nobody_of_the_dataset(phantom):
    fresh = phantom.reference(300)
    assert not {c.patient_id for c in fresh.cases()} & {c.patient_id for c in phantom.cases()}
    drawn = [draw_patient("phantom", PHANTOM_VERSION, 0, role, 0) for role in ("patient", "reference")]
    assert drawn[0].habit != drawn[1].habit and drawn[0].mass.radius != drawn[1].mass.radius


# --- the mass


def test_every_mask_is_one_piece_inside_the_breast(slices):
    for image, mask in slices:
        assert ndimage.label(mask)[1] == 1
        assert image[mask == 1].min() > 0.1  # air is 0, fat about 0.3


def test_lesion_fraction_is_that_of_the_masks(phantom, slices):
    told = np.array([case.lesion_fraction for case in phantom.cases()])
    found = np.array([mask.mean() for _, mask in slices])
    assert np.abs(told / found - 1).max() < 0.1
    assert np.abs(np.mean(told / found) - 1) < 0.01


def test_masses_are_a_few_per_cent_of_the_frame_in_radius(slices):
    radii = np.sqrt([mask.mean() / np.pi for _, mask in slices])
    assert radii.min() > 0.03 and radii.max() < 0.18
    assert 0.06 < np.median(radii) < 0.1


def test_a_cross_section_is_star_shaped():
    angle, distance = np.linspace(0, 2 * np.pi, 120), np.linspace(1e-3, 2.1, 100)[:, None]
    for index in range(60):
        patient = draw_patient("star", index)
        x, y = (patient.mass.radius * distance * turn for turn in (np.cos(angle), np.sin(angle)))
        for view in patient.views:
            inside = patient.mass.inside(x, y, max(view.heights), view.turn) > 0
            assert inside[0].all() and not inside[-1].any()
            assert (np.diff(inside.astype(int), axis=0) <= 0).all()  # a ray leaves once and never comes back


def test_both_views_cut_the_same_body():
    patient = draw_patient("views", 0)
    cc, mlo = patient.views
    points = np.random.default_rng(0).normal(size=(50, 3)) * patient.mass.radius
    for point in points:
        seen = mlo.turn.T @ point
        first = patient.mass.inside(*np.split(point[:2, None], 2), point[2], cc.turn)
        second = patient.mass.inside(*np.split(seen[:2, None], 2), seen[2], mlo.turn)
        assert first == pytest.approx(second, abs=1e-9)


def test_masses_are_brighter_than_their_surroundings_from_plainly_to_hardly(slices):
    ratios = []
    for image, mask in slices:
        ring = surroundings(mask, image)
        ratios.append((image[mask == 1].mean() - image[ring].mean()) / image[ring].std())
    assert np.mean(np.array(ratios) > 0) > 0.95
    hidden, middle, plain = np.percentile(ratios, [10, 50, 90])
    assert hidden < 1 < middle < 2 < plain


# --- the tissue


def test_a_patient_looks_the_same_at_two_resolutions(phantom):
    for index in (0, 55, 123, 301):
        (coarse, small), (fine, large) = phantom.read(index, 32), phantom.read(index, 512)
        shrunk = area_mean(large.astype(float), 4) >= 0.5
        assert 2 * (shrunk & (small == 1)).sum() / (shrunk.sum() + small.sum()) > 0.95
        breast = area_mean(fine, 4) > 0.1
        assert np.corrcoef(area_mean(fine, 4)[breast], coarse[breast])[0, 1] > 0.95


def test_the_interior_follows_the_patients_power_law(phantom):
    found, meant = [], []
    for index in range(24):
        patient = draw_patient("phantom", PHANTOM_VERSION, 0, "patient", index)
        view = patient.views[0]
        image, _ = render(patient, view, 0, 512)
        left = round(512 * view.outline.reach / 2) - 100
        found.append(slope(image[156:356, left : left + 200], (8, 40), 200 / 512))
        meant.append(-patient.habit.beta)
    assert np.mean(found) == pytest.approx(np.mean(meant), abs=0.4)
    assert np.mean(meant) == pytest.approx(-3, abs=0.3)


@pytest.mark.parametrize("beta", [2.6, 3.0, 3.6])
def test_a_field_has_the_slope_it_was_asked_for(beta):
    fields = [draw_field(np.random.default_rng(seed), 128, Spectrum(beta)) for seed in range(10)]
    assert np.mean([slope(field, (6, 40), 1) for field in fields]) == pytest.approx(-beta, abs=0.15)


def test_a_field_has_unit_variance_and_no_mean():
    fields = np.array([draw_field(np.random.default_rng(seed), 32, Spectrum(3.0, knee=1.2)) for seed in range(300)])
    assert fields.var() == pytest.approx(1, abs=0.1)
    assert fields.mean() == pytest.approx(0, abs=0.05)


def test_a_finer_grid_adds_detail_to_the_same_field():
    coarse, fine = (draw_field(np.random.default_rng(3), size, Spectrum(3.0, 1.2), 0.05) for size in (64, 256))
    assert np.corrcoef(area_mean(fine, 4).ravel(), coarse.ravel())[0, 1] > 0.99


def test_a_field_changes_smoothly_with_height():
    def at(height: float) -> np.ndarray:
        return draw_field(np.random.default_rng(4), 128, Spectrum(3.0, 1.2), height).ravel()

    likeness = [np.corrcoef(at(0), at(height))[0, 1] for height in (0.002, 0.02, 0.05, 0.1)]
    assert likeness[0] > 0.995
    assert likeness == sorted(likeness, reverse=True)


def test_neighbouring_slices_are_alike_and_two_views_are_not(phantom):
    patient = draw_patient("phantom", PHANTOM_VERSION, 0, "patient", 1)
    (first, _), (second, _) = (render(patient, patient.views[0], number, 128) for number in (0, 1))
    assert not np.array_equal(first, second)
    middle = np.s_[32:96, 20:84]
    assert np.corrcoef(first[middle].ravel(), second[middle].ravel())[0, 1] > 0.7
    other, _ = render(patient, patient.views[1], 0, 128)
    assert np.corrcoef(first[middle].ravel(), other[middle].ravel())[0, 1] < 0.5


def test_air_is_dark_and_the_breast_fills_most_of_the_frame(slices):
    for image, _ in slices:
        assert image.min() == 0
        assert image[:, -1].max() < 0.8 and 0.6 < np.mean(image > 0.1) < 0.95
