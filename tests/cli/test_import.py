"""Datasets of other layouts from the command line: imported, looked at, validated, run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from pigbench.cli import app
from pigbench.data.datasets import open_dataset
from pigbench.errors import PigbenchError


@pytest.fixture(scope="module")
def busi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight pictures in BUSI's layout, the last one a brighter copy of the first."""
    root = tmp_path_factory.mktemp("Dataset_BUSI_with_GT")
    random = np.random.default_rng(0)
    first = None
    for number in range(1, 9):
        folder = root / ("benign" if number % 2 else "malignant")
        folder.mkdir(exist_ok=True)
        image = random.integers(20, 120, (40, 32), dtype=np.uint8)
        first = image if first is None else first
        if number == 8:
            image = (first * 1.3).astype(np.uint8)
        mask = np.zeros_like(image)
        mask[number : number + 12, 5:20] = 255
        name = f"{folder.name} ({number})"
        Image.fromarray(image).save(folder / f"{name}.png")
        Image.fromarray(mask).save(folder / f"{name}_mask.png")
    (root / "normal").mkdir()
    return root


def test_a_public_set_goes_all_the_way_and_its_pseudo_patients_are_named(make_home: Any, busi: Path) -> None:
    home = make_home()
    done = home("data", "import", "busi", busi, "--name", "busi")
    assert done.returncode == 0, done.stderr
    assert "8 cases" in done.stdout
    assert "7 pseudo-patients" in done.stdout
    inspected = home("data", "inspect", "busi", "--folds", 2, "--pictures", "suspects.png")
    assert "8 cases of 7 pseudo-patients" in inspected.stdout
    assert "no nearly equal images in two patients" in inspected.stdout
    assert "suspects.png is not written" in inspected.stdout and not (home.path / "suspects.png").exists()
    assert home("data", "validate", "busi").returncode == 0
    smoke = ("--preset", "smoke", "--workers", 1, "--set", "segmentation.steps=2")
    ran = home("run", "--generator", "noise", "--dataset", "busi", *smoke)
    assert ran.returncode == 0, ran.stderr
    assert "near-identical images count as one patient" in home("compare").stdout

    (busi / "benign" / "benign (1)_mask.png").write_bytes(b"gone")
    faults = home("data", "validate", "busi")
    assert faults.returncode == 1
    assert "benign (1)_mask.png" in faults.stdout
    assert "8 cases read, 1 fault\n" in faults.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("busy", ".", "--name", "x"), "did you mean 'busi'"),
        (("nnunet", "nowhere", "--name", "x"), "nowhere"),
        (("dicom", "pngs.zip", "--name", "x"), "archive"),
        (("folder", "pngs", "--name", "x", "--foreground", "lesion"), "give numbers"),
    ],
)
def test_what_cannot_be_imported_is_refused(finished: Any, arguments: tuple[str, ...], said: str) -> None:
    (finished.path / "pngs.zip").write_bytes(b"")
    done = finished("data", "import", *arguments)
    assert done.returncode == 2
    assert said in done.stderr


def write(root: Path, name: str, image: np.ndarray, mask: np.ndarray) -> None:
    for folder, pixels in (("images", image), ("masks", mask)):
        (root / folder).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(root / folder / f"{name}.png")


def folder(root: Path, *options: object) -> str:
    """What `data import folder` prints, in this process."""
    arguments = ("data", "import", "folder", root, "--name", "mine", "--store", root / "runs", *options)
    done = CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """Two patients' pictures of 64 × 64: a speck of a lesion, an inverted mask, and one in colour."""
    random = np.random.default_rng(0)
    speck, inverted = np.zeros((64, 64), np.uint8), np.full((64, 64), 255, np.uint8)
    speck[5:7, 5:7], inverted[20:40, 20:40] = 255, 0
    for name, mask, shape in (("a_1", speck, (64, 64)), ("a_2", inverted, (64, 64)), ("b_1", speck, (64, 64, 3))):
        write(tmp_path, name, random.integers(0, 255, shape, dtype=np.uint8), mask)
    return tmp_path


