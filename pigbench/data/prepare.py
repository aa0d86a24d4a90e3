"""A dataset's cases at one resolution, as memory-mapped arrays beside an index table; written once, never changed.

images.npy  (N, C, R, R) uint16, 0..65535 for [-1, 1]
masks.npy   (N, 1, R, R) uint8, label maps, 0 background, 1..K
index.csv   in the order of the arrays: case_id, patient_id, lesion_fraction; where the square lies in the image as it
            was read (`data.geometry`); and mm a pixel of that image, down and across, where the source knows them
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from pigbench.contracts import TrainView, to_stored
from pigbench.contracts.arrays import channels_first, window
from pigbench.data.geometry import Geometry, interpolation
from pigbench.data.source import CaseInfo, Source

if TYPE_CHECKING:
    from scipy.sparse import csr_array

BLANK = 0.01  # share of the image's range above its minimum that still counts as blank
PERCENTILES = (0.5, 99.5)
COVERAGE = 0.5
ROUNDING = 1e-6  # coverages are sums of products: exactly half may come out just below

_GEOMETRY = ("height", "width", "top", "bottom", "left", "right")
_SPACING = ("mm_down", "mm_across")
_INDEX = ("case_id", "patient_id", "lesion_fraction", *_GEOMETRY, *_SPACING)


def prepare(source: Source, resolution: int, directory: Path) -> None:
    """Write every case of `source` at `resolution` into `directory`, one case in memory at a time."""
    cases = source.cases()
    parts = (prepare_rows(source, [row], resolution) for row in range(len(cases)))
    write(cases, parts, (source.channels, resolution, resolution), directory)


def write(
    cases: list[CaseInfo], parts: Iterable[dict[str, np.ndarray]], shape: tuple[int, int, int], directory: Path
) -> None:
    """Write the prepared set of these cases, whose images are (C, R, R) = `shape`; `parts` are successive ones of them,
    as `prepare_rows` gives them.

    The arrays are streamed to their files rather than mapped: mapped pages would count as this process's memory, and a
    full disk would kill it instead of raising OSError.
    """
    geometry: list[list[int]] = []
    with (directory / "images.npy").open("wb") as images, (directory / "masks.npy").open("wb") as masks:
        _write_header(images, (len(cases), *shape), np.dtype("<u2"))
        _write_header(masks, (len(cases), 1, *shape[1:]), np.dtype("u1"))
        for part in parts:
            images.write(part["images"].astype("<u2", copy=False).tobytes())
            masks.write(part["masks"].tobytes())
            geometry += part["geometry"].tolist()
    _write_index(directory / "index.csv", cases, geometry)


def prepare_rows(source: Source, rows: Sequence[int], resolution: int) -> dict[str, np.ndarray]:
    """These rows of `source.cases()`: images (n, C, R, R) uint16 and masks (n, R, R) uint8, see `prepare_case`, and the
    `Geometry` of each as (n, 6) numbers."""
    images, masks, geometries = zip(*(_prepare(*source.read(row, resolution), resolution) for row in rows), strict=True)
    geometry = np.array([each.as_row() for each in geometries])
    return {"images": np.stack([*map(channels_first, images)]), "masks": np.stack(masks), "geometry": geometry}


def prepare_case(image: np.ndarray, mask: np.ndarray, resolution: int) -> tuple[np.ndarray, np.ndarray]:
    """One case as networks see it: image (R, R) or (R, R, 3) uint16 as `contracts.to_stored` has it, mask (R, R) uint8.

    image: grey (h, w), any real type and scale, or colour (h, w, 3), uint8 or uint16. mask: a label map (h, w). Blank
    borders are cropped. Of grey the 0.5 and 99.5 percentiles become -1 and 1; colour keeps its whole range, all
    channels alike. It is padded to a square, so nothing is ever stretched. A pixel of the mask is set where classes
    cover at least half of it, to the one that covers most; the pixel that a class covers most is always set to one.
    Raises ValueError for a constant image.
    """
    image, mask, _ = _prepare(image, mask, resolution)
    return image, mask


def _prepare(image: np.ndarray, mask: np.ndarray, resolution: int) -> tuple[np.ndarray, np.ndarray, Geometry]:
    lowest, highest = float(image.min()), float(image.max())
    if lowest == highest:
        raise ValueError("a constant image cannot be prepared")
    rows, columns = inside = _not_blank(image, mask)
    geometry = Geometry(image.shape[0], image.shape[1], rows.start, rows.stop, columns.start, columns.stop)
    image, mask = image[inside], mask[inside]
    low, high = _window(image, lowest, highest)

    def squared(plane: np.ndarray) -> np.ndarray:
        return _resample_image(_pad(_rescale(plane, low, high), -1.0), resolution)

    grey = image.ndim == 2
    square = squared(image) if grey else np.stack([squared(image[..., c]) for c in range(image.shape[-1])], axis=-1)
    return to_stored(square), _resample_mask(_pad(mask, 0), resolution), geometry


def _window(image: np.ndarray, lowest: float, highest: float) -> tuple[float, float]:
    """The intensities that become -1 and 1. A window per image would change a colour's hue."""
    if image.ndim == 3:
        return 0.0, float(np.iinfo(image.dtype).max)
    low, high = (float(value) for value in np.percentile(image, PERCENTILES))
    return (low, high) if low != high else (lowest, highest)  # an image of plain areas


