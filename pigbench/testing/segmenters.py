"""A segmenter in a fold in miniature, and its checks in the order in which they are made."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pigbench.contracts import Config, Pairs, Plugin, Segmenter, masks_of, require_probabilities, rule
from pigbench.errors import PigbenchError
from pigbench.protocol import plugin_config
from pigbench.randomness import seed_for
from pigbench.testing.at_work import (
    BATCH,
    AtWork,
    nothing_else_read,
    other_sizes,
    other_tasks,
    random_states_alone,
    view_unchanged,
)
from pigbench.testing.late_imports import late_imports
from pigbench.testing.pairs import require_same
from pigbench.testing.results import Check, Fault, promised, require_words
from pigbench.testing.weights import require_finite, require_one_number, require_resumable, through_a_file
from pigbench.training import Loop

if TYPE_CHECKING:
    import torch

ROUNDING = 1e-5
"""A network may round otherwise at another place in a batch."""
Weights = Mapping[str, "torch.Tensor"]


class SegmenterAtWork(AtWork):
    """A segmenter with a preset's settings, fitted when it is first asked for."""

    plugin: type[Segmenter]
    contract = Segmenter

    @cached_property
    def config(self) -> Any:
        """Its settings. Raises PigbenchError."""
        return plugin_config(self.plugin.Config, self.name, self.preset.segmentation.network, {})

    @cached_property
    def network(self) -> torch.nn.Module:
        """The fitted network."""
        return self.fit()

    def trial(self) -> np.ndarray:
        """The network fitted, one batch predicted."""
        return self.predict(self.network)

    def fresh(self) -> Segmenter:
        """The segmenter, without memories."""
        return self.made(self.plugin, self.config)

    def built(self) -> tuple[Segmenter, torch.nn.Module]:
        """A segmenter and its untrained network."""
        segmenter = self.fresh()
        return segmenter, self.untrained("build", segmenter.build, seed=seed_for("initial weights"))

    def fit(self, checkpoints: Path | None = None, start: Weights | None = None, **more: Any) -> torch.nn.Module:
        """A short training, which goes on from a checkpoint where there is one; `more` is the Loop's."""
        segmenter, settings = self.fresh(), self.preset.segmentation
        loop = Loop(settings, self.steps, (0, "segment", 0), checkpoints=checkpoints, interval=0.0, **more)
        return self.trained(
            "training",
            lambda: segmenter.train(self.view, loop, start),
            seed=seed_for("initial weights"),
            checkpoints=checkpoints,
        )

    def predict(self, network: torch.nn.Module, cases: range = range(BATCH)) -> np.ndarray:
        """The probabilities (n, K + 1, H, W) of those cases. Raises Fault."""
        import torch

        segmenter, images = self.fresh(), self.pairs.images[cases]
        with self.at_work("predict", Segmenter.predict), torch.inference_mode():
            found = segmenter.predict(network, torch.from_numpy(images.copy()))
            try:
                require_probabilities(found, self.task, len(images))
            except PigbenchError as error:
                raise Fault(str(error), rule("Probabilities are")) from None  # no size is refused so
        return found.numpy()


def declaration(subject: SegmenterAtWork) -> str:
    """The class is whole, and its settings fit the preset."""
    if inspect.isabstract(subject.plugin):
        missing = ", ".join(sorted(subject.plugin.__abstractmethods__))
        raise Fault(f"it does not have all methods: {missing}", promised(Segmenter))
    if not issubclass(subject.plugin.Config, Config):
        raise Fault("its Config is not a pigbench.contracts.Config", promised(Config))
    try:
        subject.config  # noqa: B018
    except PigbenchError as error:
        raise Fault(str(error), promised(Config)) from error
    require_words(subject.fresh(), pretrained_on=Plugin.pretrained_on)
    return ", ".join(f"{name}={value}" for name, value in subject.config.model_dump().items()) or "no settings"


