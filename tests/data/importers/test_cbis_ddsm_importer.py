from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pydicom")

from dicom_files import as_bytes, dicom, noise
from pydicom.uid import generate_uid

from pigbench.data.importers.base import Found, Problems
from pigbench.data.importers.cbis_ddsm import CbisDdsm
from pigbench.errors import PigbenchError

SHAPE = (90, 60)
COLUMNS = [
    *("patient_id", "breast_density", "left or right breast", "image view", "abnormality id", "abnormality type"),
    *("mass shape", "mass margins", "assessment", "pathology", "subtlety"),
    *("image file path", "cropped image file path", "ROI mask file path"),
]


def square(row: int, column: int = 20, side: int = 7) -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    mask[row : row + side, column : column + side] = 255
    return mask


def save(pixels: np.ndarray, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(as_bytes(dicom(pixels, PatientID=file.parent.name)))


class Collection:
    """Writes the layout of the archive, as its files have it or as its tool for downloading renames them."""

    def __init__(self, root: Path, renamed: bool) -> None:
        self.root, self.renamed = root, renamed
        self.rows: dict[str, list[list[str]]] = {"train": [], "test": []}

    def path(self, folder: str, number: int) -> str:
        return f"{folder}/{generate_uid()}/{generate_uid()}/{number:06}.dcm"

    def write(self, pixels: np.ndarray, path: str) -> None:
        folder, _, _, name = path.split("/")
        if self.renamed:
            series = "1.000000-full mammogram images-1" if len(folder.split("_")) == 5 else "1.000000-ROI mask images-2"
            path = f"CBIS-DDSM/{folder}/07-20-2016-DDSM-9/{series}/1-{int(name[:6]) + 1}.dcm"
        save(pixels, self.root / path)

    def mammogram(self, patient: str, seed: int, part: str = "train", side: str = "LEFT") -> tuple[str, np.ndarray]:
        pixels = noise(SHAPE, 16, seed)
        path = self.path(f"Mass-{'Training' if part == 'train' else 'Test'}_{patient}_{side}_CC", 0)
        self.write(pixels, path)
        return path, pixels

    def lesion(self, image: str, number: int, mask: np.ndarray, *, swapped: bool = False) -> None:
        folder, *_ = image.split("/")
        crop, drawn = (self.path(f"{folder}_{number}", at) for at in (0, 1))
        stored = (drawn, crop) if swapped else (crop, drawn)
        self.write(noise((9, 9), 16, number), stored[0])
        self.write(mask, stored[1])
        self.row(image, number, crop, drawn)

    def row(self, image: str, number: int, crop: str, drawn: str, patient: str | None = None) -> None:
        _, person, code, side, view = image.split("/")[0].split("_")
        row = [f"{person}_{code}" if patient is None else patient, "3", side, view, str(number), "mass", "OVAL"]
        row += ["SPICULATED", "4", "MALIGNANT", "5", image, crop, f"{drawn}\n"]  # the public files have this line break
        self.rows["train" if "Training" in image else "test"].append(row)

    def tables(self) -> None:
        for part, rows in self.rows.items():
            with (self.root / f"mass_case_description_{part}_set.csv").open("w", newline="") as table:
                csv.writer(table).writerows([COLUMNS, *rows])


def found_in(path: Path, **options) -> tuple[CbisDdsm, list[Found], dict[str, list[str]]]:
    importer, problems = CbisDdsm(CbisDdsm.Options(**options)), Problems()
    return importer, importer.find(path, problems), dict(problems.items())


def read_mask(importer: CbisDdsm, case: Found) -> np.ndarray:
    masks = [importer.mask(part.file.read_bytes(), part.inside, SHAPE) for part in case.masks]
    return np.max(masks, axis=0)


@pytest.mark.parametrize("renamed", [False, True])
def test_lesions_are_merged_and_swapped_masks_found(tmp_path, renamed):
    made = Collection(tmp_path, renamed)
    first, pixels = made.mammogram("P_00001", 1)
    made.lesion(first, 1, square(3))
    made.lesion(first, 2, square(40), swapped=True)
    second, others = made.mammogram("P_00001", 2, "test", "RIGHT")
    made.lesion(second, 1, square(60))
    made.tables()
    importer, cases, problems = found_in(tmp_path, crop=False)
    assert not problems
    assert [(case.name, case.patient) for case in cases] == [
        ("Mass-Test_P_00001_RIGHT_CC", "P_00001"),
        ("Mass-Training_P_00001_LEFT_CC", "P_00001"),
    ]
    assert cases[1].about == {"view": "CC", "side": "LEFT", "density": "3", "pathology": "MALIGNANT"}
    for case, stored, mask in zip(cases, (others, pixels), (square(60), square(3) | square(40)), strict=True):
        read = importer.image(case.image.file.read_bytes(), case.image.inside)
        assert read.dtype == np.uint16
        np.testing.assert_array_equal(read, stored)
        np.testing.assert_array_equal(read_mask(importer, case), mask)


def test_a_mask_of_another_size_is_still_the_mask(tmp_path):
    """So that the check of sizes names it, instead of the crop being taken for it or the lesion being lost."""
    made = Collection(tmp_path, renamed=True)
    image, _ = made.mammogram("P_00001", 1)
    small = square(3)[:-1]
    made.lesion(image, 1, small, swapped=True)
    made.tables()
    importer, cases, _ = found_in(tmp_path)
    np.testing.assert_array_equal(read_mask(importer, cases[0]), small)


def test_everything_wrong_is_named(tmp_path):
    made = Collection(tmp_path, renamed=True)
    names = {}
    for seed, kind in enumerate(("good", "nobody", "two", "crop only", "away", "cut", "no mask")):
        names[kind], _ = made.mammogram(f"P_{seed:05}", seed)
    folder = {kind: image.split("/")[0] for kind, image in names.items()}
    made.lesion(names["good"], 1, square(3))
    for kind in ("nobody", "two", "two", "cut", "no mask"):
        made.lesion(names[kind], 1, square(3))
    made.rows["train"][1][0] = ""
    made.rows["train"][2][0] = "P_99999"
    crop = made.path(f"{folder['crop only']}_1", 0)
    made.write(noise((9, 9), 16), crop)
    made.row(names["crop only"], 1, crop, crop)
    made.row(names["away"], 1, crop, "../../elsewhere/Mass-Training_P_1/000000.dcm")
    made.row("Mass-Training_P_77777_LEFT_CC/1/2/000000.dcm", 1, crop, crop)
    made.row(names["no mask"], 2, *(f"{folder['no mask']}_2/1/2/{number:06}.dcm" for number in (0, 1)))
    made.mammogram("P_88888", 8)
    made.tables()
    (file,) = (tmp_path / "CBIS-DDSM" / folder["cut"]).rglob("*.dcm")
    file.write_bytes(file.read_bytes()[:250])
    _, cases, problems = found_in(tmp_path)
    assert [case.name for case in cases] == [folder["good"]]
    assert problems["mammogram in no CSV file"] == ["Mass-Training_P_88888_LEFT_CC"]
    told = dict(text.rstrip(")").split(" (", 1) for text in problems["unusable mammogram"])
    assert set(told) == {"Mass-Training_P_77777_LEFT_CC", *folder.values()} - {folder["good"]}
    assert told[folder["nobody"]] == "the CSV file names no patient"
    assert told[folder["two"]] == "the CSV files name several patients"
    assert told[folder["crop only"]] == f"no mask in {folder['crop only']}_1, only a crop"
    assert "leads out of the folder" in told[folder["away"]]
    assert told["Mass-Training_P_77777_LEFT_CC"] == "no DICOM file in Mass-Training_P_77777_LEFT_CC"
    assert told[folder["no mask"]] == f"no DICOM file in {folder['no mask']}_2"
    assert "truncated" in told[folder["cut"]]


def test_the_film_is_cut_to_the_breast_unless_told_not_to(tmp_path):
    made = Collection(tmp_path, renamed=True)
    image, _ = made.mammogram("P_00001", 1)
    made.lesion(image, 1, square(30))
    made.tables()
    film = np.full(SHAPE, 500, np.uint16)
    film[20:70, :40], film[2:6, 50:58] = 30000, 65535
    (file,) = (tmp_path / "CBIS-DDSM" / image.split("/")[0]).rglob("*.dcm")
    save(film, file)
    for crop in (True, False):
        importer, cases, _ = found_in(tmp_path, crop=crop)
        read = importer.image(cases[0].image.file.read_bytes(), "")
        assert read.shape == SHAPE and read[30, 10] == 30000
        assert read[3, 52] == (500 if crop else 65535)


def test_what_is_not_the_collection(tmp_path):
    with pytest.raises(PigbenchError, match="holds no mass_case_description_train_set.csv"):
        found_in(tmp_path)
    table = tmp_path / "mass_case_description_train_set.csv"
    table.write_text(",".join(COLUMNS))
    with pytest.raises(PigbenchError, match="no folder such as"):
        found_in(tmp_path)
    table.write_text("patient_id,image\nP_1,x")
    with pytest.raises(PigbenchError, match="has no column image file path, roi mask file path"):
        found_in(tmp_path)
    archive = tmp_path / "cbis.zip"
    archive.write_bytes(b"PK")
    with pytest.raises(PigbenchError, match="unpack it"):
        found_in(archive)
