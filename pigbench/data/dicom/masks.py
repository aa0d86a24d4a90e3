"""What the DICOM files that hold masks say: which image each piece of a segmentation or of contours belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pigbench.data.dicom.contours import fill
from pigbench.data.dicom.frames import frames_of, groups_of, read_header, read_stored, said_of
from pigbench.data.pixels import UnusableError, reading

if TYPE_CHECKING:
    from pydicom import Dataset

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"
CONTOURS = "1.2.840.10008.5.1.4.1.1.481.3"

_XOR = "CLOSEDPLANAR_XOR"
_CLOSED = ("CLOSED_PLANAR", _XOR)


@dataclass(frozen=True)
class Plane:
    """Where a frame lies in the patient, in mm: its first pixel's centre, its unit vectors, its spacing.

    along: the direction of a row (x grows); down: of a column. spacing: between columns, between rows.
    """

    origin: tuple[float, ...]
    along: tuple[float, ...]
    down: tuple[float, ...]
    spacing: tuple[float, ...]

    def is_like(self, other: Plane) -> bool:
        """Whether both show the same place: first pixels less than half a pixel apart, same directions and spacing."""
        near = np.linalg.norm(np.subtract(self.origin, other.origin)) < 0.5 * min(self.spacing)
        turned = np.abs(np.subtract(self.along + self.down, other.along + other.down)).max()
        return bool(near and turned < 0.01 and np.allclose(self.spacing, other.spacing, rtol=0.01))

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """(n, 2) x and y in pixels of (n, 3) points in mm. Raises UnusableError for points off the plane."""
        offset = points - np.array(self.origin)
        distance = float(np.abs(offset @ np.cross(self.along, self.down)).max())
        if distance > max(self.spacing):
            raise UnusableError(f"a contour lies {distance:.1f} mm off its image")
        return np.stack([offset @ np.array(self.along), offset @ np.array(self.down)], axis=1) / self.spacing


@dataclass(frozen=True)
class Piece:
    """A frame of a segmentation, a contour or a PNG file, and the image it belongs to.

    kind: of its file, "segmentation", "contours" or "png". image: a SOP instance UID, empty if none is named. frame: of
    the image, None if none is named. structure: the name of its segment or region. where: what of the file it is.
    label: of its class, 0 where there is one class.
    """

    file: Path
    kind: str
    image: str
    frame: int | None
    structure: str = ""
    where: str = ""
    plane: Plane | None = None
    label: int = 0


def plane_of(header: Dataset, frame: int) -> Plane | None:
    """Where a frame lies; None where the header does not say."""
    names = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
    origin, turn, spacing = (tuple(map(float, said_of(header, frame, name) or ())) for name in names)
    if (len(origin), len(turn), len(spacing)) != (3, 6, 2) or min(spacing) <= 0:
        return None
    return Plane(origin, turn[:3], turn[3:], spacing[::-1])


def segmentation_pieces(file: Path, header: Dataset) -> Iterator[Piece]:
    """A piece for every frame of a DICOM segmentation. Raises UnusableError."""
    if header.SOPClassUID == LABEL_MAP:
        raise UnusableError("a label map segmentation: save it as a binary one")
    names = {item.SegmentNumber: str(item.get("SegmentLabel", "")) for item in header.SegmentSequence}
    only = _only_instance(header)
    for frame in range(1, frames_of(header) + 1):
        groups = groups_of(header, frame)
        number = next(group.ReferencedSegmentNumber for group in groups if "ReferencedSegmentNumber" in group)
        sources = [source for group in groups for source in group.get("SourceImageSequence", ())]
        image, of_image = _reference(sources[0]) if len(sources) == 1 else (only if not sources else "", None)
        structure, plane = names.get(number, ""), plane_of(header, frame)
        yield Piece(file, "segmentation", image, of_image, structure, str(frame), plane)


def contour_pieces(file: Path, header: Dataset) -> Iterator[Piece]:
    """A piece for every contour of a DICOM structure set. Raises UnusableError."""
    names = {item.ROINumber: str(item.get("ROIName", "")) for item in header.get("StructureSetROISequence", ())}
    for at, region in enumerate(header.get("ROIContourSequence", ())):
        for index, contour in enumerate(region.get("ContourSequence", ())):
            if contour.get("ContourGeometricType") not in _CLOSED:
                continue  # points and open lines enclose nothing
            sources = contour.get("ContourImageSequence", ())
            image, frame = _reference(sources[0]) if len(sources) == 1 else ("", None)
            structure = names.get(region.get("ReferencedROINumber"), "")
            yield Piece(file, "contours", image, frame, structure, f"{at}:{index}")


def read_segmentation(data: bytes, frames: Sequence[int]) -> np.ndarray:
    """Frames of a DICOM segmentation merged, (h, w), uint8, 0 or 1. Raises UnusableError."""
    merged = np.array(False)
    for frame in frames:
        header, stored = read_stored(data, frame)
        full = header.get("MaximumFractionalValue") or 255 if header.get("SegmentationType") == "FRACTIONAL" else 1
        merged = merged | (stored >= full / 2)
    return merged.astype(np.uint8)


def read_contours(data: bytes, chosen: Sequence[tuple[int, int]], plane: Plane, shape: tuple[int, int]) -> np.ndarray:
    """Contours (region, contour) of a structure set drawn for an image of `shape` at `plane`. Raises UnusableError."""
    mask = np.zeros(shape, np.uint8)
    for kind, points in _contours(data, chosen):
        drawn = fill(plane.pixels(points), shape)
        mask = mask ^ drawn if kind == _XOR else mask | drawn
    return mask


def _contours(data: bytes, chosen: Sequence[tuple[int, int]]) -> list[tuple[str, np.ndarray]]:
    """The kind and the points (n, 3) in mm of each chosen contour. Raises UnusableError."""
    header = read_header(BytesIO(data))
    with reading("a contour that is not points in space"):  # values are parsed when they are asked for
        found = [header.ROIContourSequence[region].ContourSequence[index] for region, index in chosen]
        return [(one.ContourGeometricType, np.array(one.ContourData, float).reshape(-1, 3)) for one in found]


def _reference(source: Dataset) -> tuple[str, int | None]:
    """The image, and the frame of it if one is named."""
    frames = source.get("ReferencedFrameNumber")
    if frames is not None and not isinstance(frames, int):
        frames = frames[0] if len(frames) == 1 else None
    return str(source.get("ReferencedSOPInstanceUID", "")), None if frames is None else int(frames)


def _only_instance(header: Dataset) -> str:
    """The image that a segmentation as a whole refers to, if it is one."""
    found = {
        str(instance.get("ReferencedSOPInstanceUID", ""))
        for series in header.get("ReferencedSeriesSequence", ())
        for instance in series.get("ReferencedInstanceSequence", ())
    }
    return found.pop() if len(found) == 1 else ""