class Prepared:
    """A directory that `prepare` wrote, opened.

    images, masks: the arrays, memory-mapped, read-only. case_ids, patients: of every row. geometry: where each lies in
    its image. spacing: mm a pixel of that image, down and across; None where the source does not know.
    """

    def __init__(self, directory: Path) -> None:
        self.images: np.ndarray = np.load(directory / "images.npy", mmap_mode="r")
        self.masks: np.ndarray = np.load(directory / "masks.npy", mmap_mode="r")
        with (directory / "index.csv").open(encoding="utf-8", newline="") as table:
            index = list(csv.DictReader(table))
        self.case_ids = [row["case_id"] for row in index]
        self.patients = [row["patient_id"] for row in index]
        self.geometry = [Geometry(*(int(row[name]) for name in _GEOMETRY)) for row in index]
        self.spacing = [_spacing_of(row) for row in index]

    def rows(self, patients: Collection[str]) -> np.ndarray:
        """The rows of these patients' cases, ascending. Raises ValueError for a patient who has none."""
        wanted = set(patients)
        if unknown := wanted - set(self.patients):
            raise ValueError(f"no cases of {len(unknown)} patients, such as {min(unknown)}")
        return np.array([row for row, patient in enumerate(self.patients) if patient in wanted], dtype=np.intp)

    def view(self, patients: Collection[str], dataset_key: str) -> TrainView:
        """A copy of these patients' cases and of nobody else's, sealed for the dataset of that key."""
        rows = self.rows(patients)
        return TrainView(self.images[rows], self.masks[rows], [self.patients[row] for row in rows], dataset_key)


