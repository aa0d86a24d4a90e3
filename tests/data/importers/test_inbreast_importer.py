from __future__ import annotations

import plistlib
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pydicom")

from dicom_files import as_bytes, dicom, noise
from matplotlib import path as polygon

from pigbench.data.dicom.contours import fill
from pigbench.data.importers.base import Found, Problems, UnusableError
from pigbench.data.importers.inbreast import Inbreast
from pigbench.errors import PigbenchError

SHAPE = (80, 50)
BLOB = np.array([[10.21, 12.37], [30.73, 15.19], [41.27, 40.63], [22.48, 60.91], [8.33, 33.57]])
SMALL = np.array([[40.2, 5.1], [47.9, 5.3], [44.7, 11.6]])


def region(name: str, points: np.ndarray) -> dict:
    drawn = [f"({x:.6f}, {y:.6f})" for x, y in points]
    return {"Name": name, "Area": 1.5, "NumberOfPoints": len(drawn), "Point_px": drawn, "Point_mm": []}


def save(root: Path, number: int, patient: str, regions: list[dict] | None) -> np.ndarray:
    """A mammogram and its XML file; regions None: it has no XML file."""
    for folder in ("AllDICOMs", "AllXML"):
        (root / folder).mkdir(exist_ok=True)
    pixels = noise(SHAPE, 14, number)
    file = root / "AllDICOMs" / f"{number}_{patient}_MG_R_CC_ANON.dcm"
    file.write_bytes(as_bytes(dicom(pixels, bits=14, PatientID="removed")))
    if regions is not None:
        tree = {"Images": [{"ImageIndex": 0, "NumberOfROIs": len(regions), "ROIs": regions}]}
        (root / "AllXML" / f"{number}.xml").write_bytes(plistlib.dumps(tree))
    return pixels


def found_in(path: Path, **options) -> tuple[Inbreast, list[Found], dict[str, list[str]]]:
    importer, problems = Inbreast(Inbreast.Options(**options)), Problems()
    return importer, importer.find(path, problems), dict(problems.items())


def inside_by_matplotlib(points: np.ndarray) -> np.ndarray:
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    centres = np.stack([columns.ravel(), rows.ravel()], axis=1)
    return polygon.Path(points).contains_points(centres).reshape(SHAPE).astype(np.uint8)


def read_mask(importer: Inbreast, case: Found) -> np.ndarray:
    (part,) = case.masks
    return importer.mask(part.file.read_bytes(), part.inside, SHAPE)


def test_masses_alone_are_drawn(tmp_path):
    spots = [region("Calcification", SMALL), region("Spiculated Region", BLOB + 1), region("Cluster", SMALL)]
    pixels = save(tmp_path, 20586908, "6c613a14b80a8591", [region("Mass", BLOB), *spots, region("Mass", SMALL)])
    save(tmp_path, 20586934, "6c613a14b80a8591", [region("Calcification", SMALL)])
    save(tmp_path, 20586960, "6c613a14b80a8591", None)
    save(tmp_path, 20587080, "8d0b9620c53c0268", [region("Mass", SMALL)])
    importer, cases, problems = found_in(tmp_path, crop=False)
    assert not problems
    assert [(case.name, case.patient) for case in cases] == [
        ("20586908", "6c613a14b80a8591"),
        ("20587080", "8d0b9620c53c0268"),
    ]
    assert cases[0].about == {"view": "CC", "side": "R"}
    read = importer.image(cases[0].image.file.read_bytes(), "")
    assert read.dtype == np.uint16
    np.testing.assert_array_equal(read, pixels)
    expected = inside_by_matplotlib(BLOB) | inside_by_matplotlib(SMALL)
    assert expected.sum() > 900
    np.testing.assert_array_equal(read_mask(importer, cases[0]), expected)


def test_contours_that_cannot_be_drawn(tmp_path):
    save(tmp_path, 1, "a1", [region("Mass", BLOB + np.array([15, 0]))])
    save(tmp_path, 2, "a2", [region("Mass", SMALL[:2])])
    importer, cases, _ = found_in(tmp_path)
    with pytest.raises(UnusableError, match=r"leaves the picture: x 23.33 to 56.27, y .* in 50×80"):
        read_mask(importer, cases[0])
    with pytest.raises(UnusableError, match="a contour of 2 points"):
        read_mask(importer, cases[1])


def test_everything_wrong_is_named(tmp_path):
    save(tmp_path, 1, "a1", [region("Mass", BLOB)])
    save(tmp_path, 2, "a2", [region("Mass", BLOB)])
    save(tmp_path, 2, "a3", [region("Mass", BLOB)])
    for number, text in ((3, "<plist><dict>"), (4, '<?xml version="1.0"?><plist><array/></plist>')):
        save(tmp_path, number, "a4", None)
        (tmp_path / "AllXML" / f"{number}.xml").write_text(text)
    broken = region("Mass", BLOB)
    broken["Point_px"][1] = "(a, b)"
    save(tmp_path, 5, "a5", [broken])
    (tmp_path / "AllXML" / "6.xml").write_text("<plist/>")
    (tmp_path / "AllDICOMs" / "scan.dcm").write_bytes(b"")
    _, cases, problems = found_in(tmp_path)
    assert [case.name for case in cases] == ["1"]
    assert problems["two files of one mammogram"] == [f"AllDICOMs/2_a{n}_MG_R_CC_ANON.dcm" for n in (2, 3)]
    assert problems["XML file without its mammogram"] == ["6.xml"]
    assert problems["file not named as INbreast's are"] == ["AllDICOMs/scan.dcm"]
    assert [text.split(" (")[0] for text in problems["unusable file"]] == [f"AllXML/{n}.xml" for n in (3, 4, 5)]
    with pytest.raises(PigbenchError, match="holds no DICOM file named"):
        found_in(tmp_path / "AllXML")


@pytest.mark.parametrize("seed", range(20))
def test_fill_agrees_with_another_library_on_any_polygon(seed):
    points = np.random.default_rng(seed).uniform([0, 0], [SHAPE[1] - 1, SHAPE[0] - 1], (3 + seed % 4, 2))
    drawn = fill(points, SHAPE)
    if len(points) == 3:  # others may cross themselves, where matplotlib counts windings
        np.testing.assert_array_equal(drawn, inside_by_matplotlib(points))
    np.testing.assert_array_equal(fill(points[::-1], SHAPE), drawn)
    np.testing.assert_array_equal(fill(np.roll(points, 1, axis=0), SHAPE), drawn)
