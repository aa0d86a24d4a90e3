"""Bad input gets a short, exact error and exit 2."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pigbench.cli import main


def call(arguments: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["pigbench", *arguments.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0), capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("run --generator pgi", "unknown generator 'pgi': did you mean 'pig'?"),
        ("run --segmenter unett", "unknown segmenter 'unett': did you mean 'unet'?"),
        ("run --dataset fantom", "unknown dataset 'fantom': did you mean 'phantom'?"),
        ("run --preset quik", "unknown preset 'quik': did you mean 'quick'?"),
        ("run --set training.learningrate=1", "did you mean 'training.learning_rate'"),
        ("run --set training.lr=1", "unknown --set key 'training.lr': did you mean 'training.learning_rate'?"),
        ("run --set trainig.batch=4", "did you mean 'training'?"),
        ("run --set ldm.kl_weight=1", "'ldm' takes no part in this run, which has pig, unet"),
        ("run --set something=1", "unknown --set key 'something': 'pigbench list settings' shows all"),
        ("run --generator xyz", "unknown generator 'xyz': known are"),
        ("run --set pig.giude=raw", "did you mean 'guide'"),
        ("run --set pig.guide=sharp", "guide: input should be 'raw' or 'binary', got 'sharp'"),
        ("run --set ddpm.ddpm_steps=8", "'ddpm' takes no part in this run"),
        ("run --set diffusion.stepz=8", "unknown --set key 'diffusion.stepz'"),
        ("run --set training.batch", "KEY=VALUE"),
        ("run --set fidelity.extractor=inceptoin --dry-run", "did you mean 'inception'"),
        ("run --set resolution=30 --dry-run", "resolution 30 is impossible for generator 'pig' (30 pixels"),
        (
            "evaluate --pairs . --name x --set resolution=30 --dry-run",
            "resolution 30 is impossible for segmenter 'unet'",
        ),
        ("run --n 1", "at least 2"),
        ("run --folds 1", "at least 2"),
        ("run --folds 500", "80 patients, fewer than 500 folds"),
        ("run --device gpu", "unknown device 'gpu'"),
        ("run --set pig.sampler=ddim --set pig.steps=30", "30 steps do not divide T = 1024"),
        ("run --store /proc/nowhere", "cannot be written"),
        ("compare nowhere", "nowhere"),
        ("sample --fold 7 --preset smoke", "the folds are 0 to 1"),
        ("sample --sheet sheet.png", "not trained with these settings: train pig.guider, fold 0; train pig.cond"),
        ("run --folds 0", "at least 2"),
        ("run --set training.learning_rate=Infinity", "learning_rate"),
        ("run --set training.images=null", "images or epochs"),
        ("sample --preset smoke --sheet nowhere/sheet.png", "its directory does not exist"),
        ("data show phantom --out nowhere/sheet.png", "nowhere"),
        ("data import folder --images nowhere --masks nowhere --name x", "nowhere"),
    ],
)
def test_it_names_the_fault(
    arguments: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import re

    monkeypatch.chdir(tmp_path)
    code, said = call(arguments, monkeypatch, capsys)
    assert code == 2
    assert re.search(re.escape(message) if "|" not in message else message, said), said
    assert len(said) < 700


def test_help_and_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run --help", monkeypatch, capsys)[0] == 0
    assert call("list nonsense", monkeypatch, capsys)[0] == 2


def test_an_image_without_its_mask_is_named_and_nothing_is_registered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import numpy as np
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    for name, stems in (("images", "ab"), ("masks", "b")):
        (tmp_path / name).mkdir()
        for stem in stems:
            pixels = np.zeros((8, 8), np.uint8)
            pixels[2:4] = 255
            Image.fromarray(pixels).save(tmp_path / name / f"{stem}.png")
    code, said = call("data import folder --images images --masks masks --name mine", monkeypatch, capsys)
    assert code == 2
    assert "image without a mask of the same stem: a\n" in said
    assert not (tmp_path / "runs" / "datasets" / "mine").exists()


def test_a_dataset_without_a_lesion_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import numpy as np
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
        for stem in "abcd":
            pixels = np.full((8, 8), 200 * (name == "images"), np.uint8)
            pixels[0, ord(stem) % 8] = 0
            Image.fromarray(pixels).save(tmp_path / name / f"{stem}.png")
    assert call("data import folder --images images --masks masks --name healthy", monkeypatch, capsys)[0] == 0
    code, said = call("run --dataset healthy --generator segguided --preset smoke", monkeypatch, capsys)
    assert code == 2
    assert "no case of dataset 'healthy' has a lesion" in said


def test_a_forgotten_dataset_s_name_is_free_again_and_the_phantom_stays(finished, tmp_path) -> None:
    assert finished("data", "forget", "phantom").returncode == 2
    images = ("--images", "pngs/images", "--masks", "pngs/masks", "--name", "passing", "--store", tmp_path / "store")
    alone = finished("data", "import", "folder", *images)
    assert "Careful: every case counts as its own patient" in alone.stdout
    by_patient = ("data", "import", "folder", *images, "--patient-regex", r"(p\d+)_")
    refused = finished(*by_patient)
    assert (refused.returncode, "pigbench data forget passing" in refused.stderr) == (2, True)
    assert finished("data", "forget", "passing", "--store", tmp_path / "store").returncode == 0
    assert finished(*by_patient).returncode == 0
    assert (finished.path / "pngs" / "images").is_dir()


def test_compiling_without_a_compiler_is_refused_before_any_work(make_home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    done = make_home()("run", "--preset", "smoke", "--set", "numerics.compile=true", "--device", "cpu", "--dry-run")
    assert done.returncode == 2
    assert "no-such-compiler" in done.stderr
    assert "numerics.compile=false" in done.stderr
