"""A fitted segmenter at work on held-out cases: every case once, by itself, as probabilities."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from pigbench import registry
from pigbench.contracts import Config, Segmenter, Task, lesion_probabilities
from pigbench.data.phantom.dataset import Phantom
from pigbench.data.prepare import Prepared, prepare
from pigbench.data.probabilities import foreground
from pigbench.errors import PigbenchError
from pigbench.stages import fit, predict


class Bright(Segmenter):
    """Lesion where a pixel is brighter than the network's one weight."""

    def build(self) -> torch.nn.Module:
        network = torch.nn.Module()
        network.level = torch.nn.Parameter(torch.zeros(()))
        return network

    def loss(self, network: torch.nn.Module, batch: Any) -> torch.Tensor:
        return ((batch.images - network.level) ** 2).mean()

    def predict(self, network: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
        return lesion_probabilities(images - network.level)


class Old(Bright):
    """As a segmenter was before it gave probabilities."""

    def predict(self, network: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
        return images > network.level


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    prepare(Phantom(patients=14), 8, tmp_path)  # 70 cases and more: the second batch is padded
    opened = Prepared(tmp_path)
    monkeypatch.setattr(registry, "find", lambda group, name: SimpleNamespace(load=lambda: Bright))
    numerics = {"device": "cpu", "precision": "float32", "threads": 1}
    spec = predict.PredictSpec(plugin="bright", settings={}, source="s", resolution=8, numerics=numerics, fold=0)
    return SimpleNamespace(
        spec=spec,
        prepared=opened,
        held_out=sorted(set(opened.patients)),
        device="cpu",
        directory=tmp_path,
        autocast=lambda: torch.autocast("cpu", enabled=False),
        result=lambda role: SimpleNamespace(weights={"level": torch.tensor(0.25)}),
        progress=lambda share, text: None,
    )


def test_every_held_out_case_is_predicted_with_the_weights_of_the_fit(job: Any) -> None:
    predict.STAGE.run(job)
    coded, images = predict.Predictions(job.directory).coded, job.prepared.images
    assert len(coded) == len(images) > predict.BATCH
    guessed = np.stack([foreground(each) for each in coded])
    assert (guessed == (images[:, 0] * np.float32(2 / 65535) - np.float32(1) >= 0.25)).all()


def test_a_segmenter_that_gives_masks_is_told_before_it_trains() -> None:
    fit._try_to_predict(Bright(Config(), Task(8)), Task(8))
    with pytest.raises(PigbenchError, match="predict"):
        fit._try_to_predict(Old(Config(), Task(8)), Task(8))
