"""Masks packed and unpacked, and what the phantom's are."""

from __future__ import annotations

import numpy as np

from pigbench.data.phantom.anatomy import render
from pigbench.data.phantom.dataset import TRUTH, Phantom
from pigbench.data.truth import FILE, Truth, write


def test_masks_of_every_kind_come_back_as_they_were(tmp_path) -> None:
    stream = np.random.default_rng(0)
    masks = [np.zeros((5, 9), np.uint8), np.ones((3, 3), np.uint8), stream.integers(0, 2, (40, 31)).astype(np.uint8)]
    corner = np.zeros((64, 64), np.uint8)
    corner[63, 0] = 1
    write([*masks, corner], tmp_path)
    opened = Truth(tmp_path)
    assert len(opened) == 4
    for row, mask in enumerate([*masks, corner]):
        assert opened.mask(row).dtype == np.uint8
        assert (opened.mask(row) == (mask == 1)).all()


def test_they_take_little_room(tmp_path) -> None:
    mask = np.zeros((2000, 1500), np.uint8)
    mask[700:900, 600:800] = 1
    write([mask] * 50, tmp_path)
    assert (tmp_path / FILE).stat().st_size < 50 * 200 * 200 / 8


def test_the_phantoms_truth_is_what_it_would_render_at_that_size() -> None:
    source = Phantom(patients=2)
    for row in (0, 5):
        which = source._slices[row]
        assert (source.read_truth(row) == render(which.patient, which.view, which.number, TRUTH)[1]).all()


def test_label_maps_come_back_as_they_were(tmp_path) -> None:
    labels = np.random.default_rng(1).integers(0, 6, (23, 17)).astype(np.uint8)
    speck = np.zeros((9, 9), np.uint8)
    speck[4, 4] = 5
    write([labels, speck], tmp_path, classes=5)
    opened = Truth(tmp_path)
    assert (opened.mask(0) == labels).all() and (opened.mask(1) == speck).all()
