from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pydicom")

from dicom_files import CONTOURS, SEGMENTATION, TOMOSYNTHESIS, as_bytes, dicom, noise
from matplotlib import path as polygon
from PIL import Image
from pydicom import Dataset
from pydicom.pixels import pack_bits
from pydicom.sequence import Sequence
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless

from pigbench.data.dicom.breast import breast_box
from pigbench.data.dicom.tree import scan
from pigbench.data.importers.base import Found, Problems, UnusableError
from pigbench.data.importers.checks import Reader, inspect
from pigbench.data.importers.dicom import Dicom
from pigbench.data.prepare import prepare_case
from pigbench.errors import PigbenchError

SHAPE = (70, 81)  # odd, so that the bits of a frame of a segmentation do not end with a byte


def square(row: int = 10, column: int = 20, side: int = 6, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    mask[row : row + side, column : column + side] = 1
    return mask


def save(made: Dataset, file: Path) -> Dataset:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(as_bytes(made))
    return made


def save_png(mask: np.ndarray, file: Path) -> None:
    Image.fromarray(mask * np.uint8(255)).save(file)


def item(**elements) -> Dataset:
    made = Dataset()
    for name, value in elements.items():
        setattr(made, name, value)
    return made


def segmentation(sources: list[tuple[str, int | None]], masks: list[np.ndarray], segments: list[str]) -> Dataset:
    """A binary segmentation whose frames are of these images (and of these frames of them), one segment a frame."""
    labels = sorted(set(segments))
    own = []
    for (uid, frame), segment in zip(sources, segments, strict=True):
        source = item(ReferencedSOPInstanceUID=uid)
        if frame:
            source.ReferencedFrameNumber = frame
        derived = item(SourceImageSequence=Sequence([source]))
        identified = item(ReferencedSegmentNumber=labels.index(segment) + 1)
        own.append(
            item(DerivationImageSequence=Sequence([derived]), SegmentIdentificationSequence=Sequence([identified]))
        )
    made = dicom(np.stack(masks), kind=SEGMENTATION, SegmentationType="BINARY", Modality="SEG")
    made.SegmentSequence = Sequence([item(SegmentNumber=n, SegmentLabel=name) for n, name in enumerate(labels, 1)])
    made.PerFrameFunctionalGroupsSequence = Sequence(own)
    made.BitsAllocated, made.BitsStored, made.HighBit = 1, 1, 0
    made.PixelData = pack_bits(np.stack(masks), pad=True)
    made["PixelData"].VR = "OB"
    return made


def found_in(path: Path, **options) -> tuple[Dicom, list[Found], dict[str, list[str]]]:
    importer, problems = Dicom(Dicom.Options(**options)), Problems()
    return importer, importer.find(path, problems), dict(problems.items())


def read(importer: Dicom, case: Found) -> tuple[np.ndarray, np.ndarray]:
    """The image and its masks merged, as whoever uses an importer reads them."""
    image = importer.image(case.image.file.read_bytes(), case.image.inside)
    masks = [importer.mask(part.file.read_bytes(), part.inside, image.shape) != 0 for part in case.masks]
    return image, np.any(masks, axis=0).astype(np.uint8)


@pytest.mark.parametrize("syntax", [None, JPEG2000Lossless, JPEGLSLossless])
def test_png_masks_by_uid(tmp_path, syntax):
    stored = [noise(SHAPE, 14, seed) for seed in range(3)]
    for index, pixels in enumerate(stored):
        made = dicom(pixels, bits=14, PatientID=f"P{index // 2}", ViewPosition="CC", ImageLaterality="L")
        if syntax:
            made.compress(syntax, generate_instance_uid=False)
        save(made, tmp_path / "study" / f"IM{index}")  # archives give no suffix
        if index < 2:
            save_png(square(index), tmp_path / f"{made.SOPInstanceUID}.png")
    (tmp_path / "notes.txt").write_text("not of interest")
    importer, cases, problems = found_in(tmp_path)
    assert not problems
    assert [(case.name, case.patient) for case in cases] == [("study/IM0", "P0"), ("study/IM1", "P0")]
    assert cases[0].about == {"modality": "MG", "view": "CC", "side": "L"}
    for index, case in enumerate(cases):
        image, mask = read(importer, case)
        assert image.dtype == np.uint16
        np.testing.assert_array_equal(image, stored[index])
        np.testing.assert_array_equal(mask, square(index))


def test_frames_of_a_tomosynthesis(tmp_path):
    stored = noise((5, *SHAPE), 12)
    made = save(dicom(stored, bits=12, kind=TOMOSYNTHESIS), tmp_path / "volume.dcm")
    for frame in (2, 4, 5):
        save_png(square(frame), tmp_path / f"{made.SOPInstanceUID}_{frame}.png")
    importer, cases, problems = found_in(tmp_path)
    assert not problems
    assert [case.name for case in cases] == [f"volume.dcm frame {frame}" for frame in (2, 4, 5)]
    for frame, case in zip((2, 4, 5), cases, strict=True):
        image, mask = read(importer, case)
        np.testing.assert_array_equal(image, stored[frame - 1])
        np.testing.assert_array_equal(mask, square(frame))
    chosen = found_in(tmp_path, frames="1-2,5")[1]
    assert [case.name for case in chosen] == ["volume.dcm frame 2", "volume.dcm frame 5"]
    with pytest.raises(PigbenchError, match="--frames 'all'"):
        found_in(tmp_path, frames="all")


@pytest.mark.parametrize("fractional", [False, True])
def test_segmentations_of_single_images_are_merged(tmp_path, fractional):
    first, second = (save(dicom(noise(SHAPE, 12, seed), bits=12), tmp_path / f"{seed}.dcm") for seed in (1, 2))
    sources = [(str(uid), None) for uid in (first.SOPInstanceUID, second.SOPInstanceUID, first.SOPInstanceUID)]
    masks = [square(3), square(30), square(50)]
    made = segmentation(sources, masks, ["Mass"] * 3)
    if fractional:
        made.SegmentationType, made.MaximumFractionalValue = "FRACTIONAL", 200
        made.BitsAllocated, made.BitsStored, made.HighBit = 8, 8, 7
        made.PixelData = (np.stack(masks) * np.uint8(100) + np.uint8(99)).clip(99, 100).tobytes()
    save(made, tmp_path / "seg.dcm")
    importer, cases, problems = found_in(tmp_path)
    assert not problems
    np.testing.assert_array_equal(read(importer, cases[0])[1], square(3) | square(50))
    np.testing.assert_array_equal(read(importer, cases[1])[1], square(30))


def test_segmentation_of_frames_and_a_png_beside_it(tmp_path):
    made = save(dicom(noise((4, *SHAPE), 12), bits=12, kind=TOMOSYNTHESIS), tmp_path / "volume.dcm")
    uid = str(made.SOPInstanceUID)
    save(segmentation([(uid, 2), (uid, 4)], [square(3), square(40)], ["Mass", "Mass"]), tmp_path / "seg.dcm")
    save_png(square(50), tmp_path / f"{uid}_4.png")
    importer, cases, problems = found_in(tmp_path)
    assert not problems
    assert [case.name for case in cases] == ["volume.dcm frame 2", "volume.dcm frame 4"]
    np.testing.assert_array_equal(read(importer, cases[0])[1], square(3))
    np.testing.assert_array_equal(read(importer, cases[1])[1], square(40) | square(50))


def test_which_structures_are_lesion_must_be_clear(tmp_path):
    made = save(dicom(noise(SHAPE, 12), bits=12), tmp_path / "image.dcm")
    uid = str(made.SOPInstanceUID)
    names = ["Breast", "Mass 1", "Mass 2"]
    save(segmentation([(uid, None)] * 3, [square(0, side=60), square(3), square(40)], names), tmp_path / "seg.dcm")
    with pytest.raises(PigbenchError, match="Breast, Mass 1, Mass 2"):
        found_in(tmp_path)
    with pytest.raises(PigbenchError, match="is none of Breast"):
        found_in(tmp_path, structures="tumour")
    importer, cases, _ = found_in(tmp_path, structures="mass*")
    np.testing.assert_array_equal(read(importer, cases[0])[1], square(3) | square(40))


def test_structures_can_be_classes_and_the_last_counts_where_they_overlap(tmp_path):
    made = save(dicom(noise(SHAPE, 12), bits=12), tmp_path / "image.dcm")
    uid = str(made.SOPInstanceUID)
    masks, names = [square(3), square(0, side=60), square(40)], ["Mass 1", "Breast", "Mass 2"]
    save(segmentation([(uid, None)] * 3, masks, names), tmp_path / "seg.dcm")
    importer, cases, _ = found_in(tmp_path, classes="breast=Breast,mass=mass*")
    assert importer.classes == ("breast", "mass")
    labels = np.where(square(3) | square(40), 2, square(0, side=60))
    np.testing.assert_array_equal(Reader(importer).mask(cases[0].masks, SHAPE)[1], labels)
    only, cases, _ = found_in(tmp_path, classes="mass=mass*")
    np.testing.assert_array_equal(Reader(only).mask(cases[0].masks, SHAPE)[1], square(3) | square(40))
    with pytest.raises(PigbenchError, match="cyst is of none of the structures Breast, Mass 1, Mass 2"):
        found_in(tmp_path, classes="mass=mass*,cyst=cyst*")
    with pytest.raises(PigbenchError, match="not both"):
        found_in(tmp_path, classes="mass=mass*", structures="mass*")
    with pytest.raises(PigbenchError, match="give names with structures"):
        found_in(tmp_path, classes="mass")
    with pytest.raises(PigbenchError, match="leave out background"):
        found_in(tmp_path, classes="mass=mass*,background=Breast")
    other = save(dicom(noise(SHAPE, 12), bits=12), tmp_path / "other.dcm")
    save_png(square(3), tmp_path / f"{other.SOPInstanceUID}.png")
    with pytest.raises(PigbenchError, match="a PNG mask names no structure"):
        found_in(tmp_path, classes="breast=Breast,mass=mass*")
    one, cases, _ = found_in(tmp_path, classes="mass=mass*")
    areas = {case.name: read(one, case)[1].sum() for case in cases}
    assert areas["other.dcm"] == square(3).sum() and len(areas) == 2


def test_structures_with_brackets_and_commas_can_be_named(tmp_path):
    made = save(dicom(noise(SHAPE, 12), bits=12), tmp_path / "image.dcm")
    uid, names = str(made.SOPInstanceUID), ["GTV [1]", "Liver, whole"]
    save(segmentation([(uid, None)] * 2, [square(3), square(40)], names), tmp_path / "seg.dcm")
    importer, cases, _ = found_in(tmp_path, structures="gtv [1]")
    np.testing.assert_array_equal(read(importer, cases[0])[1], square(3))
    importer, cases, _ = found_in(tmp_path, classes="tumour=GTV [1],liver=Liver? whole")
    labels = square(3) + 2 * square(40).astype(np.uint8)
    np.testing.assert_array_equal(Reader(importer).mask(cases[0].masks, SHAPE)[1], labels)
    with pytest.raises(PigbenchError, match=r"none of GTV \[1\], 'Liver, whole' \(write \? for the comma\)"):
        found_in(tmp_path, structures="cyst")


def test_ultrasound_in_colour_stays_so_or_is_read_as_grey(tmp_path):
    rgb = np.stack([noise(SHAPE, 8), noise(SHAPE, 8, seed=1), noise(SHAPE, 8, seed=2)], axis=-1)
    made = dicom(rgb[..., 0], SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0)
    made.PixelData = rgb.tobytes()
    save(made, tmp_path / "image.dcm")
    save_png(square(), tmp_path / f"{made.SOPInstanceUID}.png")
    importer, cases, _ = found_in(tmp_path)
    np.testing.assert_array_equal(read(importer, cases[0])[0], rgb)
    importer, cases, _ = found_in(tmp_path, grey=True)
    np.testing.assert_allclose(read(importer, cases[0])[0], rgb @ [0.299, 0.587, 0.114], atol=0.6)


def oblique(frame_of_reference: str = "1.2.3") -> dict:
    """Elements of an image that lies askew in the patient, with pixels that are not square."""
    along, down = np.array([0.6, 0.8, 0.0]), np.array([-0.8, 0.6, 0.0])
    return {
        "ImagePositionPatient": [-10.0, 20.5, 7.25],
        "ImageOrientationPatient": [*along, *down],
        "PixelSpacing": [0.5, 0.25],  # between rows, between columns
        "FrameOfReferenceUID": frame_of_reference,
    }


def in_patient(points: np.ndarray) -> list[float]:
    """Pixels (x, y) of an `oblique` image, in mm, by the standard's equation (PS3.3 C.7.6.2.1.1)."""
    elements = oblique()
    turn, spacing = np.array(elements["ImageOrientationPatient"]), elements["PixelSpacing"]
    matrix = np.stack([turn[:3] * spacing[1], turn[3:] * spacing[0]], axis=1)
    return [
        float(value) for value in (matrix @ points.T).T.ravel() + np.tile(elements["ImagePositionPatient"], len(points))
    ]


def structure_set(uid: str, contours: list[tuple[str, np.ndarray]], kind: str = "CLOSED_PLANAR") -> Dataset:
    names = sorted({name for name, _ in contours})
    made = dicom(None, kind=CONTOURS, Modality="RTSTRUCT")
    made.StructureSetROISequence = Sequence([item(ROINumber=n, ROIName=name) for n, name in enumerate(names, 1)])
    regions = []
    for number, name in enumerate(names, 1):
        drawn = [
            item(
                ContourGeometricType=kind,
                NumberOfContourPoints=len(points),
                ContourData=[f"{value:.9g}" for value in in_patient(points)],
                ContourImageSequence=Sequence([item(ReferencedSOPInstanceUID=uid)]),
            )
            for owner, points in contours
            if owner == name
        ]
        regions.append(item(ReferencedROINumber=number, ContourSequence=Sequence(drawn)))
    made.ROIContourSequence = Sequence(regions)
    return made


STAR = np.array([[10.3, 12.2], [40.7, 15.1], [60.27, 8.63], [50.4, 40.9], [20.8, 60.3], [25.6, 30.7]])
BOX = np.array([[64.6, 50.4], [75.4, 50.4], [75.4, 60.6], [64.6, 60.6]])


def inside_by_matplotlib(points: np.ndarray) -> np.ndarray:
    """The pixels whose centres the polygon holds, by another library."""
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    centres = np.stack([columns.ravel(), rows.ravel()], axis=1)
    return polygon.Path(points, closed=False).contains_points(centres).reshape(SHAPE).astype(np.uint8)


def test_contours_are_drawn_where_they_lie(tmp_path):
    made = save(dicom(noise(SHAPE, 12), bits=12, Modality="MR", **oblique()), tmp_path / "slice.dcm")
    uid = str(made.SOPInstanceUID)
    save(structure_set(uid, [("GTV", STAR), ("GTV", BOX)]), tmp_path / "contours.dcm")
    importer, cases, problems = found_in(tmp_path)
    assert not problems
    expected = inside_by_matplotlib(STAR) | inside_by_matplotlib(BOX)
    assert expected.sum() > 1000
    np.testing.assert_array_equal(read(importer, cases[0])[1], expected)


def test_a_contour_that_excludes(tmp_path):
    made = save(dicom(noise(SHAPE, 12), bits=12, **oblique()), tmp_path / "slice.dcm")
    outer = np.array([[9.5, 9.5], [39.5, 9.5], [39.5, 39.5], [9.5, 39.5]])
    inner = outer * 0.5 + 10
    contours = structure_set(str(made.SOPInstanceUID), [("GTV", outer), ("GTV", inner)], "CLOSEDPLANAR_XOR")
    save(contours, tmp_path / "contours.dcm")
    importer, cases, _ = found_in(tmp_path)
    mask = read(importer, cases[0])[1]
    assert mask[12, 12] == 1 and mask[22, 22] == 0 and mask.sum() == 30 * 30 - 15 * 15


def test_a_contour_outside_its_image_or_off_its_plane(tmp_path):
    made = save(dicom(noise(SHAPE, 12), bits=12, **oblique()), tmp_path / "slice.dcm")
    contours = structure_set(str(made.SOPInstanceUID), [("GTV", STAR + np.array([30, 0]))])
    save(contours, tmp_path / "contours.dcm")
    importer, cases, _ = found_in(tmp_path)
    with pytest.raises(UnusableError, match="leaves the picture"):
        read(importer, cases[0])
    data = contours.ROIContourSequence[0].ContourSequence[0].ContourData
    contours.ROIContourSequence[0].ContourSequence[0].ContourData = [
        value + 3 * (index % 3 == 2) for index, value in enumerate(data)
    ]
    save(contours, tmp_path / "contours.dcm")
    with pytest.raises(UnusableError, match="3.0 mm off"):
        read(importer, cases[0])


def test_everything_wrong_is_named(tmp_path):
    good = save(dicom(noise(SHAPE, 12), bits=12), tmp_path / "good.dcm")
    save_png(square(), tmp_path / f"{good.SOPInstanceUID}.png")
    twin = save(dicom(noise(SHAPE, 12), bits=12), tmp_path / "twin1.dcm")
    save(twin, tmp_path / "twin2.dcm")
    save_png(square(), tmp_path / f"{twin.SOPInstanceUID}.png")
    nobody = save(dicom(noise(SHAPE, 12), bits=12, PatientID=""), tmp_path / "nobody.dcm")
    save_png(square(), tmp_path / f"{nobody.SOPInstanceUID}.png")
    many = save(dicom(noise((3, *SHAPE), 12), bits=12), tmp_path / "many.dcm")
    save_png(square(), tmp_path / f"{many.SOPInstanceUID}.png")
    save_png(square(), tmp_path / f"{many.SOPInstanceUID}_4.png")
    save_png(square(), tmp_path / "1.2.3.4.png")
    save_png(square(), tmp_path / "picture.png")
    (tmp_path / "text.dcm").write_text("no DICOM")
    (tmp_path / "cut.dcm").write_bytes(as_bytes(good)[:300])
    outside = tmp_path.parent / f"{tmp_path.name}.outside.dcm"
    save(dicom(noise(SHAPE, 12), bits=12), outside)
    (tmp_path / "link.dcm").symlink_to(outside)
    _, cases, problems = found_in(tmp_path)
    assert [case.name for case in cases] == ["good.dcm"]
    assert problems["same SOP instance UID"] == ["twin1.dcm", "twin2.dcm"]
    assert problems["no PatientID"] == ["nobody.dcm"]
    assert problems["mask that does not say which frame it is of"] == [f"{many.SOPInstanceUID}.png"]
    assert problems["mask of a frame that its image does not have"] == [f"{many.SOPInstanceUID}_4.png"]
    assert problems["mask of an image that is not here"] == ["1.2.3.4.png"]
    unusable = " ".join(problems["unusable file"])
    for name in ("picture.png (not named", "text.dcm (not a DICOM", "cut.dcm (", "link.dcm (leads out"):
        assert name in unusable
    assert "good.dcm" not in unusable


def test_a_mask_of_another_geometry(tmp_path):
    made = save(dicom(noise(SHAPE, 12), bits=12, **oblique()), tmp_path / "slice.dcm")
    other = save(dicom(noise(SHAPE, 12), bits=12, **oblique()), tmp_path / "other.dcm")
    sources = [(str(made.SOPInstanceUID), None), (str(other.SOPInstanceUID), None)]
    seg = segmentation(sources, [square(), square()], ["Mass", "Mass"])
    for shift, groups in zip((0, 1), seg.PerFrameFunctionalGroupsSequence, strict=True):
        elements = oblique()
        origin = np.array(elements["ImagePositionPatient"]) + shift
        groups.PlanePositionSequence = Sequence([item(ImagePositionPatient=list(origin))])
        turned = item(ImageOrientationPatient=elements["ImageOrientationPatient"])
        groups.PlaneOrientationSequence = Sequence([turned])
        groups.PixelMeasuresSequence = Sequence([item(PixelSpacing=elements["PixelSpacing"])])
    save(seg, tmp_path / "seg.dcm")
    _, cases, problems = found_in(tmp_path)
    assert [case.name for case in cases] == ["slice.dcm"]
    assert problems == {"mask of another geometry than its image": ["seg.dcm"]}


@pytest.mark.parametrize("kind", ["image", "segmentation", "contours"])
def test_no_file_that_ends_in_its_header_is_passed_over(tmp_path, kind):
    made = {
        "image": lambda: dicom(noise(SHAPE, 12), bits=12),
        "segmentation": lambda: segmentation([("1.2.3", None)] * 2, [square()] * 2, ["Mass"] * 2),
        "contours": lambda: structure_set("1.2.3", [("GTV", STAR), ("GTV", BOX)]),
    }[kind]()
    data = as_bytes(made)
    header = len(data) - len(made.get("PixelData", b"")) - 12
    for kept in range(132, header - (kind == "contours") - 20, 37):
        (tmp_path / "file").write_bytes(data[:kept])
        problems = Problems()
        images, pieces = scan(tmp_path, problems)
        complete = images and not pieces  # of an image, its end alone may be missing; reading it will tell
        assert len(problems) or complete, kept
        if complete:
            with pytest.raises(UnusableError):
                Dicom(Dicom.Options()).image(data[:kept], "")


def test_contours_that_are_not_points(tmp_path):
    made = save(dicom(noise(SHAPE, 12), bits=12, **oblique()), tmp_path / "slice.dcm")
    contours = structure_set(str(made.SOPInstanceUID), [("GTV", STAR)])
    del contours.ROIContourSequence[0].ContourSequence[0].ContourData[-1]
    save(contours, tmp_path / "contours.dcm")
    importer, cases, _ = found_in(tmp_path)
    with pytest.raises(UnusableError, match="not points in space"):
        read(importer, cases[0])


def test_patients_nobody_knows(tmp_path):
    for index in range(2):
        made = save(dicom(noise(SHAPE, 12), bits=12, PatientID=""), tmp_path / f"{index}.dcm")
        save_png(square(), tmp_path / f"{made.SOPInstanceUID}.png")
    _, cases, problems = found_in(tmp_path)
    assert [case.patient for case in cases] == [None, None] and not problems


def test_nothing_to_import(tmp_path):
    with pytest.raises(PigbenchError, match="no such folder"):
        found_in(tmp_path / "nowhere")
    with pytest.raises(PigbenchError, match="holds no DICOM image"):
        found_in(tmp_path)
    save(dicom(noise(SHAPE, 12), bits=12), tmp_path / "image.dcm")
    with pytest.raises(PigbenchError, match="has a mask"):
        found_in(tmp_path)


def test_crop_keeps_the_breast_and_the_size(tmp_path):
    pixels = np.full((400, 300), 100, np.uint16)
    rows, columns = np.mgrid[:400, :300]
    breast = ((rows - 200) / 120) ** 2 + (columns / 150) ** 2 < 1
    pixels[breast] = 2000
    pixels[20:40, 250:290] = 4000  # the marker of the view
    made = save(dicom(pixels, bits=12), tmp_path / "image.dcm")
    save_png(square(200, 50, shape=pixels.shape), tmp_path / f"{made.SOPInstanceUID}.png")
    importer, cases, _ = found_in(tmp_path, crop=True)
    image, mask = read(importer, cases[0])
    assert image.shape == pixels.shape == mask.shape
    np.testing.assert_array_equal(image, np.where(breast, 2000, 100))
    box = breast_box(pixels)
    assert box[0].stop - box[0].start < 250  # of 400 rows
    for prepared, expected in zip(prepare_case(image, mask, 64), prepare_case(pixels[box], mask[box], 64), strict=True):
        np.testing.assert_array_equal(prepared, expected)


def test_no_about_or_problem_tells_who_it_is(tmp_path):
    made = save(dicom(noise(SHAPE, 12), bits=12, StudyDate="20200202"), tmp_path / "image.dcm")
    save_png(square(), tmp_path / f"{made.SOPInstanceUID}.png")
    _, cases, _ = found_in(tmp_path)
    told = str(cases[0].about)
    assert not any(private in told for private in ("Doe", "ID-7", "1950", "2020", str(made.SOPInstanceUID)))


def test_cases_are_inspected_and_each_fault_has_its_file(tmp_path):
    good, cut, other, deep = (dicom(noise(SHAPE, 12, seed), bits=12) for seed in range(4))
    for name, made in {"good": good, "cut": cut, "other": other, "deep": deep}.items():
        made.compress(JPEGLSLossless, generate_instance_uid=False)
        save(made, tmp_path / f"{name}.dcm")
        shape = (70, 80) if name == "other" else SHAPE
        save_png(square(shape=shape), tmp_path / f"{made.SOPInstanceUID}.png")
    Image.fromarray(noise(SHAPE, 8)).save(tmp_path / f"{deep.SOPInstanceUID}.png")
    data = (tmp_path / "cut.dcm").read_bytes()
    (tmp_path / "cut.dcm").write_bytes(data[: len(data) // 2])
    importer, problems = Dicom(Dicom.Options()), Problems()
    cases = importer.find(tmp_path, problems)
    usable = inspect(importer, cases, problems)
    assert [case.name for case, _ in usable] == ["good.dcm"]
    told = dict(problems.items())
    assert "cut.dcm (" in told["unusable file"][0]
    assert told["image and mask differ in size"] == ["other.dcm (81×70 against 80×70)"]
    (values,) = (kind for kind in told if kind.startswith(("mask with the values", "mask that is smoothed")))
    assert told[values][0].startswith(f"{deep.SOPInstanceUID}.png")


@pytest.mark.parametrize(
    ("elements", "spacing"),
    [
        ({"PixelSpacing": [0.07, 0.05]}, (0.07, 0.05)),
        ({"ImagerPixelSpacing": [0.1, 0.2]}, (0.1, 0.2)),
        ({"PixelSpacing": [0.07, 0.05], "ImagerPixelSpacing": [0.1, 0.2]}, (0.07, 0.05)),
        ({"PixelSpacing": [0.0, 0.05]}, None),
        ({}, None),
    ],
)
def test_the_size_of_a_pixel_is_the_headers(tmp_path, elements, spacing):
    made = save(dicom(noise(SHAPE, 12), bits=12, **elements), tmp_path / "image.dcm")
    save_png(square(), tmp_path / f"{made.SOPInstanceUID}.png")
    importer, cases, _ = found_in(tmp_path)
    ((_, fact),) = inspect(importer, cases, Problems())
    assert fact.spacing == spacing


def test_the_size_of_a_pixel_of_a_frame_is_in_its_functional_groups(tmp_path):
    made = dicom(noise((2, *SHAPE), 12), bits=12, kind=TOMOSYNTHESIS)
    measures = Sequence([item(PixelSpacing=[0.09, 0.08])])
    made.SharedFunctionalGroupsSequence = Sequence([item(PixelMeasuresSequence=measures)])
    save(made, tmp_path / "volume.dcm")
    save_png(square(), tmp_path / f"{made.SOPInstanceUID}_2.png")
    importer, cases, _ = found_in(tmp_path)
    ((_, fact),) = inspect(importer, cases, Problems())
    assert fact.spacing == (0.09, 0.08)
