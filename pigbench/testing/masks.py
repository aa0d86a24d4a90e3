"""Cases of many kinds, and sets of features, for trying metrics on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pigbench.contracts import CaseMasks, Sets
from pigbench.randomness import numpy_generator

SHAPE, SPACING = (24, 40), (0.5, 0.8)


def make_cases() -> dict[str, CaseMasks]:
    """Every drawn truth with every drawn prediction, with and without spacing, by what they show."""
    cases = {}
    for spacing in (None, SPACING):
        for true, truth in drawn_masks():
            for guessed, prediction in drawn_masks():
                known = "" if spacing is None else f", {spacing[0]} × {spacing[1]} mm"
                probability = np.where(prediction, np.float32(0.75), np.float32(0.25))
                name = f"{true} where the prediction is {guessed}{known}"
                cases[name] = CaseMasks(truth.copy(), prediction.copy(), probability, spacing)
    truth, prediction = (mask for _, mask in list(drawn_masks())[5:7])
    probability = np.where(prediction, np.float32(0.4), np.float32(0.2))
    cases["one class of several, the most probable by less than a half"] = CaseMasks(truth, prediction, probability)
    return cases


def drawn_masks() -> Iterator[tuple[str, np.ndarray]]:
    """Masks (24, 40), by what they show."""
    down, across = np.mgrid[: SHAPE[0], : SHAPE[1]]
    disc = (down - 9) ** 2 + (across - 12) ** 2 <= 36
    yield "empty", np.zeros(SHAPE, bool)
    yield "full", np.ones(SHAPE, bool)
    yield "a pixel in a corner", (down == 0) & (across == SHAPE[1] - 1)
    yield "a pixel", (down == 10) & (across == 12)
    yield "a line", down == 10
    yield "a disc", disc
    yield "a ring", disc & ((down - 9) ** 2 + (across - 12) ** 2 > 9)
    yield "several lesions", disc | ((down > 15) & (across > 30)) | ((down < 4) & (across > 34))
    yield "scattered pixels", numpy_generator("drawn masks").random(SHAPE) < 0.2


def make_sets() -> dict[str, Sets]:
    """Sets of features (D = 6), by what they show: new images, copies, and images that are all alike."""
    drawn = {name: _features(name, 36) for name in ("reference", "training", "heldout")}
    mirrored = drawn["training"][:, ::-1].copy()
    generated = {
        "new images": _features("generated", 30) + np.float32(0.3),
        "more images than there are real ones": _features("generated", 50),
        "copies of training images": drawn["training"][:30].copy(),
        "one image again and again": np.repeat(_features("generated", 1), 30, axis=0),
    }
    return {
        name: Sets(generated=made, mirrored=mirrored, m=min(len(made), 36), seed=0, **drawn)
        for name, made in generated.items()
    }


def _features(name: str, count: int) -> np.ndarray:
    return numpy_generator("features", name).normal(size=(count, 6)).astype(np.float32)