def augmentation(subject: SegmenterAtWork) -> str:
    """The same seed gives the same pairs, of the same shape and range; what it was given stays as it was."""
    given = Pairs(subject.pairs.images.copy(), np.array(subject.pairs.masks))
    made = []
    for seed in (5, 6, 5):
        segmenter = subject.fresh()
        with subject.at_work("augment", Segmenter.augment):
            made.append(segmenter.augment(given, seed))
    first, _, again = made
    assert given.masks is not None
    for name, shape, kind in (("images", given.images.shape, np.float32), ("masks", given.masks.shape, np.uint8)):
        array = getattr(first, name)
        if array is None or array.shape != shape or array.dtype != kind:
            found = "none" if array is None else f"{array.shape} {array.dtype}"
            raise Fault(f"augment gives {name} {found}", promised(Segmenter.augment))
    if not np.isfinite(first.images).all() or np.abs(first.images).max() > 1:
        raise Fault("augment gives intensities that are not in [-1, 1]", rule("Intensities are"))
    assert first.masks is not None
    if first.masks.max() > len(subject.task.classes):
        raise Fault(f"augment gives masks with values up to {first.masks.max()}", rule("Masks are"))
    sentence = promised(Segmenter.augment)
    require_same(again, first, "augmented again with the same seed", sentence)
    require_same(given, subject.pairs, "after augmenting, the pairs that were given", sentence)
    return "a pure function of pairs and seed"


def training(subject: SegmenterAtWork) -> str:
    """The network trains to finite weights, and its loss is one number."""
    require_finite("the network", subject.network, Segmenter.loss)
    segmenter, network = subject.built()
    with subject.at_work("loss", Segmenter.loss):  # in evaluation mode: nothing but the loss could draw numbers
        loss = segmenter.loss(network.eval(), subject.batch())
    require_one_number("the loss", loss, Segmenter.loss)
    return f"{subject.steps} steps"


def prediction(subject: SegmenterAtWork) -> str:
    """Probabilities, the same for an image among others."""
    half = BATCH // 2
    first, moved = subject.predict(subject.network), subject.predict(subject.network, range(half, half + BATCH))
    _require_alike(moved[:half], first[half:], "predicted among other images", promised(Segmenter.predict), ROUNDING)
    return f"probabilities {first.shape}, {np.mean(masks_of(first) > 0):.0%} lesion"


def _require_alike(found: np.ndarray, expected: np.ndarray, where: str, sentence: str, tolerance: float = 0.0) -> None:
    off = float(np.abs(found - expected).max())
    if off > tolerance:
        raise Fault(f"{where}, probabilities differ by up to {off:.2g}", sentence)


def start(subject: SegmenterAtWork) -> str:
    """A training from other weights ends with other weights."""
    expected = subject.network.state_dict()
    others = {key: 1.01 * value + 0.01 if value.is_floating_point() else value for key, value in expected.items()}
    found = subject.fit(start=others).state_dict()
    if expected and all(found[key].equal(value) for key, value in expected.items()):
        raise Fault("from other weights it ends with the same ones", rule("A training that"))
    return "from other weights to other weights"


def weights_are_all(subject: SegmenterAtWork) -> str:
    """A network that is built anew and given the saved weights predicts alike."""
    loaded = through_a_file("the network", subject.network, subject.built()[1])
    again, expected = subject.predict(loaded), subject.predict(subject.network)
    _require_alike(again, expected, "from saved and loaded weights", rule("A network's weights"))
    return "saved, loaded into what build makes: same probabilities"


def resume(subject: SegmenterAtWork) -> str:
    """A training that is stopped and gone on with ends with the same weights."""
    return require_resumable("the network", subject.network, subject.fit, subject.steps)


CHECKS = (
    Check("declaration", declaration, first_of_all=True),
    Check("late imports", late_imports),
    Check("augmentation", augmentation),
    Check("training", training, first_of_all=True),
    Check("prediction", prediction, first_of_all=True),
    Check("random states", random_states_alone),
    Check("nothing else read", nothing_else_read),
    Check("view unchanged", view_unchanged),
    Check("weights are all", weights_are_all),
    Check("resume", resume),
    Check("start", start),
    Check("other sizes", other_sizes),
    Check("channels and classes", other_tasks),
)
