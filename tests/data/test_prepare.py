from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pigbench.contracts import seal, to_unit_range
from pigbench.data.prepare import Prepared, prepare, prepare_case
from pigbench.data.source import CaseInfo, Source


class Made(Source):
    """Random cases, two a patient."""

    name = "made"
    has_patient_ids = True

    def __init__(self, count: int, side: int = 40) -> None:
        self.count, self.side = count, side

    def identity(self):
        return {"count": self.count}

    def cases(self):
        return [CaseInfo(f"c{index}", f"p{index // 2}", 0.1) for index in range(self.count)]

    def read(self, index, resolution):
        stream = np.random.default_rng(index)
        image = stream.integers(0, 60000, (self.side, self.side - 7), dtype=np.uint16)
        return image, (image > 50000).astype(np.uint8)


def overlaps(side: int, resolution: int) -> np.ndarray:
    """(R, side) by definition: the share of each new pixel's interval that each old pixel's covers."""
    weights = np.zeros((resolution, side))
    for new in range(resolution):
        for old in range(side):
            low = max(new / resolution, old / side)
            high = min((new + 1) / resolution, (old + 1) / side)
            weights[new, old] = max(0.0, high - low) * resolution
    return weights


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(height, width)).astype(np.float32)


def in_range(image: np.ndarray) -> np.ndarray:
    low, high = np.percentile(image, (0.5, 99.5))
    return np.clip((image - low) / (high - low) * 2 - 1, -1, 1)


@pytest.mark.parametrize("side, resolution", [(48, 16), (50, 16), (37, 36), (33, 7), (200, 64)])
def test_going_down_averages_over_the_exact_area(side, resolution):
    image, mask = noise(side, side), (noise(side, side, 1) > 0.2).astype(np.uint8)
    small, small_mask = prepare_case(image, mask, resolution)
    weights = overlaps(side, resolution)
    np.testing.assert_allclose(to_unit_range(small), weights @ in_range(image) @ weights.T, atol=3e-5)
    coverage = weights @ mask @ weights.T
    clear = abs(coverage - 0.5) > 1e-6
    np.testing.assert_array_equal(small_mask[clear], (coverage >= 0.5)[clear])
    assert small_mask[~clear].all()


@pytest.mark.parametrize("side, resolution", [(9, 32), (16, 24), (3, 8), (31, 32)])
def test_going_up_interpolates_between_pixel_centres(side, resolution):
    image = noise(side, side)
    image[0], image[-1], image[:, 0], image[:, -1] = 3, 3, 3, 3  # nothing to crop
    large, _ = prepare_case(image, np.zeros((side, side), np.uint8), resolution)
    at = (np.arange(resolution) + 0.5) * side / resolution - 0.5
    rows = np.stack([np.interp(at, np.arange(side), column) for column in in_range(image).T], axis=1)
    both = np.stack([np.interp(at, np.arange(side), row) for row in rows])
    np.testing.assert_allclose(to_unit_range(large), both, atol=3e-5)


def test_the_same_size_is_left_alone():
    image, mask = noise(32, 32), (noise(32, 32, 1) > 1).astype(np.uint8)
    same, same_mask = prepare_case(image, mask, 32)
    np.testing.assert_allclose(to_unit_range(same), in_range(image), atol=3e-5)
    np.testing.assert_array_equal(same_mask, mask)


@settings(max_examples=60, deadline=None)
@given(height=st.integers(2, 70), width=st.integers(2, 70), resolution=st.integers(2, 40), seed=st.integers(0, 99))
def test_no_lesion_vanishes_and_no_empty_mask_gains_one(height, width, resolution, seed):
    stream = np.random.default_rng(seed)
    mask = np.zeros((height, width), np.uint8)
    image = stream.random((height, width))
    assert not prepare_case(image, mask, resolution)[1].any()
    row, column = stream.integers(height), stream.integers(width)
    mask[row, column] = 1
    prepared = prepare_case(image, mask, resolution)
    assert prepared[1].any()
    assert prepared[0].shape == prepared[1].shape == (resolution, resolution)
    assert prepared[0].dtype == np.uint16 and prepared[1].dtype == np.uint8


def test_the_pixel_of_largest_coverage_stands_for_a_tiny_lesion():
    image, mask = noise(64, 64), np.zeros((64, 64), np.uint8)
    mask[7, 7] = mask[8, 8] = mask[9, 8] = 1  # one pixel in the first 8 x 8 block, two in the block below on the right
    assert np.argwhere(prepare_case(image, mask, 8)[1]).tolist() == [[1, 1]]


def test_blank_borders_go_and_nothing_is_stretched():
    image = np.full((100, 140), 10.0)
    image[20:60, 30:50] = 10 + noise(40, 20) ** 2 + 1
    image[5, 5] = 10.001  # within 1 % of the range: still blank
    mask = np.zeros((100, 140), np.uint8)
    mask[30:40, 35:45] = 1
    prepared, lesion = prepare_case(image, mask, 40)
    assert (prepared[:, :10] == 0).all() and (prepared[:, 30:] == 0).all()  # padded, centred, with the minimum
    np.testing.assert_allclose(to_unit_range(prepared[:, 10:30]), in_range(image[20:60, 30:50]), atol=3e-5)
    assert np.argwhere(lesion).min(axis=0).tolist() == [10, 15] and lesion.sum() == 100


def test_cropping_stops_at_the_mask():
    image = np.zeros((60, 60))
    image[20:40, 20:40] = noise(20, 20) ** 2 + 1
    mask = np.zeros((60, 60), np.uint8)
    mask[2, 30] = 1
    assert prepare_case(image, mask, 38)[1].sum() == 1


