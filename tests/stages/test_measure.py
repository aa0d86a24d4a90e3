"""Predictions judged: on the network's grid as ever, on the image's own grid, and by metrics that break a rule."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pigbench.data import truth
from pigbench.data.phantom.colour import PhantomColour
from pigbench.data.phantom.dataset import Phantom
from pigbench.data.prepare import Prepared, prepare
from pigbench.data.probabilities import code
from pigbench.stages import ceiling, measure

METRICS = dict.fromkeys(("dice", "iou", "precision", "recall"), "hash")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three patients of the phantom at 32², and their truth."""
    directory = tmp_path_factory.mktemp("prepared")
    source = Phantom(patients=3)
    prepare(source, 32, directory)
    truth.write((source.read_truth(row) for row in range(len(source))), directory)
    return directory


def job(spec: Any, prepared: Path, out: Path, coded: np.ndarray | None = None) -> Any:
    """What the stage is given; every case is held out."""
    opened = Prepared(prepared)
    results = {
        "truth": SimpleNamespace(truth=truth.Truth(prepared)),
        "predict": SimpleNamespace(coded=coded),
        "fit": SimpleNamespace(facts={"steps": 3, "losses": [0.5] * 80, "seal": "s", "parameters": 1}),
    }

    def write_json(name: str, content: Any) -> None:
        import json

        (out / name).write_text(json.dumps(content))

    return SimpleNamespace(
        spec=spec,
        prepared=opened,
        held_out=sorted(set(opened.patients)),
        result=results.__getitem__,
        directory=out,
        progress=lambda share, text: None,
        write_json=write_json,
    )


def lesion_and_background(lesion: np.ndarray) -> np.ndarray:
    return np.concatenate([1 - lesion, lesion], axis=1).astype(np.float32)


def test_on_the_networks_grid_counts_are_those_of_logits_of_at_least_zero(prepared: Path, tmp_path: Path) -> None:
    masks = Prepared(prepared).masks
    logits = np.random.default_rng(0).normal(0, 2, masks.shape)
    logits[0, 0, 0, :3] = 0, 1e-12, -1e-12
    probabilities = np.where(logits >= 0, 0.5, np.nextafter(np.float32(0.5), np.float32(0))).astype(np.float32)
    probabilities = np.where(np.abs(logits) > 1e-3, 1 / (1 + np.exp(-logits)), probabilities)
    spec = measure.MeasureSpec(metrics=METRICS, fold=0)
    measure.STAGE.run(job(spec, prepared, tmp_path, code(lesion_and_background(probabilities))))
    found, lesion, guess = measure.Measured(tmp_path).scored, masks == 1, logits >= 0
    expected = {"tp": lesion & guess, "fp": ~lesion & guess, "fn": lesion & ~guess, "tn": ~lesion & ~guess}
    for name, pixels in expected.items():
        assert found.statistics[f"overlap.{name}"].tolist() == pixels.sum(axis=(1, 2, 3)).tolist()
    assert found.case_id == Prepared(prepared).case_ids
    assert found.area.tolist() == masks.mean(axis=(1, 2, 3)).tolist()


def test_on_the_images_grid_a_perfect_mask_scores_the_ceiling_and_the_truth_is_the_images(
    prepared: Path, tmp_path: Path
) -> None:
    masks = Prepared(prepared).masks
    spec = measure.MeasureSpec(metrics=METRICS, fold=0, longest=1024)
    measure.STAGE.run(job(spec, prepared, tmp_path, code(lesion_and_background(masks))))
    result = measure.Measured(tmp_path)
    assert (sum(result.scored.statistics.values()) == 512 * 512).all()
    assert 0.85 < result.values("dice").mean() < 0.97  # of pixels 16 times as large
    ceiling.STAGE.run(job(ceiling.CeilingSpec(metrics=METRICS, longest=1024), prepared, tmp_path))
    assert ceiling.MeanScores(tmp_path).numbers["dice"] == pytest.approx(result.values("dice").mean())


def test_a_grid_of_fewer_pixels_gives_about_the_same_scores(prepared: Path, tmp_path: Path) -> None:
    coded, means = code(lesion_and_background(Prepared(prepared).masks)), []
    for longest in (512, 128):
        spec = measure.MeasureSpec(metrics=METRICS, fold=0, longest=longest)
        measure.STAGE.run(job(spec, prepared, tmp_path, coded))
        result = measure.Measured(tmp_path)
        assert (sum(result.scored.statistics.values()) == longest**2).all()
        means.append(result.values("dice").mean())
    assert abs(means[0] - means[1]) < 0.02


def test_what_the_fit_took_goes_with_its_scores(prepared: Path, tmp_path: Path) -> None:
    coded = code(lesion_and_background(Prepared(prepared).masks))
    measure.STAGE.run(job(measure.MeasureSpec(metrics=METRICS, fold=0), prepared, tmp_path, coded))
    assert measure.Measured(tmp_path).facts == {"steps": 3, "losses": [0.5] * 50, "refused": {}}


@pytest.mark.parametrize("longest", [None, 1024])
def test_two_classes_are_judged_one_by_one(tmp_path: Path, longest: int | None) -> None:
    """A perfect prediction scores 1 in every class that a case has, and nothing in one that it lacks."""
    source = PhantomColour(patients=2)
    prepare(source, 32, tmp_path)
    truth.write((source.read_truth(row) for row in range(len(source))), tmp_path, classes=2)
    masks = np.array(Prepared(tmp_path).masks)
    masks[0][masks[0] == 2] = 0  # the first case loses a class
    chances = np.concatenate([masks == label for label in (0, 1, 2)], axis=1).astype(np.float32)
    spec = measure.MeasureSpec(metrics=METRICS, fold=0, classes=2, longest=longest)
    (out := tmp_path / "out").mkdir()
    given = job(spec, tmp_path, out, code(chances))
    given.prepared.masks = masks
    measure.STAGE.run(given)
    found = measure.Measured(out).scored
    assert found.class_ is not None and found.class_.tolist() == [0, 1] * len(source)
    assert found.case_id[::2] == found.case_id[1::2] == found.once.case_id == Prepared(tmp_path).case_ids
    dice = found.scores["dice"].reshape(-1, 2)
    if longest is None:
        np.testing.assert_array_equal(dice, [[1, np.nan], *[[1, 1]] * (len(source) - 1)])
        np.testing.assert_array_equal(found.once.scores["dice"], np.ones(len(source)))
        assert found.area[2] == (masks[1] > 0).mean()
    else:
        assert (dice[1:, 0] > dice[1:, 1]).all() and dice[0, 1] == 0  # nuclei are thin; the first are all missed