def crop(image: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An image (h, w) that is not constant and its mask without blank border rows and columns, but whole masks."""
    inside = _not_blank(image, mask)
    return image[inside], mask[inside]


def _not_blank(image: np.ndarray, mask: np.ndarray) -> tuple[slice, slice]:
    """The rows and columns within the blank borders."""
    lowest, highest = float(image.min()), float(image.max())
    bright = image > lowest + BLANK * (highest - lowest)
    return window((bright.any(axis=-1) if image.ndim == 3 else bright) | (mask != 0))


def _rescale(image: np.ndarray, low: float, high: float) -> np.ndarray:
    """`low`..`high` as float32 -1..1, what lies beyond clipped."""
    scaled = (image.astype(np.float32) - np.float32(low)) * np.float32(2 / (high - low)) - 1
    return np.clip(scaled, -1, 1)


def _pad(pixels: np.ndarray, value: float) -> np.ndarray:
    """Centred on a square of `value`; an odd pixel goes to the bottom or right."""
    side = max(pixels.shape)
    before = [(side - length) // 2 for length in pixels.shape]
    square = np.full((side, side), value, pixels.dtype)
    square[before[0] : before[0] + pixels.shape[0], before[1] : before[1] + pixels.shape[1]] = pixels
    return square


def _resample_image(image: np.ndarray, resolution: int) -> np.ndarray:
    """Averaged over each new pixel's area going down, bilinear going up."""
    side = len(image)
    if side == resolution:
        return image
    return _apply(_area(side, resolution) if side > resolution else _bilinear(side, resolution), image)


def _resample_mask(mask: np.ndarray, resolution: int) -> np.ndarray:
    return mask if len(mask) == resolution else shrink_mask(mask, (resolution, resolution))


def shrink_mask(mask: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """A label map (h, w) on a coarser grid, uint8, by the rule of `prepare_case`."""
    down, across = _area(mask.shape[0], grid[0]), _area(mask.shape[1], grid[1])
    covered = {label: _coverage(mask == label, down, across) for label in range(1, int(mask.max()) + 1)}
    shrunk, most, total = np.zeros(grid, np.uint8), np.zeros(grid), np.zeros(grid)
    for label, coverage in covered.items():
        shrunk[coverage.round(6) > most] = label
        most = np.maximum(most, coverage.round(6))
        total += coverage
    shrunk[total < COVERAGE - ROUNDING] = 0
    for label, coverage in covered.items():
        if coverage.any() and not (shrunk == label).any():
            _place(shrunk, label, coverage.round(6))
    return shrunk


def _place(labels: np.ndarray, label: int, coverage: np.ndarray) -> None:
    """Set the pixel that a class covers most, or the next one where that is another class's only pixel."""
    for place in np.argsort(-coverage, axis=None, kind="stable")[: np.count_nonzero(coverage)]:
        if not labels.flat[place] or np.count_nonzero(labels == labels.flat[place]) > 1:
            labels.flat[place] = label
            return


def _coverage(mask: np.ndarray, down: csr_array, across: csr_array) -> np.ndarray:
    """The share of each new pixel that is set; only where the mask is set is there anything to add up."""
    if not mask.any():
        return np.zeros((down.shape[0], across.shape[0]))
    rows, columns = window(mask)
    part = down[:, rows] @ mask[rows, columns].astype(np.float64)
    return (across[:, columns] @ part.T).T


def _apply(weights: csr_array, pixels: np.ndarray) -> np.ndarray:
    """The weights along both axes."""
    return (weights @ (weights @ pixels.astype(np.float64)).T).T


@lru_cache(maxsize=64)
def _area(side: int, resolution: int) -> csr_array:
    """(R, side): the part of each new pixel that each old one covers. Pillow's box filter takes whole pixels only."""
    from scipy.sparse import csr_array

    edges = np.union1d(np.arange(side + 1) * resolution, np.arange(resolution + 1) * side)  # in 1/(side·R), exact
    pieces, start = np.diff(edges), edges[:-1]
    return csr_array((pieces / side, (start // side, start // resolution)), shape=(resolution, side))


@lru_cache(maxsize=64)
def _bilinear(side: int, resolution: int) -> csr_array:
    """(R, side): linear interpolation between old pixel centres, constant beyond the outermost."""
    return interpolation((np.arange(resolution) + 0.5) * side / resolution - 0.5, side)


def _write_header(file: BinaryIO, shape: tuple[int, ...], dtype: np.dtype) -> None:
    descr = np.lib.format.dtype_to_descr(dtype)
    np.lib.format.write_array_header_2_0(file, {"descr": descr, "fortran_order": False, "shape": shape})


def _write_index(file: Path, cases: list[CaseInfo], geometry: list[list[int]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(_INDEX)
        writer.writerows(
            (case.case_id, case.patient_id, case.lesion_fraction, *where, *(case.spacing or ("", "")))
            for case, where in zip(cases, geometry, strict=True)
        )


def _spacing_of(row: dict[str, str]) -> tuple[float, float] | None:
    down, across = (row[name] for name in _SPACING)
    return (float(down), float(across)) if down and across else None
