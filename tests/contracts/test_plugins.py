"""Plugins are built for a task that they can do; those of an earlier contract get one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pigbench import registry
from pigbench.contracts import (
    Batch,
    Config,
    Generator,
    Pairs,
    SampleRequest,
    Segmenter,
    Task,
    TrainView,
    instance,
    lesion_probabilities,
    planes,
    to_stored,
)
from pigbench.errors import PigbenchError
from pigbench.protocol import load_preset
from pigbench.randomness import torch_generator
from pigbench.stages.job import StageFailed
from pigbench.stages.sample import check, make_request
from pigbench.testing import check_generator
from pigbench.training import Loop

GREY = Task(8)
COLOUR = Task(8, channels=3, classes=("mass", "cyst"))


class Plain(Generator):
    """Grey, one class, as those of an earlier contract."""

    kind = "pairs"

    def sample(self, trained, request):
        images = request.noise()
        return Pairs.clipped(images, images > 0)


class Colourful(Plain):
    """Colour and any number of classes: labels in stripes."""

    channels = (1, 3)
    most_classes = None

    def sample(self, trained, request):
        masks = np.zeros((request.count, *self.task.mask_shape), np.uint8)
        for label in range(1, len(self.task.classes) + 1):
            masks[..., label] = label
        return Pairs.clipped(request.noise(), masks)


class TwoClasses(Colourful):
    most_classes = 2


def test_a_plugin_is_built_for_a_task_and_keeps_its_resolution() -> None:
    made = instance(Plain, Config(), Task(24))
    assert (made.task, made.resolution) == (Task(24), 24)
    with pytest.raises(TypeError, match=r"Plain is built for a Task, such as Task\(32\), not for 24"):
        Plain(Config(), 24)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("plugin", "task", "told"),
    [
        (Plain, Task(8, channels=3), r"Plain takes grey images alone \(channels = \(1,\)\), and these are in colour"),
        (
            Plain,
            Task(8, classes=("mass", "cyst")),
            r"Plain takes masks of 1 class at most \(most_classes\), and this dataset has mass, cyst",
        ),
        (TwoClasses, Task(8, classes=("a", "b", "c")), "TwoClasses takes masks of 2 classes at most"),
    ],
)
def test_what_a_plugin_cannot_do_is_refused(plugin: type[Generator], task: Task, told: str) -> None:
    with pytest.raises(PigbenchError, match=told):
        instance(plugin, Config(), task)


@pytest.mark.parametrize("given", [3, (), (1, 2), "RGB"])
def test_channels_that_no_task_has_are_refused_with_what_to_write(given: object) -> None:
    plugin = type("Slip", (Plain,), {"channels": given})
    for tried in (lambda: instance(plugin, Config(), Task(8)), lambda: check_generator(plugin)):
        with pytest.raises(PigbenchError, match=r"Slip.channels = .*: make it \(1,\) for grey, \(3,\) for colour"):
            tried()


def test_images_in_colour_and_several_classes_pass_the_border() -> None:
    view = TrainView(
        to_stored(np.zeros((4, *COLOUR.image_shape))), np.ones((4, *COLOUR.mask_shape), np.uint8), "abcd", "d"
    )
    generator = instance(TwoClasses, Config(), COLOUR)
    request = make_request(generator, view, range(2), 0, 0)
    assert request.noise().shape == (2, 3, 8, 8)
    pairs = generator.sample({}, request)
    check(pairs, "colourful", generator, 2)
    assert set(np.unique(pairs.masks)) == {0, 1, 2}
    assert view.pairs([0]).images.shape == (1, 3, 8, 8)
    beyond = Pairs(pairs.images, np.where(pairs.masks == 2, 3, pairs.masks).astype(np.uint8))
    with pytest.raises(StageFailed, match="masks with values up to 3"):
        check(beyond, "colourful", generator, 2)


class Earlier(Plain):
    def __init__(self, config, resolution):
        super().__init__(config, resolution)


class Sideways(Plain):
    def __init__(self, config, side, more=None):
        super().__init__(config, side)


class ForATask(Plain):
    def __init__(self, config, task):
        super().__init__(config, task)
        self.half = task.resolution // 2


class Passing(Plain):
    def __init__(self, *given):
        super().__init__(*given)


@pytest.mark.parametrize(
    ("plugin", "taken"), [(Earlier, "(self, config, resolution)"), (Sideways, "(self, config, side, more)")]
)
def test_an_init_of_an_earlier_contract_gets_one_sentence(plugin: type[Generator], taken: str) -> None:
    with pytest.raises(PigbenchError) as refused:
        instance(plugin, Config(), Task(8))
    assert f"{plugin.__name__}.__init__ takes {taken}: make it (self, config, task)" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_init_of_this_contract_is_called() -> None:
    assert instance(ForATask, Config(), Task(8)).half == 4
    assert instance(Passing, Config(), Task(8)).resolution == 8


def test_an_installed_plugin_of_an_earlier_contract_says_what_to_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = tmp_path / "bygone-1.0.dist-info"
    metadata.mkdir()
    (tmp_path / "bygone_plugin.py").write_text(
        "from pigbench.contracts import Generator\n\n\nclass Bygone(Generator):\n    kind = 'pairs'\n\n"
        "    def __init__(self, config, resolution):\n        super().__init__(config, resolution)\n\n"
        "    def sample(self, trained, request):\n        return None\n"
    )
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: bygone\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[pigbench.generators]\nbygone = bygone_plugin:Bygone\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(PigbenchError, match=r"^generator 'bygone' of bygone 1\.0: Bygone\.__init__ takes"):
        registry.plugins("generators")["bygone"].load()


class TwoLayers(Segmenter):
    """Any number of classes."""

    channels = (1, 3)
    most_classes = None

    def build(self):
        from torch import nn

        return nn.Conv2d(self.task.channels, len(self.task.classes), 3, padding=1)

    def loss(self, network, batch):
        return (network(batch.images).sigmoid() - planes(batch.masks, len(self.task.classes))).square().mean()

    def predict(self, network, images):
        return lesion_probabilities(network(images))


def cases(task: Task = GREY) -> TrainView:
    random = np.random.default_rng(0)
    images = random.uniform(-1, 1, (6, *task.image_shape))
    masks = random.integers(0, len(task.classes) + 1, (6, *task.mask_shape), dtype=np.uint8)
    return TrainView(to_stored(images), masks, "abcdef", "d")


def loop(steps: int) -> Loop:
    return Loop(load_preset("smoke").segmentation, steps, (0, "test"))


def test_a_segmenter_starts_from_given_weights() -> None:
    """Half of a training by hand, as the loop does it, from weights that are not those of `build`."""
    segmenter = instance(TwoLayers, Config(), Task(8))
    start = {name: value + 1 for name, value in segmenter.build().state_dict().items()}
    given = {name: value.clone() for name, value in start.items()}
    network = segmenter.build()
    network.load_state_dict(start)
    expected = loop(3).fit(network, segmenter.loss, cases(), augment=segmenter.augment).state_dict()
    found = segmenter.train(cases(), loop(3), start).state_dict()
    for name in expected:
        assert torch.equal(found[name], expected[name])
        assert torch.equal(start[name], given[name])  # the weights that are given stay as they are


def test_a_segmenter_learns_several_classes_in_colour() -> None:
    trained = instance(TwoLayers, Config(), COLOUR).train(cases(COLOUR), loop(2))
    assert trained.weight.shape == (2, 3, 3, 3)
    assert trained.weight.isfinite().all()


def test_the_loops_own_order_decides_what_a_step_sees() -> None:
    seen: list[np.ndarray] = []

    class Watched:
        def __len__(self) -> int:
            return 6

        def pairs(self, indices):
            seen.append(indices)
            return cases().pairs(indices)

    ordered = loop(3)
    ordered.order = lambda step: np.array([step, step + 1])
    instance(TwoLayers, Config(), Task(8)).train(Watched(), ordered)
    assert [indices.tolist() for indices in seen] == [[0, 1], [1, 2], [2, 3]]


def test_a_request_knows_its_task() -> None:
    request = SampleRequest(2, COLOUR, torch.device("cpu"), [torch_generator(0, i) for i in range(2)])
    assert request.resolution == 8
    assert request.noise().shape == (2, 3, 8, 8)
    batch = Batch(torch.zeros(2, 3, 8, 8), torch.zeros(2, 1, 8, 8), 0, torch_generator(0))
    assert batch.noise().shape == (2, 3, 8, 8)
