"""Back from the network's grid to the image's: where pixels lie, what ties do, what is outside."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from pigbench.data.geometry import Geometry, scoring_grid, to_image_grid
from pigbench.data.prepare import Prepared, prepare, prepare_rows, shrink_mask
from pigbench.data.source import CaseInfo, Source

WHOLE = Geometry(height=64, width=64, top=0, bottom=64, left=0, right=64)


class Pictures(Source):
    """A few images with what their masks should be; bright where they are not blank."""

    name = "pictures"
    has_patient_ids = True

    def __init__(self, cases: list[tuple[np.ndarray, np.ndarray]], spacing: tuple[float, float] | None = None) -> None:
        self._cases, self._spacing = cases, spacing

    def identity(self) -> dict[str, int]:
        return {"cases": len(self._cases)}

    def cases(self) -> list[CaseInfo]:
        fractions = [float(mask.mean()) for _, mask in self._cases]
        return [CaseInfo(f"c{n}", f"p{n}", each, None, self._spacing) for n, each in enumerate(fractions)]

    def read(self, index: int, resolution: int) -> tuple[np.ndarray, np.ndarray]:
        return self._cases[index]


def framed(height: int, width: int, box: tuple[int, int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A grey area in a black frame, with a lesion in its middle."""
    top, bottom, left, right = box
    image, mask = np.zeros((height, width), np.float32), np.zeros((height, width), np.uint8)
    image[top:bottom, left:right] = 0.5
    rows, columns = (bottom - top) // 4, (right - left) // 4
    inside = slice(top + rows, bottom - rows), slice(left + columns, right - columns)
    image[inside], mask[inside] = 1.0, 1
    return image, mask


@pytest.mark.parametrize("shape", [(64, 64), (48, 64), (65, 40)])
def test_a_mask_that_was_prepared_comes_back_to_where_it_was(shape: tuple[int, int]) -> None:
    height, width = shape
    image, mask = framed(height, width, (3, height - 6, 5, width - 2))
    part = prepare_rows(Pictures([(image, mask)]), [0], 64)
    geometry = Geometry(*part["geometry"][0].tolist())
    back = to_image_grid(part["masks"][0].astype(float), geometry, shape) >= 0.5
    overlap = 2 * (back & (mask == 1)).sum() / (back.sum() + mask.sum())
    assert overlap > 0.95
    centre = [np.argwhere(each).mean(axis=0) for each in (back, mask)]
    assert np.abs(centre[0] - centre[1]).max() < 0.6  # no half a pixel too far to one side


def test_outside_what_was_kept_there_is_nothing() -> None:
    geometry = Geometry(height=40, width=40, top=10, bottom=30, left=5, right=25)
    back = to_image_grid(np.ones((16, 16)), geometry, (40, 40))
    expected = np.zeros((40, 40))
    expected[10:30, 5:25] = 1
    assert (back == expected).all()


def test_it_is_bilinear_as_scipy_has_it() -> None:
    values = np.random.default_rng(0).random((16, 16))
    at = np.clip((np.arange(64) + 0.5) / 4 - 0.5, 0, 15)
    expected = map_coordinates(values, np.meshgrid(at, at, indexing="ij"), order=1, mode="nearest")
    assert np.abs(to_image_grid(values, WHOLE, (64, 64)) - expected).max() < 1e-6


@given(st.integers(1, 80), st.integers(1, 80), st.integers(0, 9), st.integers(0, 9))
def test_an_even_field_stays_even_whatever_the_shape(rows: int, columns: int, above: int, aside: int) -> None:
    geometry = Geometry(rows + above, columns + aside, above, above + rows, aside, aside + columns)
    back = to_image_grid(np.full((8, 8), 0.5), geometry, (rows + above, columns + aside))
    assert (back[above:, aside:] == 0.5).all()


def test_equal_grids_change_nothing() -> None:
    values = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    assert (to_image_grid(values, WHOLE, (64, 64)) == values).all()


def test_large_grids_shrink_to_the_longest_side_and_others_stay() -> None:
    assert scoring_grid((500, 300), 1024) == (500, 300)
    assert scoring_grid((4096, 2048), 1024) == (1024, 512)
    assert scoring_grid((9000, 3), 1024) == (1024, 1)


def test_a_shrunk_mask_keeps_its_area_and_never_vanishes() -> None:
    mask = np.zeros((300, 200), np.uint8)
    mask[60:180, 40:100] = 1
    assert shrink_mask(mask, (75, 50)).mean() == pytest.approx(mask.mean(), rel=0.05)
    speck = np.zeros((300, 200), np.uint8)
    speck[7, 3] = 1
    assert shrink_mask(speck, (30, 20)).sum() == 1


def test_the_index_holds_geometry_and_spacing(tmp_path) -> None:
    cases = [framed(40, 50, (4, 30, 6, 44)), framed(32, 32, (0, 32, 0, 32))]
    prepare(Pictures(cases, spacing=(0.5, 0.8)), 16, tmp_path)
    opened = Prepared(tmp_path)
    blank = Geometry(32, 32, 8, 24, 8, 24)  # its even surroundings
    assert opened.geometry == [Geometry(40, 50, 4, 30, 6, 44), blank]
    assert opened.spacing == [(0.5, 0.8)] * 2
    prepare(Pictures(cases), 16, tmp_path)
    assert Prepared(tmp_path).spacing == [None, None]
