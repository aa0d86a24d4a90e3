"""INbreast's masses: DICOM mammograms, and contours in XML property lists.

The set (Moreira et al., Academic Radiology 2012, https://doi.org/10.1016/j.acra.2011.09.014) is handed out on request
and mirrored. Read is any folder that holds `20586908_6c613a14b80a8591_MG_R_CC_ANON.dcm` (mammogram, patient, modality,
side, view) and `20586908.xml`, such as its `AllDICOMs` and `AllXML`, at any depth. Decided here:

- A case is a mammogram with at least one mass; its masses are merged. The patient is in the file's name.
- Only regions called Mass are drawn: not calcifications, clusters, asymmetries, distortions or spiculated regions,
  which surround a mass that has its own contour.
- Contours are drawn from their points in pixels. One that leaves the mammogram by more than a pixel is a fault.
- The mammogram is cut to the breast unless `crop` is off.
"""

from __future__ import annotations

import plistlib
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from pigbench.data.dicom.contours import fill
from pigbench.data.dicom.frames import check_installed
from pigbench.data.importers.base import Found, Part, Problems, UnusableError, check_folder, files_inside, name_below
from pigbench.data.importers.dicom import DicomPictures, MammogramOptions
from pigbench.data.pixels import reading
from pigbench.errors import PigbenchError

_NAME = re.compile(r"(?P<number>\d+)_(?P<patient>[0-9a-zA-Z]+)_MG_(?P<side>[LR])_(?P<view>[A-Z]+)_ANON")
_POINT = re.compile(r"\(\s*([^,()]+?)\s*,\s*([^,()]+?)\s*\)")
_MASS = "mass"


class Inbreast(DicomPictures):
    """The masses of INbreast."""

    Options = MammogramOptions

    def find(self, path: Path, problems: Problems) -> list[Found]:
        """Every mammogram with a mass, by number. Reads the XML files, and of the DICOM files only the names."""
        check_folder(path)
        check_installed()
        mammograms = _by_number(path, "*.dcm", problems)
        drawings = _by_number(path, "*.xml", problems)
        if not mammograms or not drawings:
            missing = "XML file such as 20586908.xml" if mammograms else "DICOM file named as INbreast's are"
            raise PigbenchError(f"{path} holds no {missing}")
        orphans = sorted(drawings.keys() - mammograms)
        problems.add("XML file without its mammogram", [f"{number}.xml" for number in orphans])
        found = []
        for number in sorted(mammograms.keys() & drawings.keys()):
            if len(mammograms[number]) > 1 or len(drawings[number]) > 1:
                continue
            image, drawing = mammograms[number][0], drawings[number][0]
            try:
                if not masses(drawing.read_bytes()):
                    continue
            except (OSError, UnusableError) as error:
                problems.add_file(name_below(path, drawing), error)
                continue
            named = _NAME.fullmatch(image.stem)
            assert named is not None  # _by_number took it for its name
            about = {"view": named["view"], "side": named["side"]}
            found.append(Found(number, named["patient"], Part(image), (Part(drawing),), about))
        return found

    def mask(self, data: bytes, inside: str, shape: tuple[int, int]) -> np.ndarray:
        """The masses of an XML file, drawn."""
        mask = np.zeros(shape, np.uint8)
        for contour in masses(data):
            mask |= fill(contour, shape)
        return mask


def masses(data: bytes) -> list[np.ndarray]:
    """The contours (n, 2) of the regions called Mass in an XML property list, x and y in pixels. UnusableError."""
    with reading("not a property list of regions"):
        pictures = plistlib.loads(data, fmt=plistlib.FMT_XML)["Images"]
        regions = [region for picture in pictures for region in picture.get("ROIs", [])]
        return [_points(region) for region in regions if str(region.get("Name", "")).strip().lower() == _MASS]


def _points(region: dict[str, Any]) -> np.ndarray:
    points = [_POINT.fullmatch(text.strip()) for text in region.get("Point_px", [])]
    try:
        return np.array([(float(point[1]), float(point[2])) for point in points]).reshape(-1, 2)  # type: ignore[index]
    except (TypeError, ValueError):
        raise UnusableError("a mass whose points are not (x, y)") from None


def _by_number(path: Path, pattern: str, problems: Problems) -> dict[str, list[Path]]:
    """The files of each mammogram's number; what is named otherwise, or twice there, goes to `problems`."""
    files: dict[str, list[Path]] = defaultdict(list)
    for file in files_inside(path, path.rglob(pattern), problems):
        named = _NAME.fullmatch(file.stem) if file.suffix == ".dcm" else re.fullmatch(r"(?P<number>\d+)", file.stem)
        if named:
            files[named["number"]].append(file)
        else:
            problems.add("file not named as INbreast's are", [name_below(path, file)])
    for same in files.values():
        if len(same) > 1:
            problems.add("two files of one mammogram", [name_below(path, file) for file in same])
    return files