def test_what_an_import_lets_in_is_told(odd: Path) -> None:
    said = folder(odd, "--name", "coloured")
    assert "In colour; 2 grey images, read as colour of three equal channels.\n" in said
    (odd / "images/b_1.png").write_bytes(b"no picture")
    said = folder(odd, "--patient-regex", "^(.)_", "--skip-bad")
    assert "'mine': 2 cases, 1 patient, 1 file left out\n" in said
    assert "Nothing is left of 1 patient." in said
    assert f"listed in {odd / 'runs/datasets/mine/skipped.csv'}" in said
    assert "1 of 2 masks covers more than half of the image" in said
    assert ", 1 file left out" in said
    assert "in 1 of 2 images the lesion has fewer than 4 pixels at 32 × 32; none at 64 × 64 (small)" in said


def test_inspect_counts_large_masks_and_small_lesions_too(odd: Path) -> None:
    folder(odd, "--grey")
    done = CliRunner().invoke(app, ["data", "inspect", "mine", "--store", str(odd / "runs")], catch_exceptions=False)
    assert "mine: 3 cases, patients unknown, 0 with an empty mask" in done.stdout
    assert "1 of 3 masks covers more than half of the image" in done.stdout
    assert "in 2 of 3 images the lesion has fewer than 4 pixels at 32 × 32; none at 64 × 64 (small)" in done.stdout


def test_several_masks_are_counted(odd: Path) -> None:
    for name in ("a_1-left", "a_1-right"):
        Image.fromarray(np.eye(64, dtype=np.uint8) * 255).save(odd / "masks" / f"{name}.png")
    assert "1 image with several masks" in folder(odd, "--merge-masks", "--channel", "G")


def test_an_id_leads_back_to_its_files_where_they_were_imported(odd: Path) -> None:
    folder(odd, "--grey")
    case = open_dataset("mine", odd / "runs").cases()[1]

    def which(id: str, *options: object) -> str:
        arguments = ["data", "which", id, "--store", str(odd / "runs"), *map(str, options)]
        return CliRunner().invoke(app, arguments, catch_exceptions=False).stdout

    said = which(case.case_id)
    assert said == which(case.patient_id, "--dataset", "mine")
    name = next(name for name in ("a_1", "a_2", "b_1") if name in said)
    assert f"image: {odd / 'images' / name}.png" in said
    assert f"mask: {odd / 'masks' / name}.png" in said
    with pytest.raises(PigbenchError, match=r"no case or patient 'abc' in the imported datasets of .*: mine"):
        which("abc")


def test_a_file_that_moved_is_named_with_the_way_to_find_all_of_them(odd: Path) -> None:
    folder(odd, "--grey")
    (odd / "masks").rename(odd / "moved")
    with pytest.raises(PigbenchError) as error:
        CliRunner().invoke(app, ["data", "show", "mine", "--store", str(odd / "runs")], catch_exceptions=False)
    assert f"{odd / 'masks'}/" in str(error.value)
    assert "and 2 other files are gone" in str(error.value)
    assert "pigbench data validate mine" in str(error.value)


def test_a_run_says_what_its_resolution_costs_and_stops_at_once_where_files_have_moved(odd: Path) -> None:
    folder(odd, "--grey", "--patient-regex", "^(.)_")
    (odd / "images").rename(odd / "moved")
    arguments = ("run", "--generator", "identity", "--dataset", "mine", "--preset", "smoke", "--folds", "2")
    done = CliRunner().invoke(app, [*arguments, "--store", str(odd / "runs")])
    assert "in 2 of 3 images the lesion has fewer than 4 pixels at 16 × 16" in done.stderr
    assert isinstance(done.exception, PigbenchError)
    assert f"{odd / 'images'}/" in str(done.exception)
    assert not list((odd / "runs/artifacts").glob("*/*"))
