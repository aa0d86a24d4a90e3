"""The phantom in colour: the same wherever and however large it is rendered, and what it claims to be."""

from __future__ import annotations

import numpy as np
import pytest

from pigbench.data.phantom.colour import PhantomColour
from pigbench.data.phantom.tissue_section import GLAND, NUCLEUS, mask_of, render


@pytest.fixture(scope="module")
def source() -> PhantomColour:
    return PhantomColour(patients=8)


def test_it_is_in_colour_and_has_both_classes(source) -> None:
    image, mask = source.read(0, 32)
    assert image.shape == (128, 128, 3) and image.dtype == np.uint8
    assert mask.shape == (128, 128) and set(np.unique(mask)) == {0, GLAND, NUCLEUS}
    assert len(source.classes) == 2 and source.channels == 3


def test_more_patients_leave_the_first_ones_as_they_are(source) -> None:
    fewer = PhantomColour(patients=3)
    assert [case.case_id for case in fewer.cases()] == [case.case_id for case in source.cases()[: len(fewer)]]
    for index in (0, len(fewer) - 1):
        np.testing.assert_array_equal(fewer.read(index, 32)[0], source.read(index, 32)[0])


def test_reference_patients_are_others(source) -> None:
    fresh = source.reference(5)
    assert len(fresh.cases()) == 5 and fresh.channels == 3
    assert not {case.patient_id for case in fresh.cases()} & {case.patient_id for case in source.cases()}
    assert (fresh.read(0, 16)[0] != source.read(0, 16)[0]).any()


def test_a_finer_rendering_shows_the_same_section(source) -> None:
    section = source._sections[3].section()
    coarse, fine = render(section, 64)[0].astype(float), render(section, 256)[0].astype(float)
    shrunk = fine.reshape(64, 4, 64, 4, 3).mean(axis=(1, 3))
    assert np.corrcoef(coarse.ravel(), shrunk.ravel())[0, 1] > 0.95
    share = [(mask_of(section, size) > 0).mean() for size in (64, 256)]
    assert share[0] == pytest.approx(share[1], rel=0.1)


def test_truth_and_image_show_the_same_mask(source) -> None:
    section = source._sections[2].section()
    np.testing.assert_array_equal(render(section, 128)[1], mask_of(section, 128))
    assert source.read_truth(2).shape == (512, 512)


def test_nuclei_are_dark_and_blue_and_hollows_are_bright(source) -> None:
    """What the stains are for: nuclei take haematoxylin, so they are darkest in red."""
    for index in range(6):
        image, mask = source.read(index, 64)
        nuclei, rest = image[mask == NUCLEUS].mean(axis=0), image[mask == 0].mean(axis=0)
        assert (nuclei < rest).all() and nuclei[2] > nuclei[0]
