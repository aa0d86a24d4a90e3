"""A dataset to tune on, a plugin that trains in a second, studies without training, and stages run in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SKETCH = '''
from typing import Annotated

from pydantic import Field

from pigbench.contracts import Component, Generator, Pairs, Range, TrainedConfig


class SketchConfig(TrainedConfig):
    """Width of the network."""

    width: Annotated[int, Range(4, 8)] = Field(4, gt=0)


class Sketch(Generator):
    """One network from noise and a mask to an image."""

    kind = "images-for-masks"
    Config = SketchConfig
    components = (Component("network", settings=("width",)),)

    def build(self, component):
        from torch import nn

        width = self.config.width
        return nn.Sequential(nn.Conv2d(2, width, 5, padding=2), nn.SiLU(), nn.Conv2d(width, 1, 5, padding=2))

    def loss(self, component, network, batch, trained):
        import torch

        if self.config.width == 7:
            raise RuntimeError("7 is not a width")
        return (network(torch.cat([batch.noise(), batch.masks], dim=1)) - batch.images).abs().mean()

    def sample(self, trained, request):
        import torch

        masks = torch.as_tensor(request.masks, dtype=torch.float32, device=request.device)
        return Pairs.clipped(trained["network"](torch.cat([request.noise(), masks], dim=1)), request.masks)
'''


@pytest.fixture
def sketch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A stranger's generator with one small network, which cannot be trained with a width of 7; its name."""
    from pigbench.sources import source_hash

    source_hash.cache_clear()  # the module is known from another test
    monkeypatch.delitem(sys.modules, "sketch_plugin", raising=False)
    metadata = tmp_path / "site" / "sketch-1.0.dist-info"
    metadata.mkdir(parents=True)
    (tmp_path / "site" / "sketch_plugin.py").write_text(SKETCH)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: sketch\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[pigbench.generators]\nsketch = sketch_plugin:Sketch\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return "sketch"


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store, `runs` of the working directory, with the dataset `tiny`: 24 cases of 12 patients, 16 × 16."""
    from PIL import Image

    from pigbench.cli import app

    random = np.random.default_rng(0)
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for case in range(24):
        image, mask = random.integers(0, 60, (16, 16), dtype=np.uint8), np.zeros((16, 16), np.uint8)
        top, left = random.integers(2, 9, 2)
        mask[top : top + 5, left : left + 5] = 255
        image[mask > 0] += 150
        for name, pixels in (("images", image), ("masks", mask)):
            Image.fromarray(pixels).save(tmp_path / name / f"p{case // 2:02}_{case}.png")
    monkeypatch.chdir(tmp_path)
    folders = ["--images", "images", "--masks", "masks", "--name", "tiny", "--patient-regex", r"(p\d+)_"]
    app(["data", "import", "folder", *folders], standalone_mode=False)
    return tmp_path / "runs"


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stages run in this process, which saves the imports of a worker; the labels of what was run."""
    from pigbench.engine.driver import Outcome
    from pigbench.engine.work import Task, perform
    from pigbench.stages.node import ordered

    ran: list[str] = []

    def run_plan(targets: Any, store: Any, dataset: str, *others: Any) -> Outcome:
        outcome = Outcome()
        for node in ordered(targets):
            if store.has(node.stage, node.key):
                continue
            if reasons := [
                outcome.failed[key] for key in (n.key for n in node.inputs.values()) if key in outcome.failed
            ]:
                outcome.failed[node.key] = reasons[0]
                continue
            try:
                perform(Task.of(node, dataset, store.root, 60.0), lambda share, text: None)
            except RuntimeError as error:
                outcome.failed[node.key] = f"{node.label}: {error}"
            ran.append(node.label)
        return outcome

    for user in ("pigbench.tuning.trial", "pigbench.engine.local"):
        monkeypatch.setattr(f"{user}.run_plan", run_plan)
    return ran


@pytest.fixture
def evaluation(tmp_path: Path) -> Callable[..., Any]:
    """A function that makes the evaluation of a plugin at `smoke` on no real patients: for what trains nothing."""
    from pigbench.planning.configured import choose_generator, choose_segmenter
    from pigbench.planning.plan import Request
    from pigbench.protocol import Protocol, load_preset
    from pigbench.store import Store
    from pigbench.tuning.trial import Evaluation, on_tuning_patients

    def make(name: str = "ddpm", *, segmenter: bool = False, own: Any = None, **changes: Any) -> Evaluation:
        preset, own = load_preset("smoke", changes), {name: own or {}}
        protocol = Protocol(preset=preset, dataset="phantom", dataset_identity="d" * 16, folds=3)
        generators = () if segmenter else (choose_generator(name, preset.diffusion, own),)
        segmenters = (choose_segmenter(name, preset.segmentation.network, own),) if segmenter else ()
        request = Request(protocol, generators, (8,), segmenters, (0,), makes_reference=True)
        return Evaluation(on_tuning_patients(request, 0.2), Store(tmp_path / "store"), 1, 60.0)

    return make
