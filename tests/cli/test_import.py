"""Datasets of other layouts from the command line: imported, looked at, validated, run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image


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
    assert "8 cases of 7 patients" in inspected.stdout
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
    assert "benign (1).png" in faults.stdout
    assert "8 cases read, 1 faults" in faults.stdout


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
