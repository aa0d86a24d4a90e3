"""What a plugin cannot do at a resolution is found out before a run, and what it can is offered."""

from __future__ import annotations

from pathlib import Path

import pytest

from pigbench.api import checks
from pigbench.api.request import Options, set_up
from pigbench.errors import PigbenchError
from pigbench.planning.planner import make_plan
from pigbench.planning.resolutions import SMALLEST, refuse_impossible
from pigbench.protocol import load_preset

HALVING = '''
from pigbench.contracts import Component, Generator, Pairs, Segmenter


class Halving(Generator):
    """Halves twice and joins what it finds at each level, and never looks whether sides agree."""

    kind = "pairs"
    components = (Component("network"),)

    def build(self, component):
        from torch import nn

        return nn.Conv2d(1, 1, 3, padding=1)

    def loss(self, component, network, batch, trained):
        from torch.nn.functional import interpolate, max_pool2d

        images = network(batch.images)
        low = max_pool2d(max_pool2d(images, 2), 2)
        return (images + interpolate(low, scale_factor=4)).mean()

    def sample(self, trained, request):
        images = request.noise()
        return Pairs.clipped(images, images > 1)


class Broken(Halving):
    """Can be built, and works at no resolution."""

    def loss(self, component, network, batch, trained):
        raise RuntimeError("it forgot everything")


class Stubborn(Segmenter):
    """Works at no resolution."""

    def build(self):
        raise KeyError("no such encoder")

    def loss(self, network, batch):
        raise NotImplementedError

    def predict(self, network, images):
        raise NotImplementedError
'''


@pytest.fixture
def halving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger's plugins, installed."""
    metadata = tmp_path / "site" / "halving-1.0.dist-info"
    metadata.mkdir(parents=True)
    (tmp_path / "site" / "halving.py").write_text(HALVING)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: halving\nVersion: 1.0\n")
    generators = "[pigbench.generators]\nhalving = halving:Halving\nbroken = halving:Broken\n"
    segmenters = "[pigbench.segmenters]\nstubborn = halving:Stubborn\n"
    (metadata / "entry_points.txt").write_text(generators + segmenters)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))


def asked(tmp_path: Path, *changes: str, generator: str = "pig", segmenter: str = "unet") -> Options:
    return Options(
        generator=[generator],
        segmenter=[segmenter],
        preset="smoke",
        set=changes,
        device="cpu",
        store=tmp_path / "runs",
    )


def refusal(options: Options) -> str:
    with pytest.raises(PigbenchError) as refused:
        set_up(options)
    return str(refused.value)


@pytest.mark.parametrize(
    ("generator", "named", "pixels"),
    [
        ("pig", "pig", 30),
        ("joint", "joint", 30),
        ("segguided", "segguided", 30),
        ("ddim", "ddpm", 30),  # whose denoiser it borrows
        ("controlnet", "ddpm", 30),
        ("ldm", "ldm", 15),  # of the latents
    ],
)
def test_a_generator_and_the_nearest_resolutions_are_named(
    generator: str, named: str, pixels: int, tmp_path: Path
) -> None:
    said = refusal(asked(tmp_path, "resolution=30", generator=generator))
    assert said.startswith(f"resolution 30 is impossible for generator '{named}' ({pixels} pixels cannot be ")
    assert said.endswith(": take 28 or 32")


def test_what_is_offered_suits_all_of_the_run(tmp_path: Path) -> None:
    assert refusal(asked(tmp_path, "resolution=30", segmenter="segformer")).endswith(": take 24 or 32")  # halves thrice


def test_a_segmenter_is_asked_too(tmp_path: Path) -> None:
    said = refusal(asked(tmp_path, "resolution=30", generator="copy-paste"))
    assert said.startswith("resolution 30 is impossible for segmenter 'unet' (")


def test_a_network_too_deep_for_the_presets_own_resolution_is_refused(tmp_path: Path) -> None:
    said = refusal(
        asked(tmp_path, "diffusion.channels=[8,8,8,8,8]", "diffusion.attention=[false,false,false,false,false]")
    )
    assert said.startswith("resolution 16 is impossible for generator 'pig' (")
    assert said.endswith(": take 32")


def test_sides_need_not_be_multiples_of_powers_of_two(tmp_path: Path) -> None:
    assert refusal(asked(tmp_path, "diffusion.space_to_depth=3")).endswith(": take 12 or 24")


def test_a_strangers_network_that_fails_only_at_work_is_refused(halving, tmp_path: Path) -> None:
    said = refusal(asked(tmp_path, "resolution=18", generator="halving", segmenter="unet"))
    assert "generator 'halving' (The size of tensor" in said
    assert said.endswith(": take 16 or 20")


def test_what_works_at_no_resolution_is_left_to_the_run(halving, tmp_path: Path) -> None:
    set_up(asked(tmp_path, "resolution=32", generator="copy-paste", segmenter="stubborn"))
    set_up(asked(tmp_path, "resolution=32", generator="broken"))


def test_possible_ones_pass(tmp_path: Path) -> None:
    assert set_up(asked(tmp_path, "resolution=20")).request.protocol.preset.resolution == 20


@pytest.mark.parametrize("preset", ["smoke", "demo", "quick"])
def test_a_presets_own_resolution_is_possible_for_all(preset: str, tmp_path: Path) -> None:
    names = ["pig", "joint", "ddim", "segguided", "controlnet", "ldm"]
    segmenters = ["unet", "unetplusplus", "deeplabv3plus", "segformer"]
    setup = set_up(Options(generator=names, segmenter=segmenters, preset=preset, device="cpu", store=tmp_path))
    refuse_impossible(make_plan(setup.request).nodes())


def test_nothing_is_asked_where_nothing_can_have_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would cost every run the import of torch."""
    monkeypatch.setattr(checks, "check_resolution", lambda *_: pytest.fail("it was asked"))
    set_up(asked(tmp_path, "training.images=8", "segmentation.steps=2", "sampling.batch=2"))


def test_what_is_trained_is_not_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = asked(tmp_path, "resolution=20")
    setup = set_up(options)
    for node in make_plan(setup.request).nodes():
        if node.stage in ("train", "fit"):
            with setup.store.building() as directory:
                setup.store.publish(node.stage, node.key, directory, {})
    monkeypatch.setattr("pigbench.planning.resolutions.refuse_impossible", lambda nodes: pytest.fail("it was asked"))
    set_up(options)


def test_nothing_smaller_is_offered_than_a_preset_takes() -> None:
    with pytest.raises(PigbenchError, match="resolution"):
        load_preset("smoke", {"resolution": SMALLEST - 1})
    assert load_preset("smoke", {"resolution": SMALLEST}).resolution == SMALLEST