@pytest.mark.parametrize("scale", [1, 1000, 1e-3])
def test_intensities_do_not_depend_on_the_files_scale(scale):
    image, mask = noise(48, 40), np.zeros((48, 40), np.uint8)
    expected = prepare_case(image, mask, 16)[0].astype(int)
    scaled = prepare_case(image * np.float32(scale) + 5 * scale, mask, 16)[0].astype(int)
    assert abs(scaled - expected).max() <= 4


def test_a_few_bright_pixels_do_not_divide_by_zero():
    image = np.zeros((100, 100))
    image[0, 0] = image[99, 99] = 1
    prepared, _ = prepare_case(image, np.zeros((100, 100), np.uint8), 100)
    assert prepared[0, 0] == 65535 and prepared[50, 50] == 0


def test_a_plain_square_on_black_is_white_and_a_constant_image_is_refused():
    image, mask = np.zeros((50, 50), np.uint8), np.zeros((50, 50), np.uint8)
    image[20:30, 20:30] = 9
    assert (prepare_case(image, mask, 8)[0] == 65535).all()
    with pytest.raises(ValueError, match="constant"):
        prepare_case(mask, mask, 8)


def test_16_bit_depth_survives():
    image = np.arange(1000, 1000 + 64 * 64, dtype=np.uint16).reshape(64, 64)
    prepared, _ = prepare_case(image, np.zeros((64, 64), np.uint8), 64)
    assert len(np.unique(prepared)) > 4000


def test_prepared_arrays_and_index(tmp_path):
    source = Made(6)
    prepare(source, 16, tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["images.npy", "index.csv", "masks.npy"]
    opened = Prepared(tmp_path)
    assert opened.images.shape == opened.masks.shape == (6, 1, 16, 16)
    assert opened.images.dtype == np.uint16 and opened.masks.dtype == np.uint8
    assert not opened.images.flags.writeable
    assert opened.case_ids == [f"c{index}" for index in range(6)]
    for index in range(6):
        image, mask = prepare_case(*source.read(index, 16), 16)
        np.testing.assert_array_equal(opened.images[index, 0], image)
        np.testing.assert_array_equal(opened.masks[index, 0], mask)


def test_a_view_holds_its_patients_and_nobody_else(tmp_path):
    prepare(Made(8), 16, tmp_path)
    opened = Prepared(tmp_path)
    assert opened.rows(["p3", "p1"]).tolist() == [2, 3, 6, 7]
    view = opened.view(["p3", "p1"], "key")
    assert view.patients == ("p1", "p1", "p3", "p3")
    assert view.seal == seal("key", ["p1", "p3"])
    np.testing.assert_array_equal(view.masks, opened.masks[[2, 3, 6, 7]])
    assert not np.shares_memory(view.masks, opened.masks)
    with pytest.raises(ValueError, match="p9"):
        opened.view(["p1", "p9"], "key")


def test_preparing_is_a_pure_function(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        prepare(Made(4), 24, tmp_path / name)
    for file in ("images.npy", "masks.npy", "index.csv"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


MEASURE = """
import resource, sys, tempfile
from pathlib import Path
import numpy as np
from pigbench.data.prepare import prepare
from pigbench.data.source import CaseInfo, Source

class Many(Source):
    name, has_patient_ids = "many", True
    def identity(self): return {}
    def cases(self): return [CaseInfo(str(i), str(i), 0.0) for i in range(int(sys.argv[1]))]
    def read(self, index, resolution):
        return np.arange(300 * 300, dtype=np.uint16).reshape(300, 300), np.zeros((300, 300), np.uint8)

with tempfile.TemporaryDirectory() as directory:
    prepare(Many(), 256, Path(directory))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is counted in other units elsewhere")
def test_memory_does_not_grow_with_the_cases():
    few, many = (
        int(subprocess.run([sys.executable, "-c", MEASURE, count], capture_output=True, text=True, check=True).stdout)
        for count in ("4", "300")  # 300 cases are 56 MiB of arrays
    )
    assert many - few < 15 * 1024, f"{few} KiB for 4 cases, {many} KiB for 300"


def test_colour_keeps_its_whole_range_all_channels_alike():
    image = np.zeros((8, 8, 3), np.uint8)
    image[..., 0], image[2:6, 2:6, 1], image[4, 4, 2] = 100, 255, 30
    prepared, _ = prepare_case(image, np.zeros((8, 8), np.uint8), 8)
    assert prepared.shape == (8, 8, 3)
    np.testing.assert_allclose(prepared / 65535, image / 255, atol=1e-4)


def test_a_speck_does_not_take_another_classs_only_pixel():
    mask = np.zeros((8, 8), np.uint8)
    mask[:2, :2] = np.array([[1, 1], [1, 2]])
    small = prepare_case(np.arange(64).reshape(8, 8), mask, 4)[1]
    assert small[0, 0] == 1 and 2 not in small  # nowhere else does class 2 cover anything


def test_a_pixel_goes_to_the_class_that_covers_most_of_it_and_no_class_vanishes():
    mask = np.zeros((16, 16), np.uint8)
    mask[:4, :4] = np.array([[1, 1, 2, 2]] * 4)  # half and half: the first
    mask[8:12, :4] = np.array([[2, 2, 2, 1]] * 4)
    mask[8:12, 8] = 1  # a quarter
    mask[13, 13] = 3  # a speck
    image = np.linspace(0, 1, 256).reshape(16, 16)
    assert prepare_case(image, mask, 4)[1].tolist() == [[1, 0, 0, 0], [0] * 4, [2, 0, 0, 0], [0, 0, 0, 3]]
